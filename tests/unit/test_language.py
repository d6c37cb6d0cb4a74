"""The words and numbers that people read: one spelling, no phrase of the list, one formatter."""

import ast
import re
from collections.abc import Iterator

import pytest

from emotion_core.paths import PROJECT

FOLDERS = ("emotion_core", "pages")
# Of English that is not plain, or not of the United States, by what to write instead.
WORDS = {
    r"[Cc]olour": "color",
    r"[Nn]eighbour": "neighbor",
    r"[Ll]abelled": "labeled",
    r"[Cc]ancelled\b(?!')": "canceled",
    r"\w+alis(e|ed|ing|ation)\b": "-ize",
    r"[Rr]ecognis": "recognize",
    r"[Aa]nalys(e|ed|ing)\b": "analyze",
    r"[Ll]icence": "license",
    r"\bmended\b": "fixed",
    r"\bspoilt\b": "degraded",
    r"taken for\b": "classified as",
    r"\banew\b": "again",
    r"for good\b": "permanently",
    r"\bat work\b(?! (and|or) in)": "running",
    r"\bSTART\b": "Start",
    r"better guess|[Ii]t guesses": "result, estimates",
    r"\b(ms|frames|faces|images|pixels|steps|megabytes) an? "
    r"(face|second|side|frame|step|epoch|minute|image)\b": "per",
}
_CODE = {"cancelled", "regularisation"}  # names within the code


def shown_texts() -> Iterator[tuple[str, str]]:
    """Place and text of every string that is no docstring and has a blank, placeholders as {}."""
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            skipped: set[int] = set()
            for node in ast.walk(tree):
                body = getattr(node, "body", None)
                if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                    skipped.add(id(body[0].value))
                if isinstance(node, ast.JoinedStr):
                    skipped.update(id(part) for part in node.values)
            for node in ast.walk(tree):
                text = None
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    text = node.value
                elif isinstance(node, ast.JoinedStr):
                    parts = (
                        part.value if isinstance(part, ast.Constant) else "{}"
                        for part in node.values
                    )
                    text = "".join(map(str, parts))
                if text and id(node) not in skipped and text not in _CODE:
                    yield f"{path.relative_to(PROJECT)}:{node.lineno}", text


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    found = list(shown_texts())
    assert len(found) > 3000
    return found


@pytest.mark.parametrize("word", WORDS)
def test_no_text_has_a_word_of_the_list(texts, word):
    found = [f"{place}: {text[:90]}" for place, text in texts if re.search(word, text)]
    assert not found, f"write: {WORDS[word]}"


def test_every_percentage_comes_from_the_one_formatter():
    """``units.percent``: Python's own ``%`` format has no space. Lengths in CSS are no text."""
    found = []
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if re.search(r":\.?\d*\.?\d+%\}", line) and not re.search(r"--\w+:", line):
                    found.append(f"{path.relative_to(PROJECT)}:{number}: {line.strip()}")
    assert not found
