"""What goes out to chats: a GIF within a size budget."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inference.errors import RefusedError
from inference.ingest._blocks import tidy_gif
from inference.ingest._clip import Clip

if TYPE_CHECKING:
    from PIL import Image

LEAST_MS = 40.0  # 25 frames a second
MOST_FRAMES = 300
SMALLEST_EDGE = 80
ATTEMPTS = 7
OPAQUE = 128

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


def encode_gif(clip: Clip, path: Path, *, budget_bytes: int, max_edge: int) -> bytes:
    """Return a clip as a GIF of at most `budget_bytes`, its longer edge at most `max_edge` pixels.

    A GIF that is small enough stays as it is but for its metadata. Others get fewer pixels, colours or
    frames, as many as the budget lets be; the time that they take stays.

    Raises:
        RefusedError: it is broken, or does not fit however small.
    """
    if clip.kind == "gif" and max(clip.size) <= max_edge and path.stat().st_size <= budget_bytes:
        return tidy_gif(path.read_bytes())
    plan = Plan(min(max_edge, max(clip.size)), 256, LEAST_MS)
    for _ in range(ATTEMPTS):
        data = _encode(clip, plan)
        if len(data) <= budget_bytes:
            return data
        if plan.edge <= SMALLEST_EDGE:
            break
        plan = plan.smaller(budget_bytes / len(data))
    raise RefusedError(TOO_LARGE.format(limit=budget_bytes / 1e6), "too_large")


def _encode(clip: Clip, plan: Plan) -> bytes:
    pictures, durations_ms = [], []
    for picture, shown_ms in _thinned(clip, plan.least_ms):
        pictures.append(_reduced(picture, plan))
        durations_ms.append(shown_ms)
    file = io.BytesIO()
    moving = {"loop": 0, "duration": _in_hundredths(durations_ms), "disposal": 2} if pictures[1:] else {}
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], optimize=False, **moving)
    return tidy_gif(file.getvalue())


def _thinned(clip: Clip, least_ms: float) -> Iterator[tuple[Image.Image, float]]:
    """Give frames that are shown long enough, each with the time of those that are left out after it."""
    step = -(-clip.count // MOST_FRAMES)
    kept: Image.Image | None = None
    shown_ms, joined = 0.0, 0
    for picture, duration_ms in clip.frames():
        if kept is not None and joined >= step and shown_ms >= least_ms - 1:
            yield kept, shown_ms
            kept, shown_ms, joined = None, 0.0, 0
        if kept is None:
            kept = picture.copy()
        shown_ms += duration_ms
        joined += 1
    if kept is not None:
        yield kept, shown_ms


def _reduced(picture: Image.Image, plan: Plan) -> Image.Image:
    """Return a picture with a palette, no larger than planned; what is half transparent is made either."""
    from PIL import Image

    has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    small = picture.convert("RGBA" if has_alpha else "RGB")
    small.thumbnail((plan.edge, plan.edge), Image.Resampling.LANCZOS)
    if not has_alpha:
        return small.quantize(plan.colours, Image.Quantize.MEDIANCUT)
    alpha = small.getchannel("A").point(lambda value: 255 if value >= OPAQUE else 0)
    seen = Image.new("RGB", small.size)
    seen.paste(small, mask=alpha)
    reduced = seen.quantize(plan.colours - 1, Image.Quantize.MEDIANCUT)
    palette = (reduced.getpalette() or [])[: 3 * (plan.colours - 1)]
    clear = len(palette) // 3
    reduced.putpalette([*palette, 0, 0, 0])
    reduced.paste(clear, mask=alpha.point(lambda value: 255 - value))
    reduced.info["transparency"] = clear
    return reduced


def _in_hundredths(durations_ms: list[float]) -> list[int]:
    """Round times to hundredths of a second, as GIF has them, so that their sum stays."""
    rounded, exact, total = [], 0.0, 0
    for shown_ms in durations_ms:
        exact += shown_ms
        rounded.append(max(20, 10 * round((exact - total) / 10)))
        total += rounded[-1]
    return rounded
