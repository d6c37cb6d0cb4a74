"""FER+ votes: only whole tables, only where they belong, and found in every form of the data set."""

import csv
import functools
import hashlib
import http.server
import threading

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.data import ferplus, fetch_ferplus
from emotion_core.data.faces import FaceData, fingerprint
from emotion_core.data.sources import load_data
from emotion_core.data.table import CSV_ORDER
from emotion_core.errors import DataError, FetchError
from emotion_core.labels import EMOTIONS

COUNT = 60


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def csv_file(tmp_path):
    """FER-2013's original form, small: mixed emotions, Training rows first."""
    rng = np.random.default_rng(0)
    path = tmp_path / "fer2013.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["emotion", "pixels", "Usage"])
        for row in range(COUNT):
            usage = ("Training", "PublicTest", "PrivateTest")[max(0, row - COUNT + 12) // 6]
            pixels = " ".join(map(str, rng.integers(0, 256, 2304)))
            out.writerow([int(rng.integers(7)), pixels, usage])
    return path


def write_votes(path, data: FaceData, monkeypatch) -> np.ndarray:
    """FER+'s own table for these faces: eight votes for the label, two for another; known by hash."""
    votes = np.zeros((len(data), 10), int)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["Usage", "Image name", *ferplus.COLUMNS])
        for row, (label, usage) in enumerate(zip(data.labels, data.usage, strict=True)):
            votes[row, ferplus.NAMES.index(EMOTIONS[label])] = 8
            votes[row, 7 + row % 3] += 2
            out.writerow([usage, f"fer{row:07d}.png", *votes[row]])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(ferplus, "SHA256", digest)
    monkeypatch.setattr(fetch_ferplus, "SHA256", digest)
    return votes


def test_the_original_order_gives_each_face_its_votes(csv_file, tmp_path, monkeypatch):
    data = load_data(csv_file)
    votes = write_votes(tmp_path / "votes.csv", data, monkeypatch)
    assert ferplus.votes_of(data) is None
    assert fetch_ferplus.bring_votes(str(tmp_path / "votes.csv"), str(csv_file)) == COUNT
    np.testing.assert_array_equal(ferplus.votes_of(data), votes)
    assert ferplus.vote_text(votes[0]).startswith(f"{EMOTIONS[data.labels[0]]}\u00a08")
    assert ferplus.agreement_with_labels(votes, data.labels) == 1


def test_another_form_and_order_finds_them_by_pixels(csv_file, tmp_path, monkeypatch):
    data = load_data(csv_file)
    votes = write_votes(tmp_path / "votes.csv", data, monkeypatch)
    fetch_ferplus.bring_votes(str(tmp_path / "votes.csv"), str(csv_file))
    order = np.random.default_rng(1).permutation(COUNT)
    np.testing.assert_array_equal(ferplus.votes_of_faces(data.images[order]), votes[order])
    blank = np.zeros((2, 48, 48), np.uint8)
    assert not ferplus.votes_of_faces(blank).any()
    assert ferplus.votes_of_faces(blank[:0]).shape == (0, 10)


def test_the_original_table_is_refused_for_another_order(csv_file, tmp_path, monkeypatch):
    data = load_data(csv_file)
    write_votes(tmp_path / "votes.csv", data, monkeypatch)
    lines = csv_file.read_text().splitlines()
    # As some tools write it: sorted by emotion within each part, which Usage alone cannot show.
    parts = {usage: [line for line in lines[1:] if line.endswith(usage)] for usage in data.usage}
    mixed = tmp_path / "sorted.csv"
    rows = [line for part in parts.values() for line in sorted(part)]
    mixed.write_text("\n".join([lines[0], *rows]))
    with pytest.raises(DataError, match="the rows are in another order"):
        fetch_ferplus.bring_votes(str(tmp_path / "votes.csv"), str(mixed))
    with pytest.raises(DataError, match="original CSV"):
        fetch_ferplus.bring_votes(str(tmp_path / "votes.csv"), "synthetic:70")
    assert not ferplus.votes_path().exists()


