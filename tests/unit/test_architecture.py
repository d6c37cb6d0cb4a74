"""Standing rules of the house: who imports whom, and that the README tells the truth."""

import ast
import graphlib
import importlib.util
import json
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import emotion_core
from emotion_core.cli import build_parser, command_names, main
from emotion_core.paths import PROJECT

README, COMMANDS, DEPENDENCIES = (
    (PROJECT / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/commands.md", "docs/dependencies.md")
)
MODULES = sorted(
    item.name for item in pkgutil.walk_packages(emotion_core.__path__, f"{emotion_core.__name__}.")
)

# From the ground up; what stands on one line may import each other.
FLOORS = (
    (
        *(
            "labels",
            "errors",
            "paths",
            "files",
            "sqlite_file",
            "machine",
            "memory",
            "probabilities",
            "records",
        ),
        *("access", "passwords", "progress", "text", "units", "versions"),
    ),
    ("config", "recipes", "train_settings", "processes"),
    ("runs",),
    ("tasks",),
    ("data",),
    ("models",),
    ("evaluation",),
    ("collect", "training"),
    ("personal", "live", "recording", "generate"),
    ("plots",),
    ("reporting",),
    ("serve",),
    ("commands", "cli", "__main__"),
)


def loaded_after(code: str) -> set[str]:
    """Top-level names in ``sys.modules`` of a fresh interpreter that ran ``code``."""
    code += (
        "\nimport json, sys; print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_emotion_core_never_loads_streamlit():
    modules = [name for name in MODULES if name != "emotion_core.__main__"]  # this one runs
    code = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)"
    assert not loaded_after(code) & {"streamlit", "streamlit_webrtc"}


@pytest.mark.parametrize(
    "name", ["config", "recipes", "runs.catalog", "machine", "paths", "training.jobs"]
)
def test_light_modules_load_no_heavy_library(name):
    heavy = {"torch", "torchvision", "streamlit", "cv2", "pandas", "plotly", "sklearn"}
    assert not loaded_after(f"import emotion_core.{name}") & heavy


def test_the_command_line_answers_help_without_torch():
    assert "torch" not in loaded_after("from emotion_core.cli import build_parser; build_parser()")


def test_the_overview_opens_without_torch():
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "assert not page.exception and page.title[0].value == 'Overview'"
    )
    assert "torch" not in loaded_after(code)


def test_no_module_imports_itself_in_a_circle():
    # static_order raises CycleError and names the circle; imports inside functions count too.
    order = list(
        graphlib.TopologicalSorter({name: imports_of(name) for name in MODULES}).static_order()
    )
    assert order.index("emotion_core.labels") < order.index("emotion_core.cli")


def test_no_package_imports_itself_in_a_circle():
    parts: dict[str, set[str]] = {}
    for name in MODULES:
        others = {part_of(other) for other in imports_of(name)}
        parts.setdefault(part_of(name), set()).update(others - {part_of(name)})
    assert list(graphlib.TopologicalSorter(parts).static_order())


def test_a_module_imports_from_its_own_floor_or_below():
    floor = {part: level for level, parts in enumerate(FLOORS) for part in parts}
    assert {part_of(name) for name in MODULES} <= floor.keys(), "give a new part its floor"
    upward = [
        f"{name} imports {other}"
        for name in MODULES
        for other in sorted(imports_of(name))
        if floor[part_of(other)] > floor[part_of(name)]
    ]
    assert not upward


def test_packages_re_export_nothing():
    packages = sorted((PROJECT / "emotion_core").rglob("__init__.py"))
    assert len(packages) > 5
    for path in packages:
        imported = re.findall(
            r"^ *(?:from|import) .*", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert imported in ([], ["import os"]), path  # os: for switches of the environment


@pytest.mark.parametrize("name", command_names())
def test_every_command_has_help_and_is_documented(name):
    action = next(a for a in build_parser()._actions if a.dest == "command")
    text = next(item.help for item in action._choices_actions if item.dest == name)
    assert text and text[0].islower() and not text.endswith("."), "one line, as the others"
    assert re.search(rf"^\| `{name}\b", COMMANDS, re.MULTILINE), (
        f"{name} is not in the table of docs/commands.md"
    )


def test_the_readme_names_every_folder_with_its_purpose():
    inside = ("emotion_core/", "pages/")
    folders = {
        "/".join(part) + "/"
        for path in repository_files()
        for depth in range(1, path.count("/") + 1)
        if (part := path.split("/")[:depth]) and (depth == 1 or path.startswith(inside))
    }
    assert readme_folders() == {folder for folder in folders if not folder.startswith(".")}


def test_what_the_readme_says_to_do_with_shipped_runs_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(PROJECT / "checkpoints"))
    lines = re.findall(r"^python -m emotion_core ((?:compare|export) .*)$", README, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert main(shlex.split(line)) == 0, line
    assert {path.suffix for path in tmp_path.iterdir()} == {".html", ".onnx"}


def test_every_dependency_is_explained():
    for line in (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = re.match(r"([\w-]+)==([\w.]+)  +# \w", line).groups()
            assert re.search(
                rf"^\| {name} \| {re.escape(version)} \| \w", DEPENDENCIES, re.MULTILINE
            )


def part_of(module: str) -> str:
    """The package or module directly in ``emotion_core`` that a module belongs to."""
    return module.split(".")[1]


def imports_of(module: str) -> set[str]:
    """Modules of the package that a module names in an import, wherever it stands."""
    spec = importlib.util.find_spec(module)
    found = set()
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{item.name}" for item in node.names)}
        elif isinstance(node, ast.Import):
            found |= {item.name for item in node.names}
    return found & set(MODULES)


def readme_folders() -> set[str]:
    """Folders of the README's tree, each with a purpose; two blanks deeper is inside."""
    block = re.search(r"^```text\n(app\.py .*?)^```", README, re.MULTILINE | re.DOTALL).group(1)
    found, parents = set(), []
    for line in block.splitlines():
        name, _, purpose = line.strip().partition("  ")
        assert purpose.strip(), f"{name} has no purpose"
        if name.endswith("/"):
            del parents[(len(line) - len(line.lstrip())) // 2 :]
            parents.append(name)
            found.add("".join(parents))
    return found


def repository_files() -> list[str]:
    """Files of the repository, new ones too, ignored ones not."""
    if not (PROJECT / ".git").exists():
        pytest.skip("not a git checkout, so nothing says which files belong to the project")
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--deduplicate"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in done.stdout.splitlines() if (PROJECT / path).exists()]
