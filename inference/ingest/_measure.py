"""The limits for pictures that are only looked at: of more kinds than are taken in, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inference.errors import RefusedError
from inference.frames import read_film
from inference.ingest._clip import Meter, explained, open_clip
from inference.ingest._scan import LARGEST, scan
from inference.ingest._submission import Limits

if TYPE_CHECKING:
    from PIL import Image


def read_moments(path: Path, count: int, limits: Limits) -> list[Image.Image]:
    """Return what a picture of any kind that Pillow reads shows at `count` evenly picked moments, as RGBA.

    None is larger than what is kept of files that are taken in.

    Raises:
        RefusedError: it is no file, is broken, of another kind, or beyond a limit.
        PackError: it is broken.
    """
    try:
        clip = open_clip(path, limits)
    except RefusedError as error:
        if error.code != "unsupported":
            raise
        _check_other(path, limits)
        moments = read_film(path, 0, count).moments
        for picture in moments:
            picture.thumbnail((LARGEST, LARGEST))
        return moments
    return scan(clip, frames=1, moments=count, stills=0, check_flash=False).film.moments


def _check_other(path: Path, limits: Limits) -> None:
    """Refuse a picture that is too large, by its header."""
    from PIL import Image

    meter = Meter(limits)
    with explained(), Image.open(path) as image:
        meter.check_size(image.size, 1)  # before more of it is looked at
        meter.check_size(image.size, int(getattr(image, "n_frames", 1)))
