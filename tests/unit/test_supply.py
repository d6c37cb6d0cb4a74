"""What is installed can be checked: a lock with hashes, and the least patch of Python."""

import re

import pytest

from emotion_core.paths import PROJECT
from emotion_core.versions import warn_of_old_python

LOCK = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", LOCK, re.MULTILINE))
WANTED = dict(
    re.findall(
        r"^([\w.-]+)==(\S+)",
        (PROJECT / "requirements.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)
WITHOUT = {"torch", "torchvision"}  # each of their builds has hashes of its own


def test_the_lock_holds_the_tested_versions_and_nothing_of_pytorch():
    names = {name.lower().replace("_", "-"): version for name, version in WANTED.items()}
    assert set(names) >= WITHOUT
    assert {name: LOCKED.get(name) for name in set(names) - WITHOUT} == {
        name: version for name, version in names.items() if name not in WITHOUT
    }
    assert not WITHOUT & set(LOCKED)
    assert len(LOCKED) > len(names), "what they bring is locked, too"


def test_every_locked_version_has_hashes_and_no_place_is_named():
    entries = re.split(r"\n(?=[a-z])", LOCK)[1:]
    assert len(entries) == len(LOCKED)
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
    assert not re.search(r"://|file:|--index|--find-links|\s@\s|^/|\s/", LOCK, re.MULTILINE)


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ((3, 11, 7), "3.11.8"),
        ((3, 12, 1), "3.12.2"),
        ((3, 11, 8), ""),
        ((3, 12, 2), ""),
        ((3, 13, 0), ""),
    ],
)
def test_a_python_with_an_old_zipfile_is_told(version, told, caplog):
    warn_of_old_python(version)
    assert told in caplog.text and bool(caplog.text) is bool(told)
    assert not told or "CVE-2024-0450" in caplog.text


@pytest.mark.parametrize(
    "name", ["FER-2013", "VGGFace2", "dlib", "ImageNet", "libx264", "YuNet", "Goodfellow"]
)
def test_what_has_terms_of_its_own_is_named(name):
    assert name in (PROJECT / "NOTICE").read_text(encoding="utf-8")
