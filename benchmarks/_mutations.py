"""Ways in which a file gets broken, by chance or on purpose."""

from __future__ import annotations

import random
import zlib

EXTREMES = (b"\0\0", b"\xff\xff", b"\x7f\xff", b"\xff\x7f", b"\x01\0", b"\0\x01", b"\x80\0")
MARKS = (
    b"\x21\xf9\x04",
    b"\x2c",
    b"ANMF",
    b"VP8X",
    b"VP8L",
    b"fcTL",
    b"fdAT",
    b"IDAT",
    b"IHDR",
    b"acTL",
    b"moov",
)
MOST_BYTES = 64
PNG = b"\x89PNG\r\n\x1a\n"


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return a file with one or two changes."""
    for _ in range(rng.choice((1, 1, 2))):
        data = rng.choice(WAYS)(data, rng)
    return _signed(data) if rng.random() < 0.7 else data


def flip(data: bytes, rng: random.Random) -> bytes:
    """Change single bits."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, rng: random.Random) -> bytes:
    """Write a run of equal or random bytes over what is there."""
    place, length = rng.randrange(len(data) + 1), rng.randint(1, MOST_BYTES)
    run = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    return data[:place] + run[: len(data) - place] + data[place + length :]


def cut(data: bytes, rng: random.Random) -> bytes:
    """End it early, or leave out a piece."""
    place = rng.randrange(len(data) + 1)
    return data[:place] if rng.random() < 0.5 else data[:place] + data[place + rng.randint(1, MOST_BYTES) :]


def double(data: bytes, rng: random.Random) -> bytes:
    """Repeat a block."""
    start, end = _between(data, rng)
    return data[:end] + data[start:end] * rng.randint(1, 20) + data[end:]


def swap(data: bytes, rng: random.Random) -> bytes:
    """Exchange two neighbouring pieces."""
    start, end = _between(data, rng)
    further = min(len(data), end + rng.randint(1, 2 * MOST_BYTES))
    return data[:start] + data[end:further] + data[start:end] + data[further:]


def exaggerate(data: bytes, rng: random.Random) -> bytes:
    """Set a field of the header, or one behind a mark, to the most or the least."""
    place = rng.randrange(4, 48) if rng.random() < 0.5 else _mark(data, rng) + rng.randrange(12)
    return data[:place] + rng.choice(EXTREMES) + data[place + 2 :]


def _signed(data: bytes) -> bytes:
    """Make the checksums of a PNG right again, which would keep its decoder from looking further."""
    if not data.startswith(PNG):
        return data
    signed, place = bytearray(data), len(PNG)
    while place + 12 <= len(signed):
        end = place + 8 + int.from_bytes(signed[place : place + 4])
        signed[end : end + 4] = (
            zlib.crc32(signed[place + 4 : end]).to_bytes(4) if end + 4 <= len(data) else b""
        )
        place = end + 4
    return bytes(signed)


def _between(data: bytes, rng: random.Random) -> tuple[int, int]:
    """Return where a block starts and ends, as far as marks tell, or any piece."""
    start = _mark(data, rng)
    ends = [place for mark in MARKS if (place := data.find(mark, start + 4)) > 0]
    return start, min(ends, default=min(len(data), start + MOST_BYTES))


def _mark(data: bytes, rng: random.Random) -> int:
    """Return where one of the marks is, behind any place."""
    begin = rng.randrange(len(data) + 1)
    return max(0, data.find(rng.choice(MARKS), begin)) or begin


WAYS = (flip, overwrite, cut, double, swap, exaggerate)
