"""Times of several faces are said to be summed."""

import pytest

from emotion_core.live.summary import Summary
from emotion_core.plots.live import emotion_seconds, session_reading
from emotion_core.plots.timeline import timeline


@pytest.mark.parametrize(
    ("faces", "axis", "said"),
    [(1, "seconds", "of the time"), (2, "seconds, all faces summed", "of all faces' time")],
)
def test_summed_times_are_called_so(faces, axis, said):
    summary = Summary(10.0, 100, faces, {"happy": 8.0, "sad": 2.0}, {"happy": 4.0}, 1)
    assert emotion_seconds(summary).layout.xaxis.title.text == axis
    assert f"80 % {said}" in session_reading(summary)


def test_uncertain_is_as_opaque_as_an_emotion():
    rows = [{"face": 1, "time": 0.0, "emotion": "uncertain", "confidence": 0.3}]
    assert timeline(rows, step=0.5).data[0].marker.color == "#B8BFC6"
