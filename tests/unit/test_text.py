"""What stands in a file's name or message shows as itself, wherever it is shown."""

import csv
import io
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_core.text import csv_text, plain, unquoted
from tests.samples import HOSTILE

# Any text, surrogates included, with the letters that have a meaning somewhere more often.
anything = st.text(st.one_of(st.characters(), st.sampled_from("\x1b\n\\`*_[]()<>&|~$:!#+-=@.1'\"")))


@given(anything, st.sampled_from(["terminal", "markdown", "html", "csv"]))
def test_every_text_becomes_one_line_that_can_be_written(text, place):
    shown = plain(text, place)
    shown.encode("utf-8")
    assert shown.isprintable() or not set(shown) & set(map(chr, [*range(32), *range(127, 160)]))
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x07", r"a\x1b[31mred\x07"),
        ("one\nerror: forged", r"one\nerror: forged"),
        (os.fsdecode(b"caf\xe9.jpg"), r"caf\xe9.jpg"),
        ("\ud83d alone", r"\ud83d alone"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("Ünïcode 顔 \u202f👩\u200d🚀.png", "Ünïcode 顔 \u202f👩\u200d🚀.png"),
    ],
)
def test_a_terminal_gets_no_letter_that_it_would_obey(text, shown):
    assert plain(text) == shown


def test_an_exception_is_a_text_as_well():
    assert plain(ValueError("no\nway")) == r"no\nway"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("start", ["", "Run: "])
def test_markdown_s_signs_are_escaped_and_the_text_is_whole(text, start):
    """What Streamlit draws of these texts is in ``tests/browser/test_names.py``."""
    shown = plain(start + text, "markdown")
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown).replace("\u2060", "") == start + text
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "x", shown)  # without what is escaped
    assert not re.search(r"[\\`*\[<|~$]|&\w+;|://|\b_|_\b", bare)
    assert not re.match(r"\s*([-+#>]|\d+[.)])", bare)


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet_v1",
        "20261127-214342-run-s22",
        "face 3.5.jpg",
        "synthetic:140",
        "11-25 18:56:47",
        "A & B (1) > C!",
        "/a/b: no",
    ],
)
def test_markdown_leaves_usual_names_as_they_are(name):
    assert plain(name, "markdown") == name


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("see http://host.example/a", ["http", "//host"]),
        ("at www.host.example", ["www", ".host"]),
        ("by a@host.example", ["a@", "host"]),
        (":material/delete:", [":", "material"]),
        (":smile:", [":", "smile"]),
        (":red[x]", [":", "red"]),
    ],
)
def test_what_markdown_looks_for_after_parsing_is_broken_up(text, parts):
    shown = plain(text, "markdown").replace("\\", "")
    assert text not in shown and text == shown.replace("\u2060", "")
    assert f"{parts[0]}" in shown and parts[1] in shown


def test_html_is_text_in_elements_and_attributes():
    assert plain('<b title="x">\'&', "html") == "&lt;b title=&quot;x&quot;&gt;&#x27;&amp;"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", " =", "\t="])
def test_a_cell_that_begins_like_a_formula_is_text(start):
    text = f"{start}cmd|'/c calc'!A1.jpg"
    (cell,) = next(csv.reader(io.StringIO(csv_text([{"image": text}]).splitlines()[1])))
    assert cell[0] not in "=+-@＝\t" and cell.endswith("cmd|'/c calc'!A1.jpg")


def test_csv_has_every_column_once_and_leaves_numbers_alone():
    rows = [{"a": -1.5, "b": "x,y"}, {"c": "two\nlines", "a": None}]
    assert csv_text(rows, ["b"]) == 'b,a,c\n"x,y",-1.5,\n,,two\\nlines\n'
    assert csv_text([], ["image"]) == "image\n"


@pytest.mark.parametrize("pasted", ["'a b.jpg'", '"a b.jpg"', " a b.jpg ", "a b.jpg"])
def test_quotes_around_a_pasted_path_are_left_out(pasted):
    assert unquoted(pasted) == "a b.jpg"


@pytest.mark.parametrize("path", ["'tis.jpg", "it's", '"', "''", "the 'best'"])
def test_a_quote_without_its_pair_is_a_part_of_the_path(path):
    assert unquoted(path) == path
