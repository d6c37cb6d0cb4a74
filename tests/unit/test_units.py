"""Each quantity has one spelling."""

import math

import pytest

from emotion_core import units


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (units.percent(0.7104), "71.0 %"),
        (units.percent(0.5, 0), "50 %"),
        (units.percent(math.nan), ""),
        (units.percent_range((0.699, 0.7201)), "69.9 to 72.0"),
        (units.percent_range((-0.011, 0.002), sign=True), "\u22121.1 to +0.2"),
        (units.percent_interval(0.71, (0.699, 0.72)), "71.0 % (69.9 to 72.0)"),
        (units.points(-0.0123), "\u22121.2 points"),
        (units.points(-0.0001), "0.0 points"),
        (units.score(0.69411), "0.694"),
        (units.milliseconds(2.04), "2.0 ms"),
        (units.milliseconds(0.441), "0.44 ms"),
        (units.milliseconds(0.996), "1.0 ms"),
        (units.minutes(414), "6.9 min"),
        (units.minutes(17_892), "5.0 h"),
        (units.millions(3_190_000), "3.19 M"),
        (units.megabytes(12_900_000), "12.9 MB"),
        (units.p_value(0.0004), "p < 0.001"),
        (units.p_value(0.023), "p = 0.023"),
        (units.p_value(0.118), "p = 0.12"),
        (units.several(1, "epoch"), "1 epoch"),
        (units.several(1200, "common seed"), "1,200 common seeds"),
        (units.faces(1), "1 face"),
        (units.faces(7178), "7,178 faces"),
        (units.join_names(["a"]), "a"),
        (units.join_names(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_read_as_the_guide_says(text, expected):
    assert text == expected
