"""Choose the colours that all frames of a GIF share, and map pixels to them."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from assets.render import Clip, Pixels

Indexes = npt.NDArray[np.uint8]

_CHANNEL_WEIGHTS = np.sqrt(np.array([0.67, 1.33, 1.0], dtype=np.float32))
"""The eye tells greens apart better than reds and blues."""


def make_palette(clip: Clip, count: int) -> Pixels:
    """Return at most `count` colours, (n, 3) uint8, that stand for the shown pixels of all frames.

    A colour weighs by the square root of its frequency, so that a tear or a tongue keeps its own.
    """
    shown = clip.rgb[clip.mask]
    if not len(shown):
        return np.zeros((1, 3), dtype=np.uint8)
    _, first, counts = np.unique(_pack(shown, 3), return_index=True, return_counts=True)
    repeats = np.ceil(np.sqrt(counts / 4)).astype(np.int64)
    samples = np.repeat(shown[first], repeats, axis=0)
    strip = Image.frombytes("RGB", (len(samples), 1), np.ascontiguousarray(samples).tobytes())
    method = Image.Quantize.MEDIANCUT
    flat = strip.quantize(count, method=method, kmeans=3, dither=Image.Dither.NONE).getpalette() or []
    colours = np.array(flat, dtype=np.uint8).reshape(-1, 3)[:count]
    return np.unique(colours, axis=0)


def nearest(rgb: Pixels, palette: Pixels) -> Indexes:
    """Return for each of (n, 3) pixels the index of the nearest palette colour, to 6 bits a channel."""
    unique, inverse = np.unique(_pack(rgb, 2), return_inverse=True)
    parts = [unique >> 12, (unique >> 6) & 63, unique & 63]
    colours = np.stack(parts, axis=1).astype(np.float32) * 4 + 1.5
    chosen = np.empty(len(unique), dtype=np.uint8)
    for start in range(0, len(unique), 8192):
        chosen[start : start + 8192] = distances(colours[start : start + 8192], palette).argmin(axis=1)
    return chosen[inverse]


def distances(colours: npt.ArrayLike, palette: Pixels) -> npt.NDArray[np.float32]:
    """Return how different (n, 3) colours look from each of (m, 3) palette colours: (n, m) float32."""
    one = np.asarray(colours, dtype=np.float32) * _CHANNEL_WEIGHTS
    other = palette.astype(np.float32) * _CHANNEL_WEIGHTS
    squares = ((one[:, None, :] - other[None]) ** 2).sum(axis=2)
    result: npt.NDArray[np.float32] = np.sqrt(squares)
    return result


def neighbours(palette: Pixels, reach: float) -> list[tuple[int, ...]]:
    """Return for each palette index the others within `reach`, nearest first."""
    table = distances(palette, palette)
    order = np.argsort(table, axis=1, kind="stable")
    return [
        tuple(int(other) for other in order[index] if other != index and table[index, other] <= reach)
        for index in range(len(palette))
    ]


def _pack(rgb: Pixels, drop_bits: int) -> npt.NDArray[np.int64]:
    """Return one number a pixel of (n, 3), made of the upper bits of its channels."""
    keep = 8 - drop_bits
    wide = (rgb >> drop_bits).astype(np.int64)
    packed: npt.NDArray[np.int64] = (wide[:, 0] << (2 * keep)) | (wide[:, 1] << keep) | wide[:, 2]
    return packed
