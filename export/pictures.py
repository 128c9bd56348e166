"""Frames of pictures that somebody brings to a training, of formats that Pillow decodes by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.preprocess import Framing, frame_square

Pixels = npt.NDArray[np.uint8]

FORMATS = ("GIF", "WEBP", "PNG", "JPEG")
"""Pillow would open more of them, some by starting another program, such as Ghostscript for EPS."""

BACKGROUND = (255, 255, 255)
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
"""What Pillow raises of a damaged file."""


def read_frames(path: Path, choose: Callable[[range], Sequence[int]], size: int, framing: Framing) -> Pixels:
    """Decode chosen frames of a picture or an animation.

    Args:
        path: a GIF, WebP, PNG or JPEG.
        choose: picks frames out of the range of their numbers.
        size: edge in pixels.
        framing: how a frame becomes a square.

    Returns:
        (chosen, size, size, 3) uint8.

    Raises:
        OSError: the file cannot be read; of a damaged one, or of another format, any of `UNREADABLE`.
    """
    shown = []
    with Image.open(path, formats=FORMATS) as image:
        for number in choose(range(int(getattr(image, "n_frames", 1)))):
            image.seek(number)
            shown.append(frame_square(image.convert("RGBA"), size, BACKGROUND, framing))
    return np.stack(shown)
