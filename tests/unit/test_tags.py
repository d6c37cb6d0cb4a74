"""A run's tag: stored beside its name, found by pickers, an owner's alone."""

import pytest

from emotion_core import access
from emotion_core.access import Role
from emotion_core.errors import AccessError, ConfigError, RunError
from emotion_core.files import read_json
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.words import run_labels
from emotion_core.runs.create import create_run, tag_run
from emotion_core.runs.status import Status


@pytest.fixture
def run(tmp_path):
    made = create_run(TrainConfig(model="resnet18"), tmp_path)
    made.write_status(Status(state="finished"))
    return made


def test_a_tag_is_stored_beside_the_name_and_said_by_every_label(run):
    tag_run(run, " for the talk ")
    assert read_json(run.path / "config.json")["tag"] == "for the talk"
    assert run.name == "resnet18"
    label = run_labels({run.name: (run.config(), None)})[run.name]
    assert label == "ResNet-18 · our recipe · for the talk"
    tag_run(run, "")
    assert run.config().tag == ""


@pytest.mark.parametrize("tag", ["x" * 31, "two\nlines"])
def test_a_tag_that_breaks_its_rule_is_refused_and_nothing_changes(run, tag):
    tag_run(run, "before")
    with pytest.raises(ConfigError, match="tag must be one line of at most 30 letters"):
        tag_run(run, tag)
    assert run.config().tag == "before"


def test_a_run_that_waits_to_be_trained_is_not_tagged(run):
    run.write_status(Status(state="queued", queued="2999-01-01T00:00:00+00:00"))
    with pytest.raises(RunError, match="cannot be tagged"):
        tag_run(run, "x")


def test_visitors_of_a_demo_tag_nothing(run, monkeypatch):
    monkeypatch.setattr(access, "_role", lambda: Role.DEMO)
    with pytest.raises(AccessError):
        tag_run(run, "x")
    assert run.config().tag == ""
