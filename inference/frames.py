"""Frames out of a GIF file, for the image encoder, for fingerprints and for the preview in a terminal."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from inference.errors import PackError
from inference.preprocess import sample_frames

if TYPE_CHECKING:
    from PIL import Image

UNTIMED_MS = 100.0  # how long a frame without a duration is shown, in browsers


class Film(NamedTuple):
    """RGBA pictures of one animation: `frames` are picked evenly by number, `moments` evenly by time."""

    frames: list[Image.Image]
    moments: list[Image.Image]


def read_frames(path: Path, count: int, *, first: bool = False) -> list[Image.Image]:
    """Decode `count` evenly picked frames of an animation, or its first alone, as RGBA pictures.

    Raises:
        PackError: the file is missing or not a readable picture.
    """
    with _opened(path) as animation:
        frames = []
        for index in sample_frames(range(_count(animation)), count, first=first):
            animation.seek(index)
            frames.append(animation.convert("RGBA"))
        return frames


def read_film(path: Path, frames: int, moments: int, *, first: bool = False) -> Film:
    """Decode evenly picked frames, none where `frames` is 0, and what is shown at evenly picked moments.

    With `first` the first frame alone stands for the evenly picked ones.

    Encoders join frames that look alike, and drop some: what is shown when stays the same, frame numbers do
    not.

    Raises:
        PackError: the file is missing or not a readable picture.
    """
    with _opened(path) as animation:
        numbers = range(_count(animation))
        by_number = sample_frames(numbers, frames, first=first) if frames else []
        likely = sample_frames(numbers, moments)  # and right, where all frames are shown equally long
        pictures, durations_ms = _walk(animation, {*by_number, *likely})
        by_time = sample_moments(durations_ms, moments)
        if not pictures.keys() >= set(by_time):
            pictures |= _walk(animation, by_time)[0]
        return Film([pictures[number] for number in by_number], [pictures[number] for number in by_time])


def sample_moments(durations_ms: Sequence[float], count: int) -> list[int]:
    """Return the numbers of the frames that are shown in the middle of `count` equal shares of the time."""
    ends = list(accumulate(durations_ms))
    return [bisect_right(ends, (2 * share + 1) * ends[-1] / (2 * count)) for share in range(count)]


def _walk(animation: Image.Image, wanted: Collection[int]) -> tuple[dict[int, Image.Image], list[float]]:
    """Decode all frames; return the wanted ones as RGBA by number, and how long each is shown."""
    pictures, durations_ms = {}, []
    for number in range(_count(animation)):
        animation.seek(number)
        animation.load()  # only then WebP says how long the frame is shown
        durations_ms.append(animation.info.get("duration") or UNTIMED_MS)
        if number in wanted:
            pictures[number] = animation.convert("RGBA")
    return pictures, durations_ms


def _count(animation: Image.Image) -> int:
    return int(getattr(animation, "n_frames", 1))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    from PIL import Image  # answering a message needs no picture, so a process may never load this

    try:
        with Image.open(path) as animation:
            yield animation
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PackError(f"The GIF {path} cannot be read ({error}): rebuild the pack.") from error
