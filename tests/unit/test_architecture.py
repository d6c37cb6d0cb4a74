"""Standing rules: who may import whom, and that documents and code agree."""

import argparse
import re
import subprocess
import sys

import pytest

from emotion_core.cli import build_parser, command_names
from emotion_core.paths import PROJECT

README = (PROJECT / "README.md").read_text()


def loaded_by(module: str) -> set[str]:
    """Top-level modules in a fresh interpreter after one import."""
    code = f"import sys, {module}; print(' '.join(name for name in sys.modules if '.' not in name))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def all_modules() -> list[str]:
    paths = (PROJECT / "emotion_core").rglob("*.py")
    names = [".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in paths]
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


def test_the_core_never_loads_streamlit():
    code = "import importlib, sys\n" + "\n".join(
        f"importlib.import_module({name!r})" for name in all_modules()
    )
    code += "\nprint([name for name in sys.modules if name.startswith('streamlit')])"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "module",
    ["emotion_core.config", "emotion_core.runs", "emotion_core.training.jobs", "emotion_core.cli"],
)
def test_what_every_page_needs_does_not_load_torch(module):
    assert "torch" not in loaded_by(module)


def test_the_command_line_is_built_without_torch():
    code = "import sys; from emotion_core.cli import build_parser; build_parser(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_every_command_has_help_and_is_in_the_readme():
    table = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert sorted(table) == command_names()
    for name, child in sub_parsers(build_parser()).items():
        assert child.description, name


def sub_parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (item for item in parser._actions if isinstance(item, argparse._SubParsersAction))
    return action.choices


def tree() -> str:
    return README.partition("## What is where")[2].split("```")[1]


def test_the_readmes_tree_names_what_is_on_the_disk():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    top = {path.split("/")[0] for path in tracked if not path.startswith(".")}
    core = {path.split("/")[1] for path in tracked if path.startswith("emotion_core/")}
    core -= {"__init__.py", "__main__.py"}
    words = set(re.findall(r"[\w.-]+", tree()))
    assert top <= words, top - words
    assert core <= words, core - words
    for folder in re.findall(r"^ *([\w-]+)/", tree(), re.MULTILINE):
        assert (PROJECT / folder).is_dir() or (PROJECT / "emotion_core" / folder).is_dir(), folder
    for file in re.findall(r"[\w-]+\.(?:py|md|txt|toml)", tree()):
        assert (PROJECT / file).is_file() or (PROJECT / "emotion_core" / file).is_file(), file


def test_every_required_package_is_pinned_and_explained():
    table = README.partition("## Dependencies")[2].partition("## Responsible")[0]
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (PROJECT / name).read_text().splitlines():
            line = line.partition("#")[0].strip()
            if not line or line.startswith("-r"):
                continue
            package, sign, version = line.partition("==")
            assert sign and version, f"{name}: {line} is not pinned"
            assert package in table, f"{package} is not in the README's dependency table"


def test_ci_calls_the_readmes_test_command():
    script = (PROJECT / ".ci" / "run").read_text()
    commands = [
        line for line in script.splitlines() if line and not line.startswith(("#", "set", "cd"))
    ]
    assert commands == ["make test"]
    assert "make test" in README
