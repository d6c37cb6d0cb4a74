"""Random damage to bytes, text and values: what disks, networks, editors and attackers do."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

_PNG = b"\x89PNG\r\n\x1a\n"
_EDGES = (0, 1, -1, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, -(2**31), 2**32 - 1)
# Values of JSON that hand-written readers forget.
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e308, 10**400, 2**63, float("nan")),
    *(float("inf"), "", "x", "0", "\ud800", "\x00", "\x1b[2J", "=1+1", "happy" * 50_000),
    *([], {}, [None], [[]], {"": {}}, [1, 2], ["x"] * 1_000, {"a": [{"b": None}]}),
)


def damaged(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Bytes after one to five changes.

    Args:
        rng: Where chance comes from.
        data: A whole file.
        others: Files of the same kind, of which pieces may be put in.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        data = rng.choice(_CHANGES)(rng, data, others)
    return data


def _place(rng: random.Random, data: bytes | bytearray) -> int:
    """A place in a file; headers stand at its ends, so these come more often."""
    size = max(len(data), 1)
    near = min(size, 64)
    return rng.choice((rng.randrange(size), rng.randrange(near), size - 1 - rng.randrange(near)))


def _flip(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[_place(rng, changed)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    changed = bytearray(data or b"\0")
    changed[_place(rng, changed)] = rng.randrange(256)
    return bytes(changed)


def _number(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice(_EDGES) % (1 << 8 * size)
    value = number.to_bytes(size, "little" if rng.random() < 0.5 else "big")
    place = _place(rng, data)
    return data[:place] + value + data[place + size :]


def _cut(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return data[: _place(rng, data)]


def _remove(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    place = _place(rng, data)
    return data[:place] + data[place + rng.choice((1, 2, 16, 500)) :]


def _insert(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    place = _place(rng, data)
    return data[:place] + rng.randbytes(rng.choice((1, 2, 16, 500))) + data[place:]


def _repeat(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    place = _place(rng, data)
    piece = data[place : place + rng.choice((1, 4, 64, 1_000))]
    return data[:place] + piece * rng.choice((2, 3, 100)) + data[place:]


def _splice(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    other = rng.choice(others) if others else data
    start, end = sorted((_place(rng, other), _place(rng, other)))
    place = _place(rng, data)
    piece = other[start:end]
    return data[:place] + piece + data[place + rng.choice((0, len(piece))) :]


def _empty(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return rng.choice((b"", data[:8], data[:1], b"\0" * len(data)))


_CHANGES: tuple[Callable[[random.Random, bytes, list[bytes]], bytes], ...] = (
    *(_flip, _flip, _set, _number, _number, _cut, _remove, _insert, _repeat, _splice, _empty),
)


def damaged_png(rng: random.Random, data: bytes) -> bytes:
    """A PNG with a changed chunk whose checksum is correct, so that readers go on."""
    if not data.startswith(_PNG):
        return data
    chunks, place = [], len(_PNG)
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    if not chunks:
        return data
    at = rng.randrange(len(chunks))
    kind, body = chunks[at]
    body = damaged(rng, body, [])
    chunks[at] = (kind if rng.random() < 0.9 else rng.choice((b"tRNS", b"PLTE", b"IDAT")), body)
    if rng.random() < 0.2:
        rng.shuffle(chunks)
    return _PNG + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def damaged_text(rng: random.Random, text: str, separator: str) -> str:
    """Lines of cells after some were changed, moved, doubled or left out."""
    rows = [line.split(separator) for line in text.split("\n")]
    for _ in range(rng.choice((1, 2, 5))):
        row = rows[rng.choice((0, rng.randrange(len(rows))))]
        at = rng.randrange(max(len(row), 1))
        change = rng.randrange(6)
        if change == 0 and row:
            row[at] = rng.choice(
                ("", "0", "-1", "9" * 5_000, "1e9", "²", "happy", '"', "\0", "\ufeff", "1 2 3")
            )
        elif change == 1 and row:
            row[at] = row[at].replace(" ", rng.choice((",", "  ", "\t", " -", " 9")), 3)
        elif change == 2:
            row.insert(at, rng.choice(("x", '"a\nb"', " " * 1_000, "train")))
        elif change == 3 and row:
            del row[at]
        elif change == 4:
            rows.insert(rng.randrange(len(rows)), rng.choice(([], [""], ["x"] * 5_000, list(row))))
        else:
            row[:] = [cell.upper() for cell in row] if rng.random() < 0.5 else row[::-1]
    return rng.choice(("\n", "\n", "\r\n", "\r")).join(separator.join(row) for row in rows)


def damaged_json(rng: random.Random, data: bytes) -> bytes:
    """A JSON document with some of its values changed; at times one that is nested very deep."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # damaged before
        return damaged(rng, data, [])
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = _damaged_value(rng, value)
    text = json.dumps(value)
    if rng.random() < 0.05:
        depth = rng.choice((50, 900, 100_000))
        text = text.replace("null", "[" * depth + "]" * depth, 1)
    return text.encode()


def _damaged_value(rng: random.Random, value: Any) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        changed = dict(value)
        how = rng.random()
        if how < 0.1:
            del changed[key]
        elif how < 0.15:
            changed[rng.choice(("", "x", key + "s"))] = changed.pop(key)
        else:
            changed[key] = _damaged_value(rng, changed[key])
        return changed
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        changed_list = list(value)
        if rng.random() < 0.3:
            del changed_list[at]
        else:
            changed_list[at] = _damaged_value(rng, changed_list[at])
        return changed_list
    return rng.choice(ODD_VALUES)
