"""Turn an animation of any length and alpha into frames fit for a GIF: even steps, 160 px, hard edges."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

SIZE = 160
"""Width and height of every GIF in pixels."""

MAX_STEP_MS = 80
"""Longest time a frame is shown: 12.5 frames a second."""

MIN_STEP_MS = 40
"""Shortest time a frame is shown; some players slow down frames below 20 ms."""

SHORT_LOOP_MS = 1600
"""Loops up to this long keep every frame of the source."""

_OPAQUE = 128
_SOLID = 250

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames ready to be encoded.

    Attributes:
        rgb: (frames, SIZE, SIZE, 3) uint8, colour of each pixel.
        mask: (frames, SIZE, SIZE) bool, True where the pixel is shown.
        step_ms: time that each frame is shown, a multiple of 10.
    """

    rgb: Pixels
    mask: Mask
    step_ms: int


def render(images: list[Image.Image], durations_ms: list[int]) -> Clip:
    """Resample an animation to even steps, shrink it and cut its edges.

    Raises:
        ValueError: there are no frames, or not a duration for each.
    """
    if not images or len(images) != len(durations_ms):
        raise ValueError(f"{len(images)} frames with {len(durations_ms)} durations")
    picked, step_ms = pick_frames(durations_ms)
    arrays = [np.asarray(shrink(images[index])) for index in picked]
    cut = [cut_edges(array) for array in arrays]
    return Clip(np.stack([rgb for rgb, _ in cut]), np.stack([mask for _, mask in cut]), step_ms)


def pick_frames(durations_ms: list[int]) -> tuple[list[int], int]:
    """Return indexes of frames at even steps and the step in ms.

    A source that runs faster than a GIF can is thinned by a whole number, so that motion stays even, and
    played at the nearest multiple of 10 ms (84 ms become 80); one with slower frames has them repeated.
    """
    total = sum(durations_ms)
    mean = total / len(durations_ms)
    limit = MIN_STEP_MS + 5 if total <= SHORT_LOOP_MS else MAX_STEP_MS + 5
    if max(durations_ms) - min(durations_ms) <= 10 and mean <= MAX_STEP_MS + 5:
        stride = max(1, int(limit // mean))
        step = round(stride * mean / 10) * 10
        return list(range(0, len(durations_ms), stride)), min(max(step, MIN_STEP_MS), MAX_STEP_MS)
    ends = np.cumsum(durations_ms)
    count = max(2, round(total / MAX_STEP_MS))
    centres = (np.arange(count) + 0.5) * total / count
    return [int(index) for index in np.searchsorted(ends, centres, side="right")], MAX_STEP_MS


def shrink(image: Image.Image) -> Image.Image:
    """Fit an RGBA picture of any size into SIZE x SIZE; alpha weighs the colours."""
    image = image.convert("RGBA")
    if image.width != image.height:
        side = max(image.size)
        square = Image.new("RGBA", (side, side))
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = square
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def cut_edges(rgba: Pixels) -> tuple[Pixels, Mask]:
    """Make alpha hard at one half, and give half-covered pixels the colour of the solid ones beside them.

    GIF has no partial alpha. The colour that a lossy source keeps under a faint edge is often that of
    nothing (white or black), which shows as a fringe on one of Discord's themes.

    Args:
        rgba: (height, width, 4) uint8, straight alpha.

    Returns:
        (height, width, 3) uint8 colours and (height, width) bool mask.
    """
    alpha = rgba[..., 3]
    solid = (alpha >= _SOLID).astype(np.float32)
    colours = rgba[..., :3].astype(np.float32)
    weight = _box(solid[..., None])
    near = _box(colours * solid[..., None]) / np.maximum(weight, 1e-6)
    mask = alpha >= _OPAQUE
    edge = mask & (alpha < _SOLID) & (weight[..., 0] > 0)
    colours[edge] = near[edge]
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8), mask


def _box(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Sum the 3 x 3 neighbourhood of each pixel of (height, width, channels)."""
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    height, width = values.shape[:2]
    total = np.zeros_like(values)
    for down in range(3):
        for right in range(3):
            total += padded[down : down + height, right : right + width]
    return total
