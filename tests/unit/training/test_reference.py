"""Reference runs are found again: finished ones apart from those to go on with."""

from dataclasses import replace

import pytest

from emotion_core.errors import ConfigError
from emotion_core.models.registry import list_models
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.markdown import markdown_table
from emotion_core.runs.catalog import is_shipped, list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.training.reference import find_run, reference_config, reference_configs
from tests.samples import write_catalog


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))


def written(config: TrainConfig, state: str) -> Run:
    run = create_run(config)
    run.write_status(replace(run.status(), state=state))
    return run


def test_an_unfinished_run_is_found_behind_a_newer_finished_one():
    config = reference_config("best-resnet18")
    older = written(config.replace(compile=True), "stopped")  # a setting of the machine alone
    newer = written(config, "finished")
    written(config.replace(seed=1), "stopped")
    assert find_run(config, finished=False) == older
    assert find_run(config, finished=True) == newer
    write_catalog(newer)
    assert find_run(config, finished=True) is None


def test_a_run_on_other_data_is_not_found(tmp_path):
    config = reference_config("best-resnet18", str(tmp_path / "faces"))
    run = written(config, "finished")
    assert find_run(config, finished=True) == run
    assert find_run(config.replace(data=f"{tmp_path}/./faces"), finished=True) == run
    assert find_run(config.replace(data="synthetic"), finished=True) is None


def test_every_reference_run_is_of_a_known_architecture():
    for config in reference_configs().values():
        assert config.model in list_models()


def test_an_unknown_reference_run_is_named():
    with pytest.raises(ConfigError, match="best-resnet18"):
        reference_config("best-resnet81")


def test_the_tables_in_readme_and_docs_are_those_of_the_run_folders():
    shipped = [run for run in list_runs(PROJECT / "checkpoints") if is_shipped(run)]
    for place, best_only in (("README.md", True), ("docs/results.md", False)):
        text = (PROJECT / place).read_text()
        table = text.split("<!-- results -->\n")[1].split("\n<!-- /results -->")[0]
        assert table == markdown_table(shipped, best_only=best_only), f"write {place} again"
