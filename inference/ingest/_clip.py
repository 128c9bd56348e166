"""A file as frames, one after the other, under limits: what it is says its content, not its name."""

from __future__ import annotations

import contextlib
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from inference.errors import RefusedError
from inference.frames import UNTIMED_MS
from inference.ingest._blocks import HEADER_BYTES, IMAGE, blocks, extent
from inference.ingest._submission import MIB, Limits

if TYPE_CHECKING:
    from PIL import Image

Kind = Literal["gif", "webp", "png", "mp4"]

NO_FILE = "It cannot be read: it is no file."
UNREADABLE = "It cannot be read: {reason}. Export it again."
UNSUPPORTED = "It is no GIF, WebP, PNG or MP4."
TOO_LARGE = "It has {size:.1f} MiB; {limit:.0f} MiB are as much as is taken in."
TOO_WIDE = "It has {width} x {height} pixels, which is more than is taken in: make it smaller."
TOO_MANY = "It has more than {limit} frames: cut it, or leave frames out."
BOMB = "It has more pixels than are taken in: make it smaller."
TOO_MUCH = "All its frames together are more than is taken in: make it smaller or shorter."
TOO_LONG = "It takes longer than {limit:.0f} s: cut it."
EMPTY = "There is nothing in it."

LEAST_MS = 10.0  # browsers show what is to be shown as short as this
BROKEN = (  # what Pillow raises at broken files
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    AttributeError,
    struct.error,
    zlib.error,
)


class Clip(Protocol):
    """An animation, or a still picture, which is one of one frame."""

    kind: Kind
    size: tuple[int, int]
    count: int

    def frames(self) -> Iterator[tuple[Image.Image, float]]:
        """Give each frame in the size of the whole picture, and for how many ms it is shown.

        A picture is good until the next one is asked for.

        Raises:
            RefusedError: the file is broken, or beyond a limit.
        """


def seen_ms(shown_ms: float) -> float:
    """Return for how long browsers show a frame that is to be shown so long."""
    return shown_ms if shown_ms > LEAST_MS else UNTIMED_MS


class Meter:
    """Counts what was shown, and refuses what is too much."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._shown_ms = 0.0

    def check_size(self, size: tuple[int, int], count: int) -> None:
        """Refuse pictures that are too large, or too many of them, or of no size."""
        width, height = size
        if not width * height * count:
            raise RefusedError(EMPTY)
        if width * height > self._limits.pixels:
            raise RefusedError(TOO_WIDE.format(width=width, height=height), "too_large")
        if count > self._limits.frames:
            raise RefusedError(TOO_MANY.format(limit=self._limits.frames), "too_long")
        if width * height * count > self._limits.total_pixels:
            raise RefusedError(TOO_MUCH, "too_large")

    def add(self, shown_ms: float) -> None:
        """Refuse what takes too long."""
        self._shown_ms += seen_ms(shown_ms)
        if self._shown_ms > self._limits.seconds * 1000:
            raise RefusedError(TOO_LONG.format(limit=self._limits.seconds), "too_long")


class PictureClip:
    """What Pillow decodes."""

    def __init__(self, path: Path, kind: Kind, limits: Limits) -> None:
        self.kind = kind
        self._path = path
        self._limits = limits
        meter = Meter(limits)
        if kind == "webp":
            meter.check_size(_webp_size(path), 1)  # opening it makes room for two pictures
        if kind == "gif":
            self.size, self.count = _measure_gif(path, limits)
            meter.check_size(self.size, self.count)
            return
        with self._opened() as image:
            self.size, self.count = image.size, 1
            meter.check_size(self.size, 1)  # before more of it is looked at
            self.count = int(getattr(image, "n_frames", 1))
        meter.check_size(self.size, self.count)

    def frames(self) -> Iterator[tuple[Image.Image, float]]:
        """Give each frame, and for how many ms it is shown."""
        meter = Meter(self._limits)
        with self._opened() as image:
            for number in range(self.count):
                with explained():
                    image.seek(number)
                    image.load()
                    shown_ms = float(image.info.get("duration") or UNTIMED_MS)
                    picture = self._plain(image)
                meter.add(shown_ms)
                yield picture, shown_ms

    def _plain(self, image: Image.Image) -> Image.Image:
        """Return a frame as RGB or RGBA, in the size of the whole picture."""
        from PIL import Image

        if image.mode.startswith("I"):  # 16 bits
            image = image.convert("I").point(lambda value: value / 256).convert("L")
        has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        mode = "RGBA" if has_alpha else "RGB"
        picture = image if image.mode == mode else image.convert(mode)
        if picture.size == self.size:
            return picture
        whole = Image.new("RGBA", self.size)  # a later frame of a GIF reaches further
        whole.paste(picture)
        return whole

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Image.Image]:
        from PIL import Image

        with explained():
            image = Image.open(self._path, formats=[self.kind])
        try:
            yield image
        finally:
            image.close()


def open_clip(path: Path, limits: Limits) -> Clip:
    """Look what a file is, and refuse what is none of ours or too large.

    Raises:
        RefusedError: it is.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise RefusedError(NO_FILE)
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RefusedError(UNREADABLE.format(reason=reason)) from error
    if size > limits.file_bytes:
        limit = limits.file_bytes / MIB
        raise RefusedError(TOO_LARGE.format(size=size / MIB, limit=limit), "too_large")
    if not head:
        raise RefusedError(EMPTY)
    kind = _sniff(head)
    if kind is None:
        raise RefusedError(UNSUPPORTED, "unsupported")
    if kind == "mp4":
        from inference.ingest._video import VideoClip

        return VideoClip(path, "mov" if head[4:8] == b"ftyp" else "matroska", limits)
    return PictureClip(path, kind, limits)


def _sniff(head: bytes) -> Kind | None:
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    return "mp4" if head[4:8] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3" else None


def _measure_gif(path: Path, limits: Limits) -> tuple[tuple[int, int], int]:
    """Return width and height of all frames together, and count them, without decoding one.

    A small file can have a million of them, so no more are counted than are too many.
    """
    data, count = path.read_bytes(), 0
    if len(data) < HEADER_BYTES:
        raise RefusedError(UNREADABLE.format(reason="it ends too early"))
    width, height = struct.unpack_from("<HH", data, 6)
    for block in blocks(data):
        if block.kind == IMAGE:
            right, bottom = extent(data, block)
            width, height, count = max(width, right), max(height, bottom), count + 1
        if count > limits.frames:
            break
    return (width, height), count


def _webp_size(path: Path) -> tuple[int, int]:
    """Return width and height that the header says (RFC 9649).

    Raises:
        RefusedError: it says none.
    """
    with path.open("rb") as file:
        head = file.read(30)
    if len(head) == 30 and head[12:16] == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if len(head) == 30 and head[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    if len(head) == 30 and head[12:16] == b"VP8L":
        packed = int.from_bytes(head[21:25], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    raise RefusedError(UNREADABLE.format(reason="it is broken"))


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn whatever a decoder raises into a refusal.

    Raises:
        RefusedError: it raised something.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs, which the limits refuse, and of odd metadata
            yield
    except BROKEN as error:
        raise RefusedError(UNREADABLE.format(reason=_reason(error))) from error
    except Image.DecompressionBombError as error:
        raise RefusedError(BOMB, "too_large") from error
    except MemoryError as error:
        raise RefusedError(TOO_MUCH, "too_much_memory") from error


def _reason(error: Exception) -> str:
    """Say what is wrong without the paths and the picture's own words that an error may quote."""
    return "it ends too early" if "trunc" in str(error) or isinstance(error, EOFError) else "it is broken"
