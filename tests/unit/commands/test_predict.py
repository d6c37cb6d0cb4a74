"""The command's files do not replace each other; what it finds is tested with the photos."""

from pathlib import Path

from emotion_core.commands.predict import _free_name


def test_pictures_of_equal_name_get_copies_of_their_own():
    written: set[str] = set()
    names = [_free_name(Path(place), written) for place in ("a/1.jpg", "b/1.jpg", "2.jpg", "1.png")]
    assert names == ["1-emotions.jpg", "1-emotions-2.jpg", "2-emotions.jpg", "1-emotions-3.jpg"]
