"""Names and messages from files and addresses, made safe for the place that shows them."""

import csv
import html
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

Place = Literal["terminal", "markdown", "html", "csv"]

# Zero-width joiners hold emoji and letters of several scripts together, and do nothing else.
_JOINERS = "\u200c\u200d"
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # Unicode categories: controls, directions, surrogates
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_FORMULA = "=+-@＝＋－＠"  # what spreadsheets take for the start of a formula, also in full width
# An underscore within a word has no meaning. Streamlit gives one to $, too.
_MARKDOWN = re.compile(
    r"[\\`*\[<|~$]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)|^\s*(?:[-+#>]|\d+(?=[.)]))",
)
# Links, addresses, emoji, icons and colours are found in the text after escapes are resolved.
_FOUND_LATER = re.compile(
    r"(?<=:)(?=//|(?!\d\d:)[\w+-]*[:\[\\/])|(?<=www)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE
)
_WORD_JOINER = "\u2060"  # invisible, and no line is broken at it


def plain(text: object, place: Place = "terminal") -> str:
    r"""A text that shows as itself, and does nothing else.

    Letters that cannot be seen become codes everywhere: control letters and escape sequences, line
    ends, changes of direction, and bytes of a file name that are not UTF-8 (``caf\xe9.jpg``).

    Args:
        text: A name, a message or an exception; anything else is turned into text first.
        place: Where it will stand. ``terminal``: as above. ``markdown``: no emphasis, link, picture,
            formula, colour, icon or HTML (Streamlit's Markdown). ``html``: text or the value of an
            attribute in quotes. ``csv``: a cell that spreadsheets take for text; one that begins
            like a formula gets a leading ``'``.

    Returns:
        One line that can be encoded as UTF-8.
    """
    shown = "".join(map(_seen, str(text)))
    if place == "html":
        return html.escape(shown)
    if place == "csv":
        return f"'{shown}" if shown.lstrip().startswith(tuple(_FORMULA)) else shown
    if place == "markdown":
        return _FOUND_LATER.sub(_WORD_JOINER, _MARKDOWN.sub(_escaped, shown))
    return shown


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Iterable[str] = ()) -> str:
    """Rows as CSV with a header; texts are made safe for spreadsheets, numbers stay as they are.

    Args:
        rows: One mapping per line.
        columns: Which columns come first; then all keys of the rows, in order of appearance.
    """
    names = list(dict.fromkeys([*columns, *(key for row in rows for key in row)]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([plain(name, "csv") for name in names])
    for row in rows:
        cells = (row.get(name) for name in names)
        writer.writerow([plain(cell, "csv") if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def unquoted(path: str) -> str:
    """A path as it was pasted, without the pair of quotes that some programs put around it."""
    path = path.strip()
    paired = len(path) > 2 and path[0] == path[-1] and path[0] in "\"'"
    return path[1:-1] if paired else path


def _seen(letter: str) -> str:
    if letter in _JOINERS or unicodedata.category(letter) not in _HIDDEN:
        return letter
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name that is not UTF-8, as Python keeps it
        code -= 0xDC00
    if letter in _SHORT:
        return _SHORT[letter]
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def _escaped(found: re.Match[str]) -> str:
    start = found.group()
    if start[-1].isdigit():  # "1." at the start of a line would be a list
        return start + _WORD_JOINER
    return f"{start[:-1]}\\{start[-1]}"