def test_a_table_by_file_names_fits_a_folder(csv_file, tmp_path):
    data = load_data(csv_file)
    path = tmp_path / "named.csv"
    header = ["file", *list(ferplus.COLUMNS)[:-1], "not_a_face"]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(header)
        for row in range(0, COUNT, 2):
            votes = [0] * 10
            votes[ferplus.NAMES.index(EMOTIONS[data.labels[row]])] = 10
            out.writerow([data.ids[row], *votes])
    assert fetch_ferplus.bring_votes(str(path), str(csv_file)) == COUNT // 2
    found = ferplus.votes_of(data)
    assert (found.sum(axis=1) == np.tile([10, 0], COUNT // 2)).all()
    path.write_text(path.read_text().rstrip().replace("\n", "\nelsewhere/"))
    with pytest.raises(DataError, match="Not one of the"):
        fetch_ferplus.bring_votes(str(path), str(csv_file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "missing: neutral"),
        (",".join(ferplus.COLUMNS) + "\n" + ",".join("1" * 10), "other SHA-256"),
        ("file," + ",".join(ferplus.COLUMNS) + "\nx,1,2\n", "line 2: ten numbers"),
        ("file," + ",".join(ferplus.COLUMNS) + "\nx," + ",".join(["-1"] * 10), "line 2: votes"),
        ("file," + ",".join(ferplus.COLUMNS) + "\n", "has no rows"),
    ],
)
def test_another_table_is_refused_with_its_line(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        ferplus.read_table(tmp_path / "t.csv")


def test_equal_pictures_share_their_votes():
    images = np.zeros((3, 48, 48), np.uint8)
    images[2] = 9
    labels, splits = np.zeros(3, np.int64), np.zeros(3, np.uint8)
    digest = fingerprint(images, labels, splits)
    names = np.array(["a", "b", "c"])
    data = FaceData(images, labels, splits, names, names, "x", "x", digest, digest)
    votes = np.eye(3, 10, dtype=np.int32) * 10
    assert ferplus.keep_votes(votes, data) == 2
    np.testing.assert_array_equal(ferplus.votes_of(data)[0], votes[0] + votes[1])


def test_damaged_votes_count_as_none(csv_file):
    ferplus.votes_path().parent.mkdir(parents=True)
    ferplus.votes_path().write_bytes(b"PK\x03\x04 not an archive")
    assert ferplus.votes_of(load_data(csv_file)) is None


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}/{ferplus.NAME}"
        running.shutdown()


def test_what_is_fetched_is_checked(server, csv_file, monkeypatch):
    folder, url = server
    with pytest.raises(FetchError, match="could not be downloaded"):
        fetch_ferplus.bring_votes("", str(csv_file), url=url)
    data = load_data(csv_file)
    write_votes(folder / ferplus.NAME, data, monkeypatch)
    good = (folder / ferplus.NAME).read_bytes()
    (folder / ferplus.NAME).write_bytes(good + b"\n")
    with pytest.raises(FetchError, match="nothing was kept"):
        fetch_ferplus.bring_votes("", str(csv_file), url=url)
    assert not ferplus.table_path().exists()
    (folder / ferplus.NAME).write_bytes(good)
    assert fetch_ferplus.bring_votes("", str(csv_file), url=url) == COUNT
    (folder / ferplus.NAME).unlink()
    assert fetch_ferplus.bring_votes("", str(csv_file), url=url) == COUNT  # from the cache


def test_the_command_takes_the_users_file(csv_file, tmp_path, monkeypatch, capsys):
    write_votes(tmp_path / "votes.csv", load_data(csv_file), monkeypatch)
    args = ["data", "fetch", "ferplus", "--file", str(tmp_path / "votes.csv")]
    assert main([*args, "--data", str(csv_file)]) == 0
    assert f"{COUNT} pictures of FER-2013 have FER+ votes now" in capsys.readouterr().out
    assert main(["data", "fetch", "ferplus", "--file", str(tmp_path / "none.csv")]) == 2


def test_the_codes_of_the_csv_are_not_ours():
    assert set(CSV_ORDER) == set(EMOTIONS)
    assert set(EMOTIONS) <= set(ferplus.NAMES[: ferplus.CLASSES])
