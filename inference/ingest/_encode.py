"""What goes out to chats: a GIF within a size budget."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inference.errors import RefusedError
from inference.ingest._blocks import tidy_gif
from inference.ingest._clip import Clip, seen_ms
from inference.ingest._palette import OPAQUE, in_colours

if TYPE_CHECKING:
    from PIL import Image

LEAST_MS = 40.0  # 25 frames a second
MOST_FRAMES = 300
MOST_PIXELS = 48_000_000  # of all frames together
KEPT_PIXELS = 16_000_000  # which take 64 MB
SMALLEST_EDGE = 80
ATTEMPTS = 7

TOO_LARGE = "Even small and with few colours it is larger than {limit:.1f} MB: cut it."


@dataclass(frozen=True)
class Plan:
    """How to encode: the longer edge in pixels, colours a frame, how long a frame is shown at least."""

    edge: int
    colours: int
    least_ms: float

    def smaller(self, ratio: float) -> Plan:
        """Return a plan for less, where `ratio` of the bytes may be had."""
        if self.colours > 128:
            return replace(self, colours=128, edge=self._edge(min(1.0, ratio * 1.25)))
        if self.colours > 64:
            return replace(self, colours=64, edge=self._edge(min(0.9, ratio * 1.25)))
        return replace(self, edge=self._edge(min(0.8, ratio * 1.5)), least_ms=self.least_ms * 1.5)

    def _edge(self, ratio: float) -> int:
        return max(SMALLEST_EDGE, int(self.edge * ratio**0.5))


class Reel:
    """The frames of a clip in the largest size that is asked for, in memory where they are not too many."""

    def __init__(self, clip: Clip, edge: int) -> None:
        self._clip = clip
        self._edge = edge
        self._kept: list[tuple[Image.Image, float]] = []
        width, height = _within(clip.size, edge)
        self._is_kept = width * height * min(clip.count, MOST_FRAMES) <= KEPT_PIXELS

    def frames(self, plan: Plan) -> Iterator[tuple[Image.Image, float]]:
        """Give the frames after a plan, which asks for no more than the first; times as browsers have them.

        Raises:
            RefusedError: the file is broken, or beyond a limit.
        """
        source = iter(self._kept) if self._kept else self._clip_frames(min(plan.edge, self._edge))
        for picture, shown_ms in _thinned(source, 1, plan.least_ms):
            yield _reduced(picture, plan.edge), shown_ms

    def _clip_frames(self, edge: int) -> Iterator[tuple[Image.Image, float]]:
        step = -(-self._clip.count // MOST_FRAMES)
        frames = ((picture, seen_ms(shown_ms)) for picture, shown_ms in self._clip.frames())
        for picture, shown_ms in _thinned(frames, step, LEAST_MS):
            small = _reduced(picture, self._edge if self._is_kept else edge)
            if self._is_kept:
                self._kept.append((small, shown_ms))
            yield small, shown_ms


def encode_gif(clip: Clip, path: Path, *, budget_bytes: int, max_edge: int) -> bytes:
    """Return a clip as a GIF of at most `budget_bytes`, its longer edge at most `max_edge` pixels.

    A GIF that is small enough stays as it is but for its metadata. Others get fewer pixels, colours or
    frames, as many as the budget lets be; the time that they take stays.

    Raises:
        RefusedError: it is broken, or does not fit however small.
    """
    if clip.kind == "gif" and max(clip.size) <= max_edge and path.stat().st_size <= budget_bytes:
        with contextlib.suppress(RefusedError):  # what is decoded is encoded, although its blocks are odd
            return tidy_gif(path.read_bytes())
    plan = Plan(_first_edge(clip, max_edge), 256, LEAST_MS)
    reel = Reel(clip, plan.edge)
    for _ in range(ATTEMPTS):
        data = _encode(reel, plan)
        if len(data) <= budget_bytes:
            return data
        if plan.edge <= SMALLEST_EDGE:
            break
        plan = plan.smaller(budget_bytes / len(data))
    raise RefusedError(TOO_LARGE.format(limit=budget_bytes / 1e6), "too_large")


def _first_edge(clip: Clip, max_edge: int) -> int:
    width, height = _within(clip.size, max_edge)
    pixels = width * height * min(clip.count, MOST_FRAMES)
    return max(SMALLEST_EDGE, int(max(width, height) * min(1.0, MOST_PIXELS / pixels) ** 0.5))


def _within(size: tuple[int, int], edge: int) -> tuple[int, int]:
    scale = min(1.0, edge / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _encode(reel: Reel, plan: Plan) -> bytes:
    covers, durations_ms = Covers(), []

    def pictures() -> Iterator[Image.Image]:
        for picture, shown_ms in reel.frames(plan):
            durations_ms.append(shown_ms)
            covers.add(picture)
            yield picture

    reduced = list(in_colours(pictures(), plan.colours))
    moving = {}
    if reduced[1:]:
        # Where a picture is clear after another was not, all before it goes.
        moving = {"loop": 0, "duration": _in_hundredths(durations_ms), "disposal": 1 if covers.grow else 2}
    file = io.BytesIO()
    reduced[0].save(file, "GIF", save_all=True, append_images=reduced[1:], optimize=True, **moving)
    return tidy_gif(file.getvalue())


class Covers:
    """Whether no pixel of an animation gets clear again, so that each picture can be laid over the last."""

    def __init__(self) -> None:
        self.grow = True
        self._last: Image.Image | None = None

    def add(self, picture: Image.Image) -> None:
        """Look at the next picture."""
        from PIL import Image, ImageChops

        cover = Image.new("L", picture.size, 255)
        if picture.mode == "RGBA":
            cover = picture.getchannel("A").point(lambda value: 255 if value >= OPAQUE else 0)
        if self._last is not None and self.grow:
            self.grow = ImageChops.subtract(self._last, cover).getbbox() is None
        self._last = cover


def _thinned(
    frames: Iterator[tuple[Image.Image, float]], step: int, least_ms: float
) -> Iterator[tuple[Image.Image, float]]:
    """Give frames that are shown long enough, each with the time of those that are left out after it."""
    kept: Image.Image | None = None
    shown_ms, joined = 0.0, 0
    for picture, duration_ms in frames:
        if kept is not None and joined >= step and shown_ms >= least_ms - 1:
            yield kept, shown_ms
            kept, shown_ms, joined = None, 0.0, 0
        if kept is None:
            kept = picture.copy()
        shown_ms += duration_ms
        joined += 1
    if kept is not None:
        yield kept, shown_ms


def _reduced(picture: Image.Image, edge: int) -> Image.Image:
    """Return a picture that is no larger than planned."""
    from PIL import Image

    size = _within(picture.size, edge)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def _in_hundredths(durations_ms: list[float]) -> list[int]:
    """Round times to hundredths of a second, as GIF has them, so that their sum stays."""
    rounded, exact, total = [], 0.0, 0
    for shown_ms in durations_ms:
        exact += shown_ms
        rounded.append(max(20, 10 * round((exact - total) / 10)))
        total += rounded[-1]
    return rounded
