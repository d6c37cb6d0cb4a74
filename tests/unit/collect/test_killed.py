"""kill -9 at random moments: nothing confirmed is lost, nothing half-written stays."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from emotion_core.collect.face_files import sweep
from emotion_core.collect.faces import start_session
from emotion_core.collect.query import list_faces
from emotion_core.collect.store import create, list_collections, merge, purge
from emotion_core.collect.transfer import import_data
from emotion_core.data.collection_file import collections_dir, open_database, read_face
from emotion_core.paths import PROJECT
from emotion_core.recipes import recipe_config
from emotion_core.runs import registry
from emotion_core.runs.catalog import load_run
from emotion_core.runs.create import create_run

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

# Captures faces with consent, as the camera and the live page do, one at a time.
_CAPTURER = """
import sys
import numpy as np
from emotion_core.collect.capture import Capture, with_label
from emotion_core.collect.faces import NewFace
from emotion_core.collect.quality import Quality

seed = int(sys.argv[1])
rng = np.random.default_rng(seed)
capture = Capture("me", f"camera {seed}", consent=True)
print("up", flush=True)
for turn in range(1000):
    face = NewFace(rng.integers(0, 255, (48, 48), np.uint8), rng.integers(0, 255, (112, 112), np.uint8),
                   "camera", f"{seed}-{turn}", Quality(60, 1, 100, 30))
    kept = capture.take(with_label(face, "happy"))
    print("added", kept, flush=True)
    print("label", kept, "happy", flush=True)
"""

# Imports drawn faces again and again; each time into a new collection.
_IMPORTER = """
import sys
from emotion_core.collect.store import create
from emotion_core.collect.transfer import import_data

seed = int(sys.argv[1])
print("up", flush=True)
for turn in range(1000):
    create(f"from-{seed}-{turn}")
    import_data(f"from-{seed}-{turn}", "synthetic:70")
    print("imported", f"from-{seed}-{turn}", flush=True)
"""

# Two runs take the champion's place in turns.
_PROMOTER = """
import sys
from emotion_core.runs import registry
from emotion_core.runs.catalog import load_run

first, second = load_run("first"), load_run("second")
print("up", flush=True)
for turn in range(1000):
    new, old = (first, second) if turn % 2 else (second, first)
    registry.promote(new, old, why=f"{sys.argv[1]}-{turn}")
    print("promoted", f"{sys.argv[1]}-{turn}", flush=True)
"""


def killed(script: str, kills: int, *arguments: str, lines: int = 12) -> Iterator[list[str]]:
    """What each of several writers confirmed before it was killed."""
    rng = random.Random(1)
    for kill in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", script, *arguments, str(kill)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout.readline() == "up\n"  # before it, only libraries are loaded
            # By lines as well as by time: a busy machine gives a writer only moments.
            told = [writer.stdout.readline().strip() for _ in range(rng.randrange(lines))]
            time.sleep(rng.uniform(0.0, 0.05))
            writer.send_signal(signal.SIGKILL)
            yield told + writer.stdout.read().splitlines()


@pytest.mark.timeout(600)
def test_a_writer_that_is_killed_loses_nothing_that_it_confirmed():
    create("me")
    session = start_session("me", "killed")
    confirmed: list[str] = []
    for told in killed(_WRITER, KILLS, str(session)):
        confirmed += told
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


@pytest.mark.timeout(600)
def test_a_capture_that_is_killed_keeps_each_face_that_it_confirmed():
    create("me")
    confirmed: list[str] = []
    for told in killed(_CAPTURER, KILLS):
        confirmed += told
        check(confirmed)
    assert len(confirmed) > KILLS


@pytest.mark.timeout(600)
def test_an_import_that_is_killed_leaves_whole_faces_and_can_be_repeated():
    done: list[str] = []
    for kill, told in enumerate(killed(_IMPORTER, max(2, KILLS // 3), lines=3)):
        done += [line.split()[1] for line in told if line.startswith("imported")]
        check([])
        for item in list_collections():
            faces = list_faces(item.name, limit=100)[0]
            assert all(read_face(face.file).shape == (48, 48) for face in faces)
            assert all(face.by == "import" and face.label for face in faces)
            assert len(faces) == 70 or item.name not in done
        for item in list_collections():
            import_data(item.name, "synthetic:70")  # what is there already is left out
            assert list_faces(item.name)[1] == 70, kill
    sweep(older_than=0)
    with open_database() as database:
        rows = database.execute("SELECT count(*) FROM faces").fetchone()[0]
    assert len(list((collections_dir() / "faces").rglob("*.png"))) == rows


@pytest.mark.timeout(600)
def test_a_promotion_that_is_killed_is_whole_or_was_not_made():
    for name in ("first", "second"):
        run = create_run(recipe_config("ours", "sequential", name=name))
        run.weights_path.write_bytes(b"weights")
    promoted: list[str] = []
    for told in killed(_PROMOTER, KILLS):
        promoted += [line.split()[1] for line in told]
        found = registry.read_registry()
        whys = [entry.why for entry in found.history]
        assert [why for why in whys if why in set(promoted)] == promoted
        assert {found.aliases[registry.CHAMPION], found.aliases[registry.PREVIOUS]} == {
            load_run(name).id for name in ("first", "second")
        }
        for before, after in itertools.pairwise(found.history):
            assert before.run == found.history[0].run or after.run == found.history[0].run
        assert found.aliases[registry.CHAMPION] == found.history[-1].run


def test_two_dashboards_label_one_collection_at_once(fill):
    ids = fill(each=8, by="")
    script = (
        "import sys\nfrom emotion_core.collect.labels import label_faces, undo\n"
        "from emotion_core.collect.store import purge\n"
        "face, label = int(sys.argv[1]), sys.argv[2]\n"
        "for turn in range(20):\n"
        "    label_faces('me', {face: label, face + 1: 'fear'}); undo('me'); purge()\n"
        "    label_faces('me', {face: label})\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(face), label], cwd=PROJECT)
        for face, label in ((ids[0], "happy"), (ids[4], "sad"))
    ]
    assert [one.wait(120) for one in both] == [0, 0]
    with open_database() as database:
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rows = database.execute("SELECT face, old, new FROM events ORDER BY id").fetchall()
    assert len(rows) > 40
    present = dict.fromkeys(ids, "")
    for face, old, new in rows:  # each change saw the one before, whoever made it
        assert old == present[face]
        present[face] = new
    assert {item.id: item.label for item in list_faces("me")[0]} == present


def check(confirmed: list[str]) -> None:
    with open_database() as database:
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not database.execute("PRAGMA foreign_key_check").fetchall()
    if not confirmed:
        return
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
