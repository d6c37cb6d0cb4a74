import json

import pytest

from emotion_core import access
from emotion_core.cli import main
from emotion_core.errors import AccessError, RunError
from emotion_core.files import write_json
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs import registry
from emotion_core.runs.catalog import aliased_runs, champion, list_runs, load_run, pick_run
from emotion_core.runs.create import create_run
from emotion_core.runs.trash import delete_run
from tests.samples import change_report, write_catalog, write_report, write_untrained


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three finished runs: best on validation, best of both, and one of unknown transfer."""
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "runs"))
    found = []
    for name, val, transfer in (
        ("sharp", 0.75, 0.40),
        ("robust", 0.72, 0.60),
        ("unknown", 0.9, None),
    ):
        run = create_run(TrainConfig(name=name))
        write_untrained(run, 0)
        write_report(run, {"val.accuracy": val})
        if transfer:
            measured = {"transfer": transfer, "fingerprint": "own"}
            write_json(run.path / "transfer.json", measured)
        found.append(run)
    return found


def test_the_first_champion_is_best_on_validation_and_transfer_of_the_shipped(runs):
    assert champion().name == "robust"
    write_catalog(runs[0])
    assert champion().name == "sharp" and load_run("@champion").name == "sharp"


def test_the_test_split_does_not_choose_the_first_champion(runs):
    write_json(runs[0].path / "robustness.json", {"mean": 0.99})
    change_report(runs[0], {"test.accuracy": 1.0})
    assert champion().name == "robust"


def test_a_transfer_measured_on_other_faces_does_not_count(runs):
    measured = {"transfer": 0.99, "fingerprint": "another"}
    write_json(runs[0].path / "transfer.json", measured)
    assert champion().name == "robust"
    for text in ("{", "[]", '{"transfer": "much", "fingerprint": "own"}'):
        (runs[1].path / "transfer.json").write_text(text)
        assert champion().name == "unknown"


def test_the_shipped_champion_follows_the_rule(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path))
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(PROJECT / "checkpoints"))
    scores = {}
    for run in list_runs():
        if run.weights_path.exists():
            accuracy, path = run.report().val.accuracy, run.path / "transfer.json"
            if path.exists():  # goes before every run that was not measured
                scores[run.name] = 1 + (accuracy + json.loads(path.read_text())["transfer"]) / 2
            else:
                scores[run.name] = accuracy
    assert len(scores) == 10
    assert champion().name == max(scores, key=scores.get)


def test_promotion_and_rollback_are_exact_and_written_down(runs):
    sharp, robust, _ = runs
    registry.promote(sharp, robust, why="faster", gate={"passed": True})
    assert champion() == sharp and pick_run("@previous") == robust
    registry.rollback(why="it flickers")
    assert champion() == robust and load_run("@previous") == sharp
    first, second = registry.read_registry().history
    assert (first.action, first.run, first.before, first.why) == (
        "promote",
        sharp.id,
        robust.id,
        "faster",
    )
    assert first.gate == {"passed": True} and first.who and first.when
    assert (second.action, second.run, second.before) == ("rollback", robust.id, sharp.id)


def test_a_run_that_is_champion_or_has_no_weights_is_not_promoted(runs):
    sharp, robust, _ = runs
    with pytest.raises(RunError, match="champion already"):
        registry.promote(robust, robust)
    sharp.weights_path.unlink()
    with pytest.raises(RunError, match="no weights"):
        registry.promote(sharp, robust)
    with pytest.raises(RunError, match="no previous champion"):
        registry.rollback()


def test_own_aliases_are_set_and_removed(runs):
    registry.set_alias("@demo", runs[0])
    assert pick_run("@demo") == runs[0]
    registry.set_alias("@demo", None)
    for name, reason in (("@demo", "There is no alias"), ("@No Name", "is not an alias")):
        with pytest.raises(RunError, match=reason):
            load_run(name)
    with pytest.raises(RunError, match="promote and rollback alone"):
        registry.set_alias("@champion", runs[0])


def test_a_champion_that_was_deleted_is_told(runs):
    sharp, robust, _ = runs
    registry.promote(sharp, robust)
    delete_run(sharp)
    with pytest.raises(RunError, match=r"@champion is run .* not there any more.*rollback"):
        champion()
    registry.rollback()
    assert champion() == robust


def test_a_damaged_registry_is_one_clear_error(runs, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "registry.json").write_text('{"aliases": []')
    with pytest.raises(RunError, match=r"registry\.json cannot be read"):
        champion()


def test_only_the_owner_promotes(runs, monkeypatch):
    monkeypatch.setattr(access, "current_role", lambda: access.Role.DEMO)
    for change in (
        lambda: registry.promote(runs[0], runs[1]),
        registry.rollback,
        lambda: registry.set_alias("@demo", runs[0]),
    ):
        with pytest.raises(AccessError):
            change()


def test_the_commands_tell_and_change_aliases(runs, capsys):
    assert main(["registry"]) == 0
    assert "@champion  robust  (by validation and transfer)" in capsys.readouterr().out
    registry.promote(runs[0], runs[1])
    assert main(["rollback", "--why", "because"]) == 0
    assert main(["registry", "--set", "@demo", "sharp"]) == 0
    assert main(["registry", "--json"]) == 0
    printed = capsys.readouterr().out
    document = json.loads(printed[printed.index("{") :])
    assert document["aliases"]["@champion"] == runs[1].id
    assert [entry["action"] for entry in document["history"]] == ["promote", "rollback", "set"]


def test_runs_by_alias_leave_out_those_that_are_gone(runs):
    assert {name: run.name for name, run in aliased_runs().items()} == {"@champion": "robust"}
    registry.promote(runs[0], runs[1])
    registry.set_alias("@mine", runs[2])
    named = {name: run.name for name, run in aliased_runs().items()}
    assert named == {"@champion": "sharp", "@previous": "robust", "@mine": "unknown"}
    assert list(named)[:2] == ["@champion", "@previous"]
    delete_run(runs[2])
    assert "@mine" not in aliased_runs()
