"""What lies in the cache is checked before it is believed; otherwise the source is parsed anew."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emotion_core.data import cache
from emotion_core.data.duplicates import grouped
from emotion_core.data.sources import load_data


@pytest.fixture
def stored(write, tmp_path, own_cache) -> Path:
    """The folder of a parsed zip; its source is ``faces.zip`` beside the cache."""
    load_data(write.zip(tmp_path / "faces.zip"))
    (folder,) = (own_cache / "data").iterdir()
    return folder


Arrays = dict[str, np.ndarray]


def one_more(values: np.ndarray, *place: int, by: int = 1) -> np.ndarray:
    values = values.copy()
    values[place] += by
    return values


DAMAGES: dict[str, Callable[[Arrays], Arrays]] = {
    "pixel": lambda kept: {"images": kept["images"] ^ 1},
    "float images": lambda kept: {"images": kept["images"].astype(np.float32)},
    "flat images": lambda kept: {"images": kept["images"].reshape(len(kept["images"]), -1)},
    "label 99": lambda kept: {"labels": one_more(kept["labels"], 0, by=99)},
    "label": lambda kept: {"labels": (kept["labels"] + 1) % 7},
    "negative label": lambda kept: {"labels": one_more(kept["labels"], 0, by=-9)},
    "float labels": lambda kept: {"labels": kept["labels"].astype(float)},
    "split 3": lambda kept: {"splits": one_more(kept["splits"], 0, by=3)},
    "split": lambda kept: {"splits": 2 - kept["splits"]},
    "fewer ids": lambda kept: {"ids": kept["ids"][:-1]},
    "ids as numbers": lambda kept: {"ids": np.arange(len(kept["ids"]))},
    "usage of objects": lambda kept: {"usage": kept["usage"].astype(object)},
}


def changed(folder: Path, damage: str) -> None:
    """Write other values as our own files would hold them."""
    kept = dict(np.load(folder / "rows.npz")) | {"images": np.load(folder / "images.npy")}
    kept |= DAMAGES[damage](kept)
    np.save(folder / "images.npy", kept.pop("images"))
    np.savez(folder / "rows.npz", **kept)


@pytest.mark.parametrize("damage", DAMAGES)
def test_other_values_than_were_kept_are_not_believed(stored, tmp_path, damage):
    before = {path.name: path.read_bytes() for path in stored.iterdir()}
    changed(stored, damage)
    assert {path.name: path.read_bytes() for path in stored.iterdir()} != before
    assert cache.open_kept(stored, "x") is None
    data = load_data(tmp_path / "faces.zip")
    assert cache.fingerprint(data.images, data.labels, data.splits) == data.fingerprint
    assert {path.name: path.read_bytes() for path in stored.iterdir()} == before  # made again


@pytest.mark.parametrize(
    "meta",
    [
        "null",
        "[]",
        "{}",
        "[" * 50_000,
        json.dumps({"name": 1, "fingerprint": "x", "test_fingerprint": "x", "notes": []}),
        json.dumps({"name": "x", "fingerprint": ["x"], "test_fingerprint": "x", "notes": []}),
        json.dumps({"name": "x", "fingerprint": "x", "test_fingerprint": "x", "notes": [1]}),
        "surrogate",
        "note",
    ],
)
def test_a_damaged_description_is_made_again(stored, tmp_path, meta):
    good = json.loads((stored / "meta.json").read_text())
    if meta == "surrogate":
        meta = json.dumps(good | {"name": "\udce9"})
    elif meta == "note":
        note = {"kind": "warning", "thing": 1, "message": None, "count": "many"}
        meta = json.dumps(good | {"notes": [note]})
    (stored / "meta.json").write_text(meta)
    assert cache.open_kept(stored, "x") is None
    assert load_data(tmp_path / "faces.zip").fingerprint == good["fingerprint"]
    assert json.loads((stored / "meta.json").read_text()) == good


@pytest.mark.parametrize("name", ["images.npy", "rows.npz", "meta.json"])
def test_a_pipe_in_the_cache_does_not_block(stored, tmp_path, name):
    (stored / name).unlink()
    os.mkfifo(stored / name)
    assert len(load_data(tmp_path / "faces.zip")) == 140


def test_the_fingerprint_is_compared_once_for_each_state_of_the_files(stored, monkeypatch):
    computed = []
    real = cache.fingerprint
    monkeypatch.setattr(cache, "fingerprint", lambda *rows: computed.append(1) or real(*rows))
    for _ in range(3):
        assert cache.open_kept(stored, "x") is not None
    assert computed == []  # proved when it was kept
    os.utime(stored / "images.npy", ns=(1, 1))
    assert cache.open_kept(stored, "x") is not None
    assert cache.open_kept(stored, "x") is not None
    assert len(computed) == 2  # of all faces, and of the test split


def test_everything_is_on_the_disk_before_it_gets_its_name(write, tmp_path, own_cache, monkeypatch):
    events = []
    real_sync, real_rename = os.fsync, Path.rename
    monkeypatch.setattr(
        os,
        "fsync",
        lambda handle: (
            events.append(str(Path(f"/proc/self/fd/{handle}").readlink())) or real_sync(handle)
        ),
    )
    monkeypatch.setattr(
        Path, "rename", lambda self, target: events.append("rename") or real_rename(self, target)
    )
    load_data(write.zip(tmp_path / "faces.zip"))
    place = events.index("rename")
    synced = {Path(event).name for event in events[:place]}
    assert {"images.npy", "rows.npz", "meta.json", "parsed"} <= synced
    assert Path(events[place + 1]) == own_cache / "data"


@pytest.mark.parametrize("damage", ["float", "negative", "later", "no first", "cut", "pipe"])
def test_kept_groups_that_are_none_are_counted_anew(stored, tmp_path, own_cache, damage):
    data = load_data(tmp_path / "faces.zip")
    good = grouped(data)
    (path,) = (own_cache / "duplicates").iterdir()
    bad = good.copy()
    if damage == "negative":
        bad[3] = -1
    elif damage == "later":
        bad[3] = 100
    elif damage == "no first":  # names an image that is itself in another's group
        bad[50], bad[51] = 49, 50
    np.save(path, bad.astype(float) if damage == "float" else bad)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "pipe":
        path.unlink()
        os.mkfifo(path)
    assert np.array_equal(grouped(data), good)
