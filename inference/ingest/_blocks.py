"""The blocks of a GIF file (GIF89a specification): counted before it is decoded, tidied before it is kept."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from inference.errors import RefusedError

BROKEN = "The GIF is broken: its blocks end too early. Export it again."
HEADER_BYTES = 13
EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
CONTROL, APPLICATION = 0xF9, 0xFF
LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


class Block(NamedTuple):
    """A block: what it is, for an extension its label, and where it lies in the file."""

    kind: int
    label: int
    start: int
    end: int


def blocks(data: bytes) -> Iterator[Block]:
    """Give the blocks after the header and the global palette, the trailer last where there is one.

    Raises:
        RefusedError: they are cut short, or are no blocks.
    """
    try:
        place = header_bytes(data)
        while place != len(data):
            start, kind = place, data[place]
            if kind == TRAILER:
                yield Block(kind, 0, start, start + 1)
                return
            if kind == EXTENSION:
                label, place = data[place + 1], _past(data, place + 2)
            elif kind == IMAGE:
                label, place = 0, _past(data, place + 10 + _palette_bytes(data[place + 9]) + 1)
            else:
                raise RefusedError(BROKEN)
            yield Block(kind, label, start, place)
    except IndexError:
        raise RefusedError(BROKEN) from None


def extent(data: bytes, block: Block) -> tuple[int, int]:
    """Return how far an image reaches to the right and down."""
    left, top, width, height = struct.unpack_from("<HHHH", data, block.start + 1)
    return left + width, top + height


def header_bytes(data: bytes) -> int:
    """Return how long header and global palette are."""
    return HEADER_BYTES + _palette_bytes(data[10])


def tidy_gif(data: bytes) -> bytes:
    """Return a GIF without comments, other metadata and what trails after its end; what shows stays.

    Raises:
        RefusedError: its blocks are broken.
    """
    kept = [data[: header_bytes(data)]]
    for block in blocks(data):
        if _shows(data, block):
            kept.append(data[block.start : block.end])
    return b"".join([*kept, bytes([TRAILER])])


def _shows(data: bytes, block: Block) -> bool:
    if block.kind != EXTENSION:
        return block.kind == IMAGE
    is_loop = block.label == APPLICATION and data[block.start + 3 : block.start + 14] in LOOPS
    return block.label == CONTROL or is_loop


def _palette_bytes(flags: int) -> int:
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _past(data: bytes, place: int) -> int:
    """Return where a chain of sub-blocks ends.

    Raises:
        IndexError: it does not.
    """
    while size := data[place]:
        place += size + 1
    return place + 1
