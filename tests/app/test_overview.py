"""The Overview without runs, with runs on several test sets, with broken and working ones."""

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from tests.samples import change_report


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "checkpoints"))
    return tmp_path / "checkpoints"


def open_overview() -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
    assert not page.exception
    return page


def subheaders(page: AppTest) -> list[str]:
    return [item.value for item in page.main.subheader]


def boards(page: AppTest) -> list[str]:
    return [item.proto.body for item in page.get("html") if 'class="board"' in item.proto.body]


def texts(page: AppTest) -> str:
    return "\n".join(item.value for item in [*page.markdown, *page.caption])


def mark_as_photographs(run, name: str) -> None:
    change_report(run, {"data.synthetic": False, "data.name": name})


def test_without_runs_it_says_what_to_do(root):
    page = open_overview()
    assert "No finished run yet" in texts(page)
    assert subheaders(page) == ["What to do next", "This machine", "Responsible use"]
    assert not page.metric and not boards(page)
    assert "Needs two finished runs; there are none yet." in texts(page)


def test_the_best_run_comes_with_its_interval_and_cost(root):
    faces = random_faces(300)
    for seed, skill in enumerate((1.0, 4.0)):
        run = write_random_run(
            root, faces, model=("resnet18", "block_cnn")[seed], seed=seed, skill=skill
        )
    test = run.report().test
    page = open_overview()
    assert subheaders(page)[0] == "Best result: Block CNN"
    accuracy = page.metric[0]
    assert accuracy.value == f"{100 * test.accuracy:.1f} %"
    low, high = test.accuracy_ci95
    assert accuracy.delta == f"95 % interval {100 * low:.1f} to {100 * high:.1f}"
    assert [item.label for item in page.metric] == [
        *("Accuracy", "Macro-F1", "Calibration error (ECE)", "Time per face")
    ]
    (board,) = boards(page)
    assert board.index("Block CNN") < board.index("ResNet-18")
    assert "300 test faces" in board


def test_the_best_run_is_chosen_on_validation(root):
    faces = random_faces(300)
    write_random_run(root, faces, model="resnet18", seed=0, skill=4.0)
    lucky = write_random_run(root, faces, model="block_cnn", seed=1, skill=4.0)
    change_report(lucky, {"test.accuracy": 0.99, "val.accuracy": 0.1})
    page = open_overview()
    assert subheaders(page)[0] == "Best result: ResNet-18"
    assert "selected by validation accuracy (" in texts(page)
    (board,) = boards(page)
    assert board.index("Block CNN") < board.index("ResNet-18")


def test_drawn_faces_never_outrank_photographs(root):
    drawn = write_random_run(root, random_faces(400, 1), model="resnet50", seed=0, skill=9.0)
    real = write_random_run(root, random_faces(200, 2), model="sequential", seed=0, skill=2.0)
    assert drawn.report().data.synthetic, "the fixture's faces count as drawn"
    mark_as_photographs(real, "my faces")
    page = open_overview()
    assert subheaders(page)[0] == "Best result: Sequential"
    assert [name for name in subheaders(page) if name.startswith("Runs on")] == [
        "Runs on my faces",
        f"Runs on {drawn.report().data.name}",
    ]
    first, second = boards(page)
    assert "Sequential" in first and "ResNet-50" not in first
    assert "ResNet-50" in second and "Sequential" not in second
    assert sum("synthetic" in item.value for item in page.markdown) == 1


def test_only_drawn_faces_are_marked_as_such(root):
    write_random_run(root, random_faces(200), model="sequential", seed=0, skill=2.0)
    page = open_overview()
    assert sum("synthetic" in item.value for item in page.markdown) == 2, "best result and board"


def test_names_from_disk_are_shown_as_text(root):
    run = write_random_run(root, random_faces(200), model="sequential", seed=0, skill=2.0)
    change_report(run, {"model": "<img src=x onerror=alert(1)>"})
    (board,) = boards(open_overview())
    assert "<img" not in board and "&lt;img" in board


def test_broken_and_unfinished_runs_do_no_harm(root):
    create_run(TrainConfig(epochs=3), root)
    broken = create_run(TrainConfig(model="resnet18"), root)
    (broken.path / "config.json").write_text("{")
    page = open_overview()
    assert "No finished run yet" in texts(page)
    assert "1 run at work or waiting" in texts(page)


def test_the_law_is_named(root):
    shown = texts(open_overview())
    assert "Article 5(1)(f)" in shown and "Article 50(3)" in shown
    assert "does not know what a person **feels**" in shown


def test_the_menu_leads_to_every_page(root):
    page = open_overview()
    linked = {item.proto.page for item in page.sidebar.get("page_link")}
    on_disk = {path.stem for path in (PROJECT / "pages").glob("*.py")}
    assert on_disk <= linked, "a page is missing in the menu"
    assert len(linked) == len(on_disk) + 1
