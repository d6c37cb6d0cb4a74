"""kill -9 at random moments: nothing confirmed is lost, nothing half-written stays."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from emotion_core.collect.face_files import sweep
from emotion_core.collect.faces import start_session
from emotion_core.collect.query import list_faces
from emotion_core.collect.store import create, merge, purge
from emotion_core.data.collection_file import collections_dir, open_database, read_face
from emotion_core.paths import PROJECT

KILLS = int(os.environ.get("EMOTION_TEST_KILLS", "10"))

# Adds faces, labels them, undoes, deletes and imports, and tells what was confirmed.
_WRITER = """
import sys
import numpy as np
from emotion_core.collect.faces import NewFace, add_faces, delete_faces
from emotion_core.collect.labels import label_faces, undo
from emotion_core.collect.quality import Quality

session, seed = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(seed)
print("up", flush=True)
for turn in range(1000):
    faces = [
        NewFace(rng.integers(0, 255, (48, 48), np.uint8), rng.integers(0, 255, (112, 112), np.uint8),
                "camera", f"{seed}-{turn}", Quality(60, 1, 100, 30))
        for _ in range(4)
    ]
    ids = add_faces(session, faces)
    for face in ids:
        print("added", face, flush=True)
    label_faces("me", {ids[0]: "happy", ids[1]: "sad"})
    print("label", ids[0], "happy", flush=True)
    label_faces("me", {ids[1]: "fear"})
    undo("me")
    print("label", ids[1], "sad", flush=True)
    delete_faces([ids[3]])
    print("gone", ids[3], flush=True)
"""


@pytest.mark.timeout(600)
def test_a_writer_that_is_killed_loses_nothing_that_it_confirmed():
    create("me")
    session, rng = start_session("me", "killed"), random.Random(1)
    confirmed: list[str] = []
    for kill in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(session), str(kill)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout.readline() == "up\n"  # before it, only libraries are loaded
            # By lines as well as by time: a busy machine gives a writer only moments.
            confirmed += [writer.stdout.readline().strip() for _ in range(rng.randrange(12))]
            time.sleep(rng.uniform(0.0, 0.05))
            writer.send_signal(signal.SIGKILL)
            confirmed += writer.stdout.read().splitlines()
        check(confirmed)
    assert len(confirmed) > KILLS, "the writers were killed before they wrote"
    # What they left is swept, and the rest can be merged and purged.
    sweep(older_than=0)
    with open_database() as database:
        rows = database.execute("SELECT file FROM faces").fetchall()
    assert len(list((collections_dir() / "faces").rglob("*.png"))) == 2 * len(rows)
    create("you")
    total = list_faces("me")[1]
    merge("me", "you")
    purge(older_than=0)
    assert list_faces("you")[1] == total


def check(confirmed: list[str]) -> None:
    with open_database() as database:
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not database.execute("PRAGMA foreign_key_check").fetchall()
    items = {item.id: item for item in list_faces("me", limit=10_000)[0]}
    gone = {int(line.split()[1]) for line in confirmed if line.startswith("gone")}
    for line in confirmed:
        kind, face, *label = line.split()
        if kind == "added" and int(face) not in gone and int(face) not in items:
            # It may have been deleted in the moment before the kill.
            with open_database() as database:
                row = database.execute(
                    "SELECT deleted FROM faces WHERE id = ?", (int(face),)
                ).fetchone()
            assert row and row["deleted"], f"face {face} is lost"
        if kind == "label":
            assert items[int(face)].label == label[0], line
        if kind == "gone":
            assert int(face) not in items
    for item in items.values():  # no half-written picture has a row
        assert read_face(item.file).shape == (48, 48)
        assert read_face(item.file, large=True).shape == (112, 112)
