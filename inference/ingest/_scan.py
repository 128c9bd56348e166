"""One walk through an animation that brings all that the stages look at, in bounded memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inference.frames import Film, sample_moments
from inference.ingest._clip import Clip, seen_ms
from inference.ingest._flash import FlashMeter, FlashReport
from inference.preprocess import sample_frames

if TYPE_CHECKING:
    from PIL import Image

LARGEST = 960  # pixels of the longer edge of what is kept
GRID = 48  # cells of the longer edge in which flashes are looked for


@dataclass(frozen=True)
class Scan:
    """Frames for the models, for the fingerprint and for reading, how long each is shown, and flashes."""

    film: Film
    stills: list[Image.Image]
    durations_ms: list[float]
    flash: FlashReport | None


def scan(
    clip: Clip,
    frames: int = 4,
    moments: int = 5,
    stills: int = 4,
    *,
    check_flash: bool = True,
    first: bool = False,
) -> Scan:
    """Walk through a clip once, or twice where its frames are shown unequally long.

    Args:
        clip: what to look at.
        frames: how many pictures evenly by number.
        moments: how many evenly by time.
        stills: how many of the former to read words in.
        check_flash: whether flashes are looked for.
        first: whether the first frame alone stands for the pictures by number.

    Raises:
        RefusedError: the file is broken, or beyond a limit.
    """
    numbers = range(clip.count)
    by_number = sample_frames(numbers, frames, first=first)
    likely = sample_frames(numbers, moments)
    meter = FlashMeter() if check_flash else None
    pictures, durations_ms = _walk(clip, {*by_number, *likely}, meter)
    by_time = sample_moments(durations_ms, moments)
    if not pictures.keys() >= set(by_time):
        pictures |= _walk(clip, set(by_time), None)[0]
    seen = [pictures[number] for number in by_number]
    film = Film(seen, [pictures[number] for number in by_time])
    return Scan(film, seen[:stills], durations_ms, meter.report() if meter else None)


def _walk(
    clip: Clip, wanted: Collection[int], meter: FlashMeter | None
) -> tuple[dict[int, Image.Image], list[float]]:
    pictures: dict[int, Image.Image] = {}
    durations_ms = []
    for number, (picture, shown_ms) in enumerate(clip.frames()):
        durations_ms.append(shown_ms)
        if number in wanted:
            pictures[number] = _kept(picture)
        if meter is not None:
            meter.add(_grid(picture), seen_ms(shown_ms))
    return pictures, durations_ms


def _kept(picture: Image.Image) -> Image.Image:
    """Return a picture of our own, RGBA, not larger than is needed."""
    kept = picture.convert("RGBA")
    kept.thumbnail((LARGEST, LARGEST))
    return kept


def _grid(picture: Image.Image) -> np.typing.NDArray[np.uint8]:
    """Return a picture in cells on white, (rows, columns, 3) uint8 sRGB."""
    from PIL import Image

    width, height = picture.size
    scale = min(1.0, GRID / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = picture.resize(size, Image.Resampling.BOX)
    if small.mode == "RGB":
        return np.asarray(small)
    ground = Image.new("RGBA", size, (255, 255, 255, 255))
    ground.alpha_composite(small)
    return np.asarray(ground.convert("RGB"))
