"""The page of one run: its parts, and what can be done with the run."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.files import write_json
from emotion_core.paths import PROJECT
from emotion_core.runs.catalog import list_runs, load_run
from emotion_core.runs.trash import deleted_runs
from emotion_core.training.final import final_config

PARTS = ["Scores", "Curves", "Mistakes", "Settings", "Model card"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        root, faces = tmp_path_factory.mktemp("runs"), random_faces(80)
        for seed, model in enumerate(("resnet18", "block_cnn")):
            write_random_run(root, faces, model=model, seed=seed, epochs=3)
        yield root


@pytest.fixture
def folder(written, tmp_path, monkeypatch):
    root = tmp_path / "checkpoints"
    shutil.copytree(written, root)
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(root))
    return root


def open_run(**query: str) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
    page.switch_page("pages/run.py")
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.warning, *page.info, *page.error]
    return "\n".join(item.value for item in parts)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_shown_from_a_link(folder, part):
    page = open_run(run="block_cnn", part=part)
    assert page.selectbox(key="run-shown").value == "block_cnn"
    assert page.segmented_control(key="part").value == part and not page.error


def test_changed_settings_come_first(folder):
    rows = open_run(run="resnet18", part="Settings").dataframe[0].value
    changed = rows["Changed"].tolist()
    assert changed == sorted(changed, reverse=True) and changed[0]
    epochs = rows[rows["Setting"] == "Epochs"].iloc[0]
    assert (epochs["This run"], epochs["Recipe"]) == ("3", "40") and epochs["Changed"]


def test_two_runs_side_by_side_show_what_differs(folder):
    page = open_run(run="resnet18", part="Settings")
    page.selectbox(key="run-other").set_value("block_cnn").run()
    differs, figures = (item.value for item in page.dataframe[1:3])
    assert differs["Setting"].tolist() == ["Model", "Seed"]
    assert differs.loc[0].tolist() == ["Model", "resnet18", "block_cnn"]
    accuracy = load_run("block_cnn", folder).report().test.accuracy
    assert figures["block_cnn"].tolist()[0] == f"{100 * accuracy:.1f} %"


def test_links_lead_on_with_this_run(folder):
    page = open_run(run="resnet18")
    links = {item.proto.label: item.proto for item in page.main.get("page_link")}
    assert {"Compare", "See its mistakes"} <= links.keys()
    assert "run=resnet18" in links["See its mistakes"].query_string
    assert links["Compare"].query_string.startswith("runs=resnet18")
    assert "Try it live" not in links, "it has no weights"
    load_run("resnet18", folder).weights_path.touch()
    assert "Try it live" in {i.proto.label for i in open_run(run="resnet18").get("page_link")}


def test_it_is_cloned_into_the_form(folder):
    page = open_run(run="block_cnn")
    page.button(key="clone-block_cnn").click().run()
    assert page.multiselect(key="train-models").value == ["block_cnn"]


def test_it_is_renamed_and_tagged(folder):
    page = open_run(run="block_cnn")
    page.text_input(key=f"run-name-{load_run('block_cnn', folder).id}-block_cnn").set_value("mine")
    save(page, "run-name").click().run()
    assert load_run("mine", folder).name == "mine" and page.query_params["run"] == "mine"
    page.text_input(key=f"run-tag-{load_run('mine', folder).id}-").set_value("for the talk")
    save(page, "run-tag").click().run()
    assert load_run("mine", folder).config().tag == "for the talk"
    assert any("for the talk" in label for label in page.selectbox(key="run-shown").options)


def test_a_note_is_written_and_shown(folder):
    page = open_run(run="block_cnn")
    identity = load_run("block_cnn", folder).id
    page.text_input(key=f"run-note-{identity}-").set_value("The run of the talk.")
    save(page, "run-note").click().run()
    assert load_run("block_cnn", folder).config().note == "The run of the talk."
    assert "The run of the talk." in texts(page)


def test_a_final_training_is_offered_once(folder):
    run = load_run("block_cnn", folder)
    assert "final-block_cnn" in {button.key for button in open_run(run="block_cnn").button}
    write_json(run.path / "config.json", final_config(run).replace(name="block_cnn").to_dict())
    assert "final-block_cnn" not in {button.key for button in open_run(run="block_cnn").button}


def test_a_name_that_is_taken_is_refused(folder):
    page = open_run(run="block_cnn")
    page.text_input(key=f"run-name-{load_run('block_cnn', folder).id}-block_cnn").set_value(
        "resnet18"
    )
    save(page, "run-name").click().run()
    assert "a run is called 'resnet18' already" in texts(page)
    assert {run.name for run in list_runs(folder)} == {"resnet18", "block_cnn"}


def save(page: AppTest, form: str):
    return next(b for b in page.button if b.label == "Save" and form in b.proto.form_id)


def test_it_is_deleted_after_a_question(folder):
    page = open_run(run="block_cnn")
    page.button(key="run-delete").click().run()
    assert deleted_runs(folder) == ["block_cnn"]
    assert page.title[0].value == "Training" and "Deleted block" in texts(page)


def test_visitors_of_a_demo_change_nothing(folder, monkeypatch):
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    page = open_run(run="block_cnn")
    assert "Only the owner may" in texts(page)
    assert not page.text_input and not {"run-delete"} & {button.key for button in page.button}


def test_without_runs_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    assert "No run has finished yet" in texts(open_run())
