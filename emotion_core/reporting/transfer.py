"""The transfer measure in words and as a table, for pages, cards and Markdown."""

from emotion_core import units
from emotion_core.evaluation.transfer import MIRROR, Transfer
from emotion_core.reporting.columns import TableRow

_HOW = {
    "corruption": "nine corruptions at five strengths",
    "framing": "offset and scale to ±25 %, tilt to 30 degrees",
    "low resolution": "24 pixels",
    "light": "contrast and gamma",
    MIRROR: "mirrored; the share of equal answers",
}


def transfer_rows(found: Transfer) -> list[TableRow]:
    """One row per part: its share, and how its faces were changed."""
    return [
        {"part": part, "share": share, "how": _HOW[part]} for part, share in found.parts.items()
    ]


def transfer_sentence(found: Transfer) -> str:
    """The measure with its interval, on what it was measured, and by whose weights."""
    by = ""
    if found.measured:
        by = (
            f" These are the answers of {found.measured}, which it repeats and which never learned "
            "these faces."
        )
    return (
        f"Transfer {units.percent(found.transfer)} (95 % interval "
        f"{units.percent_range(found.transfer_ci95)}), the mean of the five, on "
        f"{units.faces(found.images)} of validation; unchanged {units.percent(found.clean)} of these "
        f"are correct.{by}"
    )


def transfer_cell(found: Transfer | None) -> str | None:
    """The measure with its interval for a narrow table; None where it was not measured."""
    if found is None:
        return None
    mark = f", by {found.measured}" if found.measured else ""
    return units.percent_interval(found.transfer, found.transfer_ci95) + mark
