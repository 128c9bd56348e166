"""What a GIF looks like, in bits: re-encodings of one GIF have nearly the same, other GIFs have others.

A difference hash (N. Krawetz, "Kind of Like That", 2013) of five moments in colour. Of the shipped pack the
two GIFs most alike, slow-clap and smirk-slow-clap, are 109 bits apart; `ALIKE_BITS` lies below.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inference.errors import MessageError
from inference.frames import read_film

if TYPE_CHECKING:
    from PIL import Image

MOMENTS = 5
CELLS = 8  # along each edge
MARGIN = 8  # of 255, by which neighbours must differ: what less is is noise of encoders, or a plain ground
BYTES = MOMENTS * 2 * CELLS * (CELLS - 1) * 3 // 8
ALIKE_BITS = 104  # of 1,680: so many may differ between GIFs that count as one
KIND = f"difference hash, {MOMENTS} moments, {CELLS} x {CELLS} cells, margin {MARGIN}"  # others are made anew

UNREADABLE = "A GIF to leave out is described by {characters} hexadecimal digits, as replies give them."

Bits = NDArray[np.uint8]


def fingerprint(moments: Sequence[Image.Image]) -> Bits:
    """Return the fingerprint of `MOMENTS` pictures in the order of time, (BYTES,) uint8.

    A bit says whether a cell is brighter than its left or upper neighbour, in red, green or blue.

    Raises:
        ValueError: there are more or fewer pictures.
    """
    if len(moments) != MOMENTS:
        raise ValueError(f"{len(moments)} pictures instead of {MOMENTS}")
    cells = np.stack([_shrink(picture) for picture in moments])
    across = cells[:, :, 1:] - cells[:, :, :-1] > MARGIN
    down = cells[:, 1:] - cells[:, :-1] > MARGIN
    return np.packbits(np.concatenate([across.ravel(), down.ravel()]))


def fingerprint_file(path: Path) -> Bits:
    """Return the fingerprint of a file, (BYTES,) uint8.

    Raises:
        PackError: the file is missing or not a readable picture.
    """
    return fingerprint(read_film(path, 0, MOMENTS).moments)


def distances(some: Bits, others: Bits) -> NDArray[np.uint16]:
    """Return how many bits differ between (n, bytes) and (m, bytes) uint8: (n, m) uint16."""
    if len(some) < len(others):
        return distances(others, some).T
    found = np.empty((len(some), len(others)), np.uint16)
    words, other_words = _words(some), _words(others)
    for column, other in enumerate(other_words):
        np.bitwise_count(words ^ other).sum(axis=1, out=found[:, column], dtype=np.uint16)
    return found


def is_alike(some: Bits, others: Bits) -> NDArray[np.bool_]:
    """Say which of (n, BYTES) uint8 look like any of (m, BYTES) uint8: (n,) bool."""
    return np.asarray((distances(some, others) <= ALIKE_BITS).any(axis=1))


def read_fingerprints(texts: Sequence[str]) -> Bits:
    """Read fingerprints in hexadecimal digits, (n, BYTES) uint8; empty texts stand for none.

    Raises:
        MessageError: one is no fingerprint of this kind: what cannot be compared cannot be left out either.
    """
    try:
        rows = [bytes.fromhex(text) for text in texts if text]
    except ValueError:
        rows = [b""]
    if any(len(row) != BYTES for row in rows):
        raise MessageError(UNREADABLE.format(characters=2 * BYTES))
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, BYTES)


def _words(prints: Bits) -> NDArray[np.uint64]:
    """Return (n, bytes) uint8 as (n, words) uint64: eight times as fast to compare."""
    padding = -prints.shape[1] % 8
    padded = np.pad(prints, ((0, 0), (0, padding))) if padding else np.ascontiguousarray(prints)
    return padded.view(np.uint64)


def _shrink(picture: Image.Image) -> NDArray[np.int16]:
    """Return the mean colours of the cells of a picture on white, (CELLS, CELLS, 3) int16."""
    from PIL import Image

    rgba = picture.convert("RGBA")
    ground = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    ground.alpha_composite(rgba)
    small = ground.convert("RGB").resize((CELLS, CELLS), Image.Resampling.BOX)
    return np.asarray(small, np.int16)
