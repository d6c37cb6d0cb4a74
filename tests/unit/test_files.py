"""Writes leave the old file or the new one; readers never see half a row."""

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from emotion_core.files import (
    MAX_JSON,
    append_json_line,
    atomic_path,
    open_regular,
    read_json,
    read_json_lines,
    read_once,
    read_regular,
    read_tail,
    sha256_file,
    short_name,
    write_bytes,
    write_json,
    write_json_lines,
)


def test_written_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_keeps_the_old_file_and_removes_its_rest(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="in the middle"), atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError("in the middle")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with (
        pytest.raises(OSError, match="No space left") as caught,
        atomic_path(path),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"new")
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"


def test_reader_with_the_old_file_open_keeps_reading_it(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old text")
    with path.open("rb") as reader:
        assert reader.read(3) == b"old"
        write_bytes(path, b"x")
        assert reader.read() == b" text"


def test_written_file_has_the_usual_mode(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    write_bytes(tmp_path / "a.bin", b"")
    mode = stat.S_IMODE((tmp_path / "a.bin").stat().st_mode)
    assert mode == stat.S_IMODE(plain.stat().st_mode)


def test_missing_folders_are_made_only_where_asked_for(tmp_path):
    path = tmp_path / "a" / "b" / "c.json"
    with pytest.raises(FileNotFoundError):
        write_json(path, {"x": 1})
    assert not list(tmp_path.iterdir())
    write_json(path, {"x": 1}, parents=True)
    assert read_json(path) == {"x": 1}


def test_a_file_is_read_again_only_after_it_changed(tmp_path):
    path, reads = tmp_path / "a", []

    def read(path):
        reads.append(path)
        return path.read_text()

    path.write_text("one")
    assert read_once(path, read) == read_once(path, read) == "one"
    assert len(reads) == 2, "written a moment ago: the next change could have the same stamp"
    os.utime(path, (1, 1))
    assert read_once(path, read) == read_once(path, read) == "one"
    assert len(reads) == 3
    path.write_text("two")
    os.utime(path, (2, 2))
    assert read_once(path, read) == "two"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_once(path, read)


def test_json_refuses_what_other_readers_cannot_read(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"loss": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"loss": float("nan")})
    assert read_json(path) == {"loss": 1.0}
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_json_line(tmp_path / "rows.jsonl", {"loss": float("inf")})


def test_rows_are_read_in_the_order_they_were_added(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert read_json_lines(path) == []
    for epoch in (1, 2, 3):
        append_json_line(path, {"epoch": epoch})
    assert [row["epoch"] for row in read_json_lines(path)] == [1, 2, 3]


def test_torn_last_row_is_left_out_and_the_next_rows_are_kept(tmp_path):
    path = tmp_path / "rows.jsonl"
    append_json_line(path, {"epoch": 1})
    with path.open("ab") as file:
        file.write(b'{"epoch": 2, "lo')
    assert read_json_lines(path) == [{"epoch": 1}]
    write_json_lines(path, read_json_lines(path))
    append_json_line(path, {"epoch": 2})
    assert read_json_lines(path) == [{"epoch": 1}, {"epoch": 2}]


def test_rows_are_replaced_as_a_whole(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_json_lines(path, [{"epoch": 1}, {"epoch": 2}])
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_lines(path, [{"epoch": 3}, {"loss": float("nan")}])
    assert read_json_lines(path) == [{"epoch": 1}, {"epoch": 2}]
    write_json_lines(path, [])
    assert path.read_bytes() == b""


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "a.bin"
    data = os.urandom(300_000)
    path.write_bytes(data)
    assert sha256_file(path) == hashlib.sha256(data).hexdigest()


def special(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("read", [open_regular, read_json, read_json_lines])
def test_what_is_no_file_is_refused_instead_of_read_for_ever(tmp_path, kind, read):
    with pytest.raises(OSError, match=r"Not a regular file|Is a directory"):
        read(special(tmp_path, kind))


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path):
    sparse = tmp_path / "sparse.json"
    with sparse.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match=r"sparse.json|1,099,511,627,776 bytes") as caught:
        read_json(sparse)
    assert caught.value.errno == errno.EFBIG
    assert str(MAX_JSON // 1024**2) == "64"
    (tmp_path / "small").write_bytes(b"abc")
    assert read_regular(tmp_path / "small", 3) == b"abc"
    with pytest.raises(OSError, match="3 bytes, more than the 2"):
        read_regular(tmp_path / "small", 2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_the_end_of_a_log_is_read_and_of_a_pipe_or_nothing_no_line(tmp_path):
    log = tmp_path / "log"
    assert read_tail(log) == []
    log.write_bytes(b"first\n" + b"x" * 100_000 + b"\n\ncaf\xe9\n \nlast\n")
    assert read_tail(log, 2) == ["caf\ufffd", "last"]
    assert "first" not in read_tail(log) and len("".join(read_tail(log))) < 2**16
    os.mkfifo(tmp_path / "pipe")
    assert read_tail(tmp_path / "pipe") == []


def test_json_that_is_nested_without_end_is_no_json(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path)
    path.write_text('{"a": 1}\n' + "[" * 100_000 + '\n{"a": 2}\n' + "9" * 5000 + "\n")
    assert read_json_lines(path) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("letter", ["x", "é", "漢", "\N{GRINNING FACE}"])
def test_a_name_is_cut_by_bytes_and_the_longest_can_be_written(tmp_path, letter):
    assert len(short_name(letter * 300).encode()) <= 200
    assert letter * 300 != short_name(letter * 300) == letter * (200 // len(letter.encode()))
    path = tmp_path / (letter * (255 // len(letter.encode())))  # as long as a name may be
    write_bytes(path, b"1")
    assert path.read_bytes() == b"1" and list(tmp_path.iterdir()) == [path]
