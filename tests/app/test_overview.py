"""The Overview without runs, with runs on several test sets, with broken and working ones."""

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from pages._ui import cache
from tests.samples import change_report


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "checkpoints"))
    return tmp_path / "checkpoints"


def open_overview() -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
    assert not page.exception
    return page


def headings(page: AppTest) -> list[str]:
    return [item.value for item in [*page.main.header, *page.main.subheader]]


def tables(page: AppTest) -> list[list[str]]:
    """The models of each table, from the top."""
    return [item.value["Model"].tolist() for item in page.dataframe]


def texts(page: AppTest) -> str:
    return "\n".join(item.value for item in [*page.markdown, *page.caption])


def mark_as_photographs(run, name: str) -> None:
    change_report(run, {"data.synthetic": False, "data.name": name})


def test_without_runs_it_says_what_to_do(root):
    page = open_overview()
    assert "No finished run yet" in texts(page)
    assert headings(page) == ["This machine", "Responsible use"]
    assert not page.metric and not tables(page)
    assert "Needs two finished runs; there are none yet." in texts(page)


def test_the_best_run_comes_with_its_interval(root):
    faces = random_faces(300)
    for seed, skill in enumerate((1.0, 4.0)):
        run = write_random_run(
            root, faces, model=("resnet18", "block_cnn")[seed], seed=seed, skill=skill
        )
    test = run.report().test
    page = open_overview()
    (best,) = page.metric
    assert best.label == "Best result: Block CNN"
    assert best.value == f"{100 * test.accuracy:.1f} %"
    low, high = test.accuracy_ci95
    assert f"95 % interval {100 * low:.1f} to {100 * high:.1f}" in best.help
    assert best.delta == "", "drawn faces are not those of the study"
    assert tables(page) == [["Block CNN", "ResNet-18"]]
    assert "300 test faces" in texts(page)


def test_the_best_run_is_chosen_on_validation(root):
    faces = random_faces(300)
    write_random_run(root, faces, model="resnet18", seed=0, skill=4.0)
    lucky = write_random_run(root, faces, model="block_cnn", seed=1, skill=4.0)
    change_report(lucky, {"test.accuracy": 0.99, "val.accuracy": 0.1})
    page = open_overview()
    assert page.metric[0].label == "Best result: ResNet-18"
    assert "selected by validation accuracy (" in texts(page)
    assert tables(page) == [["Block CNN", "ResNet-18"]]


def test_drawn_faces_never_outrank_photographs(root):
    drawn = write_random_run(root, random_faces(400, 1), model="resnet50", seed=0, skill=9.0)
    real = write_random_run(root, random_faces(200, 2), model="sequential", seed=0, skill=2.0)
    assert drawn.report().data.synthetic, "the fixture's faces count as drawn"
    mark_as_photographs(real, "my faces")
    page = open_overview()
    assert page.metric[0].label == "Best result: Sequential"
    assert headings(page)[:2] == [
        "Results on my faces",
        f"Results on {drawn.report().data.name}",
    ]
    assert tables(page) == [["Sequential"], ["ResNet-50"]]
    assert sum("synthetic" in item.value for item in page.markdown) == 1


def test_only_drawn_faces_are_marked_as_such(root):
    write_random_run(root, random_faces(200), model="sequential", seed=0, skill=2.0)
    page = open_overview()
    assert sum("synthetic" in item.value for item in page.markdown) == 2, "best result and board"


def test_the_best_of_each_architecture_is_shown_until_all_are_asked_for(root):
    faces = random_faces(100)
    for seed, skill in enumerate((1.0, 5.0, 3.0)):
        write_random_run(root, faces, model="resnet18", seed=seed, skill=skill)
    write_random_run(root, faces, model="block_cnn", skill=2.0)
    page = open_overview()
    assert tables(page) == [["ResNet-18", "Block CNN"]]
    toggle = page.toggle[0]
    assert toggle.label == "Show all 4 runs"
    toggle.set_value(True).run()
    assert sorted(tables(page)[0]) == ["Block CNN", *["ResNet-18"] * 3]
    accuracies = page.dataframe[0].value["Accuracy"].tolist()
    assert accuracies == sorted(accuracies, reverse=True)
    filters = page.button_group[0]
    assert filters.options == ["Study recipe", "Our recipe", "My runs", "With weights"]
    filters.set_value(["Study recipe"]).run()
    assert not tables(page) and "No run fits all of these filters." in page.info[0].value
    page.button_group[0].set_value(["Our recipe"]).run()
    assert len(tables(page)[0]) == 4 and "4 of 4 runs" in texts(page)


def test_shipped_runs_answer_on_the_first_screen(monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(PROJECT / "checkpoints"))
    page = open_overview()
    assert page.metric[0].delta == "+12.2 points over the study"
    assert len(page.get("plotly_chart")) == 1
    (table,) = page.dataframe
    assert len(table.value) == 11 and table.value["Accuracy"].max() == pytest.approx(71.0, abs=0.1)
    ensemble = next(item.value for item in page.markdown if "Ensemble of 3" in item.value)
    assert "MobileNet, Emotion Net and EfficientNet-Lite0" in ensemble
    links = {item.proto.label: item.proto.query_string for item in page.main.get("page_link")}
    assert links["The study's five"] == "preset=study"
    assert links["About this run"] == "run=mobilenet_v1"


def test_a_page_looks_through_the_run_folders_once(root, monkeypatch):
    write_random_run(root, random_faces(60), epochs=1)
    looked = []
    found = cache.list_runs
    monkeypatch.setattr(cache, "list_runs", lambda *given: looked.append(1) or found(*given))
    page = open_overview()
    for name in ("comparison", "predictions", "run"):
        looked.clear()
        page.switch_page(f"pages/{name}.py").run()
        assert not page.exception and len(looked) == 1, name
    write_random_run(root, random_faces(60), model="resnet18", epochs=1)
    page.run()
    assert len(page.selectbox(key="run-shown").options) == 2, "a new run is seen"


def test_names_from_disk_are_shown_as_text(root):
    run = write_random_run(root, random_faces(200), model="sequential", seed=0, skill=2.0)
    change_report(run, {"model": "<img src=x onerror=alert(1)>"})
    page = open_overview()
    assert tables(page) == [["<img src=x onerror=alert(1)>"]], "a table shows text alone"
    assert "\\<img" in page.metric[0].label


def test_broken_and_unfinished_runs_do_no_harm(root):
    create_run(TrainConfig(epochs=3), root)
    broken = create_run(TrainConfig(model="resnet18"), root)
    (broken.path / "config.json").write_text("{")
    page = open_overview()
    assert "No finished run yet" in texts(page)
    assert "1 run training or queued" in texts(page)


def test_the_law_is_named(root):
    shown = texts(open_overview())
    assert "Article 5(1)(f)" in shown and "Article 50(3)" in shown
    assert "does not know what a person **feels**" in shown


def test_the_menu_leads_to_every_page(root):
    page = open_overview()
    linked = {item.proto.page for item in page.sidebar.get("page_link")}
    on_disk = {path.stem for path in (PROJECT / "pages").glob("*.py")}
    on_disk.remove("run")  # reached from every row and link that names a run
    assert on_disk <= linked, "a page is missing in the menu"
    assert len(linked) == len(on_disk) + 1
