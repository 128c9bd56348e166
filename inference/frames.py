"""Frames out of a GIF file, for the image encoder and for the preview in a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inference.errors import PackError
from inference.preprocess import sample_frames

if TYPE_CHECKING:
    from PIL import Image


def read_frames(path: Path, count: int) -> list[Image.Image]:
    """Decode `count` evenly picked frames of an animation as RGBA pictures.

    Raises:
        PackError: the file is missing or not a readable picture.
    """
    from PIL import Image  # answering a message needs no picture, so a process may never load this

    try:
        with Image.open(path) as animation:
            frames = []
            for index in sample_frames(range(getattr(animation, "n_frames", 1)), count):
                animation.seek(index)
                frames.append(animation.convert("RGBA"))
            return frames
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PackError(f"The GIF {path} cannot be read ({error}): rebuild the pack.") from error
