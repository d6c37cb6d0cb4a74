"""Writes leave the old file or the new one; readers never see half a row."""

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from emotion_core.files import (
    append_json_line,
    atomic_path,
    read_json,
    read_json_lines,
    sha256_file,
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


def test_missing_parent_folders_are_made(tmp_path):
    write_json(tmp_path / "a" / "b" / "c.json", {"x": 1})
    assert read_json(tmp_path / "a" / "b" / "c.json") == {"x": 1}


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
