"""Uploads belong to the session that sent them and go with it, unless a run uses them."""

import os
import stat
import subprocess
import sys

import pytest

from emotion_core.data import uploads
from emotion_core.data.sources import load_data
from emotion_core.data.uploads import UploadSession, drop_upload, is_upload, remove_unused
from emotion_core.errors import DataError
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "checkpoints"))
    return tmp_path


def files_below(place):
    return [path for path in place.rglob("*") if path.is_file()]


def test_an_upload_is_open_to_its_owner_alone(places):
    path = UploadSession().keep("faces.zip", b"some bytes")
    assert path.read_bytes() == b"some bytes"
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.parent.stat().st_mode) == 0o700


def test_the_same_content_is_written_once_and_another_session_has_its_own():
    one, other = UploadSession(), UploadSession()
    assert one.keep("a.zip", b"x") == one.keep("a.zip", b"x")
    assert one.keep("a.zip", b"x") != other.keep("a.zip", b"x")


def test_nothing_is_left_when_the_session_ends(places):
    session = UploadSession()
    session.keep("faces.zip", b"private")
    other = UploadSession()
    kept = other.keep("faces.zip", b"of somebody else")
    session.close()
    assert [path for path in files_below(places) if path.suffix == ".zip"] == [kept]


def test_a_run_keeps_its_upload_until_it_is_gone(places):
    session = UploadSession()
    path = session.keep("faces.zip", b"learned from")
    unused = session.keep("other.zip", b"not learned from")
    run = create_run(TrainConfig(data=str(path)))
    session.close()
    assert path.exists()
    assert not unused.exists()
    for file in run.path.iterdir():
        file.unlink()
    run.path.rmdir()
    remove_unused()
    assert not files_below(places / "cache" / "uploads")


def test_uploads_of_a_killed_dashboard_are_removed_by_the_next(places):
    code = (
        "import os; from emotion_core.data.uploads import UploadSession; "
        "UploadSession().keep('faces.zip', b'private'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ, check=False)
    assert files_below(places / "cache" / "uploads")
    UploadSession().keep("new.zip", b"new")
    names = {path.name for path in files_below(places / "cache" / "uploads")}
    assert names == {"new.zip", ".lock"}


def test_all_uploads_together_are_limited(monkeypatch):
    monkeypatch.setattr(uploads, "MOST_BYTES", 10)
    session = UploadSession()
    session.keep("a.zip", b"12345")
    with pytest.raises(DataError, match="Close other tabs"):
        UploadSession().keep("b.zip", b"123456")
    session.close()
    UploadSession().keep("b.zip", b"123456")


def test_a_useless_upload_is_dropped_and_other_paths_are_left_alone(tmp_path):
    path = UploadSession().keep("faces.zip", b"no zip")
    own = tmp_path / "own" / "faces.zip"
    own.parent.mkdir()
    own.touch()
    assert is_upload(path)
    assert not is_upload(own)
    drop_upload(path)
    drop_upload(own)
    assert not path.exists()
    assert own.exists()


def test_parsed_images_of_an_upload_go_with_it(places):
    import io
    import zipfile

    from emotion_core.data.synthetic import synthetic_faces
    from emotion_core.labels import EMOTIONS

    cv2 = pytest.importorskip("cv2")
    faces = synthetic_faces(70)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for index in range(70):
            png = cv2.imencode(".png", faces.images[index])[1].tobytes()
            split = "test" if index % 3 == 0 else "train"
            archive.writestr(f"{split}/{EMOTIONS[faces.labels[index]]}/{index}.png", png)
    session = UploadSession()
    data = load_data(session.keep("faces.zip", packed.getvalue()))
    assert len(data) == 70
    del data
    session.close()
    assert not [path for path in files_below(places / "cache") if path.suffix in (".npy", ".npz")]
