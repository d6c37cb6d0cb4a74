"""What research/ says of the runs is what their folders say."""

import re
from dataclasses import replace

import pytest

from emotion_core.cli import main
from emotion_core.errors import ConfigError
from emotion_core.models.registry import list_models
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs, load_run
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.shipped import read_catalog
from research.experiments import experiment_config, experiments, find_run
from research.reproduce import table
from tests.samples import write_catalog

SHIPPED = PROJECT / "checkpoints"


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))


def written(config: TrainConfig, state: str) -> Run:
    run = create_run(config)
    run.write_status(replace(run.status(), state=state))
    return run


def test_an_unfinished_run_is_found_behind_a_newer_finished_one(own_folder):
    config = experiment_config("resnet18")
    older = written(config.replace(compile=True), "stopped")  # a setting of the machine alone
    newer = written(config, "finished")
    written(config.replace(seed=1), "stopped")
    assert find_run(config, finished=False) == older
    assert find_run(config, finished=True) == newer
    write_catalog(newer)
    assert find_run(config, finished=True) is None


def test_a_run_on_other_data_is_not_found(own_folder, tmp_path):
    config = experiment_config("resnet18", str(tmp_path / "faces"))
    run = written(config, "finished")
    assert find_run(config, finished=True) == run
    assert find_run(config.replace(data=f"{tmp_path}/./faces"), finished=True) == run
    assert find_run(config.replace(data="synthetic"), finished=True) is None


def test_an_unknown_run_is_answered_with_near_names():
    with pytest.raises(ConfigError, match="Did you mean 'resnet18'"):
        experiment_config("resnet81")


def test_the_settings_of_a_line_are_those_of_the_shipped_run():
    for name in read_catalog(SHIPPED).shipped:
        if name != "hog_svm":
            config = experiment_config(name)
            assert not load_run(name, SHIPPED).config().difference(config), name


def test_every_parent_of_a_shipped_network_can_be_trained_again():
    known = experiments()
    names = [name for name in read_catalog(SHIPPED).shipped if name != "hog_svm"]
    for name in names:  # which grows meanwhile
        config = experiment_config(name)
        assert known[name]["model"] in list_models(), name
        names += [parent for parent in config.needed() if parent not in names]
    assert len(names) > 15


def test_the_catalogue_names_each_folder_and_no_other():
    catalog = read_catalog(SHIPPED)
    folders = {path.name for path in SHIPPED.iterdir() if (path / "config.json").exists()}
    ours = {name for name in folders if not re.match(r"\d{8}-\d{6}-", name)}
    assert ours == set(catalog.shipped) and len(ours) <= 16
    assert set(catalog.shown) <= ours and len(catalog.shown) <= 12
    assert set(catalog.ensemble) <= ours and set(catalog.former.values()) <= ours
    for run in list_runs(SHIPPED):
        if run.id in ours:
            assert run.name == run.id and run.config().note and not run.problem


README = (PROJECT / "README.md").read_text(encoding="utf-8")
RESULTS = (PROJECT / "docs/results.md").read_text(encoding="utf-8")


def names_in(table: str) -> list[str]:
    """Runs that a results table names."""
    return [name for name in read_catalog(SHIPPED).shipped if re.search(rf"[|+] {name}[, ]", table)]


def table_of(text: str) -> str:
    return text.split("<!-- results -->\n")[1].split("\n<!-- /results -->")[0]


@pytest.mark.parametrize("name", sorted({*names_in(README), *names_in(RESULTS)}))
def test_every_name_in_the_tables_can_be_compared(name, monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(SHIPPED))
    assert main(["compare", name, "--json", str(tmp_path / "out.json")]) == 0
    assert f'"{name}"' in (tmp_path / "out.json").read_text()


def test_the_tables_name_every_shipped_run():
    assert set(names_in(RESULTS)) == set(read_catalog(SHIPPED).shipped)
    assert set(names_in(table_of(README))) == set(read_catalog(SHIPPED).ensemble)


@pytest.mark.parametrize(("text", "kind"), [(README, "headline"), (RESULTS, "shipped")])
def test_the_tables_are_those_of_the_run_folders(text, kind):
    shipped = {run.id: run for run in list_runs(SHIPPED)}
    found = table(kind, read_catalog(SHIPPED), shipped)
    assert table_of(text) == found, f"python -m research.reproduce --table {kind}"
