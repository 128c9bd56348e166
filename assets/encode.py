"""Write small, smooth GIFs: one palette, no dither, every frame drawn on a cleared canvas."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assets.lzw import blocks, compress
from assets.palette import Indexes, make_palette, nearest, neighbours
from assets.render import SIZE, Clip, Pixels

_CLEAR_AFTERWARDS = 2
_LOOP_FOR_EVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Quality:
    """How faithful a GIF is.

    Attributes:
        colours: size of the palette, the transparent entry included.
        reach: how different a colour may look from the one it is swapped for, in 8-bit steps.
    """

    colours: int
    reach: float


LADDER = (Quality(80, 29), Quality(64, 34), Quality(48, 40))
"""From the usual quality to the coarsest."""


def encode_within(clip: Clip, budget: int) -> bytes:
    """Encode at the best quality of the ladder that stays within `budget` bytes, else at the coarsest."""
    for quality in LADDER:
        content = encode(clip, quality)
        if len(content) <= budget:
            break
    return content


def encode(clip: Clip, quality: Quality) -> bytes:
    """Return the GIF file of a clip; the same clip and quality give the same bytes."""
    palette = make_palette(clip, quality.colours - 1)
    clear = len(palette)
    indexes = np.full(clip.mask.shape, clear, dtype=np.uint8)
    indexes[clip.mask] = nearest(clip.rgb[clip.mask], palette)
    return write_gif(indexes, palette, clip.step_ms, [*neighbours(palette, quality.reach), ()])


def write_gif(indexes: Indexes, palette: Pixels, step_ms: int, similar: Sequence[Sequence[int]]) -> bytes:
    """Return a GIF that loops for ever.

    The container is written here because Pillow's own writer joins equal neighbouring frames, which
    makes the frame rate uneven.

    Args:
        indexes: (frames, SIZE, SIZE) uint8; `len(palette)` stands for transparent.
        palette: (n, 3) uint8, n <= 255.
        step_ms: time that each frame is shown.
        similar: for each index those that may replace it, best first.
    """
    clear = len(palette)
    bits = max(2, clear.bit_length())
    table = palette.tobytes().ljust(3 << bits, b"\0")
    screen = struct.pack("<HHBBB", SIZE, SIZE, 0xF0 | (bits - 1), clear, 0)
    frames = [_frame(frame, clear, bits, step_ms, similar) for frame in indexes]
    return b"".join([b"GIF89a", screen, table, _LOOP_FOR_EVER, *frames, b"\x3b"])


def _frame(frame: Indexes, clear: int, bits: int, step_ms: int, similar: Sequence[Sequence[int]]) -> bytes:
    """Return the blocks of one frame, cropped to what is shown."""
    rows, columns = np.nonzero(frame != clear)
    top, left, bottom, right = 0, 0, 1, 1
    if len(rows):
        top, left = int(rows.min()), int(columns.min())
        bottom, right = int(rows.max()) + 1, int(columns.max()) + 1
    control = struct.pack("<BHBB", _CLEAR_AFTERWARDS << 2 | 1, step_ms // 10, clear, 0)
    place = struct.pack("<HHHHB", left, top, right - left, bottom - top, 0)
    stream = compress(np.ascontiguousarray(frame[top:bottom, left:right]).tobytes(), bits, similar)
    return b"\x21\xf9\x04" + control + b"\x2c" + place + bytes([bits]) + blocks(stream)
