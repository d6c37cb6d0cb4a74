"""Tables and texts for a terminal."""

from collections.abc import Sequence

from emotion_core.reporting.columns import TableRow, columns
from emotion_core.text import plain


def table_text(keys: Sequence[str], rows: Sequence[TableRow]) -> str:
    """The columns that hold something: names to the left, numbers to the right."""
    shown = columns(keys, rows)
    return aligned(
        [[c.title for c in shown], *([c.text(row.get(c.key)) for c in shown] for row in rows)]
    )


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows of texts in columns, the first ``left`` of them to the left and the others to the right."""
    cells = [[plain(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place < left else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
