"""Short films without their sound, through PyAV (extra `video`)."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inference.errors import RefusedError
from inference.frames import UNTIMED_MS
from inference.ingest._clip import EMPTY, TOO_MANY, TOO_MUCH, UNREADABLE, Kind, Meter
from inference.ingest._submission import Limits

if TYPE_CHECKING:
    from PIL import Image

NOT_INSTALLED = "Films need the extra video: pip install 'repartee[video]', or send a GIF."
SILENT = "There is no film in it."

DECODED = 10  # times as many frames as are let be: what is left out takes time, too

Container = Literal["mov", "matroska"]


class VideoClip:
    """The first film in a file, with no more frames a second than the limits let be."""

    kind: Kind = "mp4"

    def __init__(self, path: Path, container: Container, limits: Limits) -> None:
        """Decode it once, as what the file says of its length may be wrong.

        Raises:
            RefusedError: it is broken, beyond a limit, or PyAV is not installed.
        """
        self._path = path
        self._container = container
        self._limits = limits
        self._least_ms = max(40.0, limits.seconds * 1000 / limits.frames)
        self.size, times = self._measured()
        self._durations_ms = [end - start for start, end in itertools.pairwise(times)]
        self.count = len(self._durations_ms)
        Meter(limits).check_size(self.size, self.count)

    def frames(self) -> Iterator[tuple[Image.Image, float]]:
        """Give each frame, and for how many ms it is shown."""
        durations = iter(self._durations_ms)
        for picture, _ in self._chosen():
            with contextlib.suppress(StopIteration):
                shown_ms = next(durations)
                yield _upright(picture), shown_ms

    def _measured(self) -> tuple[tuple[int, int], list[float]]:
        """Return width and height, and when each frame is shown and the last one ends, in ms."""
        meter, size, last_ms = Meter(self._limits), (0, 0), 0.0
        times: list[float] = []
        for picture, at_ms in self._chosen():
            size = (picture.width, picture.height)[:: -1 if picture.rotation % 180 else 1]
            meter.check_size(size, len(times) + 1)
            if times:
                meter.add(at_ms - times[-1])
            times.append(at_ms)
            last_ms = at_ms
        if not times:
            raise RefusedError(EMPTY)
        rest_ms = (last_ms - times[0]) / (len(times) - 1) if len(times) > 1 else UNTIMED_MS
        return size, [*times, last_ms + rest_ms]

    def _chosen(self) -> Iterator[tuple[Any, float]]:
        """Give decoded frames, far enough from each other in time, and when they are shown in ms."""
        shown_ms: float | None = None
        for number, picture in enumerate(self._decoded()):
            if number > DECODED * self._limits.frames:
                raise RefusedError(TOO_MANY.format(limit=self._limits.frames), "too_long")
            at_ms = 1000 * float(picture.time if picture.time is not None else 0.0)
            if shown_ms is None or at_ms >= shown_ms + self._least_ms - 1:
                shown_ms = at_ms
                yield picture, at_ms
            elif at_ms < shown_ms - self._limits.seconds * 1000:
                raise RefusedError(UNREADABLE.format(reason="its times make no sense"))

    def _decoded(self) -> Iterator[Any]:
        try:
            import av
        except ModuleNotFoundError as error:
            raise RefusedError(NOT_INSTALLED, "unsupported") from error
        av.logging.set_level(av.logging.PANIC)
        try:
            with self._path.open("rb") as file, av.open(file, "r", format=self._container) as container:
                if not container.streams.video:
                    raise RefusedError(SILENT, "unsupported")
                stream = container.streams.video[0]
                if stream.codec_context is None:
                    raise RefusedError(UNREADABLE.format(reason="it is broken"))
                stream.thread_type = "NONE"
                stream.thread_count = 1
                stream.codec_context.options = {"max_pixels": str(self._limits.pixels)}
                Meter(self._limits).check_size((stream.width, stream.height), 1)
                yield from container.decode(stream)
        except (av.error.FFmpegError, OSError, ValueError, ArithmeticError, LookupError) as error:
            raise RefusedError(UNREADABLE.format(reason="it is broken")) from error
        except MemoryError as error:
            raise RefusedError(TOO_MUCH, "too_much_memory") from error


def _upright(picture: Any) -> Image.Image:
    """Return a frame as phones turn it, RGB."""
    image: Image.Image = picture.to_image()
    return image.rotate(picture.rotation, expand=True) if picture.rotation else image
