"""The size and shape of the code: what a reviewer would count, counted by one script."""

import argparse
import ast
import graphlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.command import Figures, measure
from emotion_core.paths import PROJECT

HELP = "lines, longest functions and classes, branchiness and directions of imports"

PACKAGE = "emotion_core"
MOST_COMPLEX = 12
# Above the ground floor, on which every other module stands; a module imports from its own floor
# or below.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("config", "recipes", "train_settings", "processes"),
    ("runs", "tasks"),
    ("data",),
    ("models",),
    ("evaluation",),
    ("collect", "training"),
    ("personal", "live", "recording", "generate"),
    ("plots",),
    ("reporting", "serve"),
    ("commands", "cli", "__main__"),
)


@dataclass(frozen=True)
class Block:
    """A function or class: its lines, and where it stands."""

    lines: int
    place: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No flags of its own."""


def run(args: argparse.Namespace) -> Figures:
    """Count, print one line per figure, and return the figures."""
    figures = house_figures()
    for name, value in figures.items():
        print(f"{name:40} {_as_text(value)}")
    return {"figures": figures}


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("house", HELP, add_arguments, run, argv)


def house_figures() -> Figures:
    """All figures by name; a list names the places."""
    tracked = _tracked_files()
    files = [path for path in tracked if path.suffix == ".py" and path.exists()]
    core = [path for path in files if path.parts[0] == PACKAGE]
    product = [path for path in files if path.parts[0] in (PACKAGE, "pages", "app.py")]
    code = [path for path in files if path.parts[0] != "tests"]
    lengths = {path: len(_text(path).splitlines()) for path in files}
    functions = sorted(_blocks(product, function=True), key=lambda item: -item.lines)
    classes = sorted(_blocks(product, function=False), key=lambda item: -item.lines)
    readme = _text(Path("README.md"))
    return {
        "run folders tracked": len({p.parts[1] for p in tracked if _in_run_folder(p)}),
        "tracked files": len(tracked),
        "lines in emotion_core": sum(lengths[path] for path in core),
        "lines in pages and app.py": sum(lengths[p] for p in product if p.parts[0] != PACKAGE),
        "lines in tests": sum(lengths[p] for p in files if p.parts[0] == "tests"),
        "modules over 250 lines": _longer(lengths, product, 250),
        "modules over 400 lines": _longer(lengths, product, 400),
        "longest function": f"{functions[0].lines} {functions[0].place}",
        "longest class": f"{classes[0].lines} {classes[0].place}",
        "functions over 80 lines": [f"{b.place} {b.lines}" for b in functions if b.lines > 80],
        "classes over 200 lines": [f"{b.place} {b.lines}" for b in classes if b.lines > 200],
        f"functions with complexity over {MOST_COMPLEX}": _complex_functions(product),
        "packages in a circle": package_circle(),
        "imports upwards": upward_imports(),
        "dict[str, Any] in emotion_core": _count(core, r"\bdict\[str, Any\]"),
        "dict[str, Any] everywhere but in tests": _count(code, r"\bdict\[str, Any\]"),
        "reads of a run's files": _count(product, r"\.(?:config|status|report)\(\)"),
        "imports inside functions": _inner_imports(core),
        "type: ignore in emotion_core": _count(core, r"# type: ignore"),
        "README lines": len(readme.splitlines()),
        "README words": len(readme.split()),
    }


def imports() -> dict[str, set[str]]:
    """The modules of the package that each module imports, inside functions and types too."""
    return {name: _imports_of(name, path) for name, path in module_paths().items()}


@cache
def module_paths() -> dict[str, Path]:
    """The package's modules with the files that they are in."""
    found = {}
    for path in sorted((PROJECT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(PROJECT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def floor_of(module: str) -> int:
    """The floor that a module stands on: 0 for the ground floor, then those of ``FLOORS``."""
    part = module.split(".")[1]
    return next((number for number, names in enumerate(FLOORS, 1) if part in names), 0)


def upward_imports() -> list[str]:
    """Imports of a module on a higher floor."""
    return sorted(
        f"{module} -> {other}"
        for module, others in imports().items()
        for other in others
        if PACKAGE not in (module, other) and floor_of(other) > floor_of(module)
    )


def package_circle() -> list[str]:
    """Packages that import one another in a circle; empty if there is none."""
    graph: dict[str, set[str]] = {}
    for module, others in imports().items():
        mine = module.split(".")[1:2]
        for other in others:
            theirs = other.split(".")[1:2]
            if mine and theirs and mine != theirs:
                graph.setdefault(mine[0], set()).add(theirs[0])
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def _imports_of(name: str, path: Path) -> set[str]:
    known, found = module_paths(), set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{item.name}" for item in node.names)}
        elif isinstance(node, ast.Import):
            found |= {item.name for item in node.names}
    found = {item for item in found if item in known and item != name}
    # `from emotion_core.live import detect` names the package as well, which brings nothing.
    return {item for item in found if not _is_empty_package(item)}


def _is_empty_package(module: str) -> bool:
    path = module_paths()[module]
    return path.name == "__init__.py" and module != PACKAGE


def _blocks(paths: Sequence[Path], *, function: bool) -> Iterator[Block]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef) if function else (ast.ClassDef,)
    for path in paths:
        for node in ast.walk(_tree(PROJECT / path)):
            if isinstance(node, kinds):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield Block(lines, f"{path}:{node.lineno} {node.name}")


def _complex_functions(paths: Sequence[Path]) -> list[str]:
    command = [
        *(sys.executable, "-m", "ruff", "check", "--isolated", "--select", "C901", "--quiet"),
        *("--config", f"lint.mccabe.max-complexity={MOST_COMPLEX}", "--output-format", "json"),
        *map(str, paths),
    ]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # 1: something was found
        raise RuntimeError(done.stderr)
    found = json.loads(done.stdout)
    return [
        f"{Path(item['filename']).relative_to(PROJECT)}:{item['location']['row']} "
        f"{item['message'].partition(' is too complex')[0]} {item['message'].split('(')[-1][:-1]}"
        for item in found
    ]


def _inner_imports(paths: Sequence[Path]) -> int:
    """Imports below the top level of a module, those for types alone not counted."""
    found = 0
    for path in paths:
        tree = _tree(PROJECT / path)
        every = sum(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))
        top = sum(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
        types = sum(
            isinstance(inner, ast.Import | ast.ImportFrom)
            for node in tree.body
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        )
        found += every - top - types
    return found


def _longer(lengths: dict[Path, int], paths: Sequence[Path], most: int) -> list[str]:
    longer = sorted((path for path in paths if lengths[path] > most), key=lambda p: -lengths[p])
    return [f"{path} {lengths[path]}" for path in longer]


def _count(paths: Sequence[Path], pattern: str) -> int:
    return sum(len(re.findall(pattern, _text(path))) for path in paths)


def _in_run_folder(path: Path) -> bool:
    return path.parts[0] == "checkpoints" and len(path.parts) > 2


def _tracked_files() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return [Path(line) for line in done.stdout.splitlines()]


def _text(path: Path) -> str:
    return (PROJECT / path).read_text(encoding="utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _as_text(value: Any) -> str:
    if not isinstance(value, list):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if not value:
        return "0"
    return "\n    ".join([f"{len(value)}", *value])


if __name__ == "__main__":
    sys.exit(main())
