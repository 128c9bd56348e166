"""Files that are made to do harm, or to be misunderstood; each with the code of its refusal."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests import clips

GIF_PALETTE = bytes(range(6))
LITTLE_PICTURE = b"\x02\x02\x44\x01\x00"  # LZW: one pixel
CONTROL = b"\x21\xf9\x04\x00\x0a\x00\x00\x00"
LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


def gif(size: tuple[int, int], *blocks: bytes, end: bytes = b";") -> bytes:
    """Return a GIF with a palette of two colours and these blocks."""
    return b"GIF89a" + struct.pack("<HH", *size) + b"\x80\x00\x00" + GIF_PALETTE + b"".join(blocks) + end


def image(
    place: tuple[int, int] = (0, 0), size: tuple[int, int] = (1, 1), data: bytes = LITTLE_PICTURE
) -> bytes:
    """Return an image block of a GIF."""
    return b"\x2c" + struct.pack("<HHHH", *place, *size) + b"\x00" + data


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(size: tuple[int, int], *chunks: bytes, data: bytes = b"\0" * 64) -> bytes:
    """Return a PNG in true colour that claims a size, with chunks before its picture."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    parts = (header, *chunks, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def webp(size: tuple[int, int]) -> bytes:
    """Return a WebP whose canvas is said to be of a size."""
    width, height = ((edge - 1).to_bytes(3, "little") for edge in size)
    still = io.BytesIO()
    Image.new("RGB", (2, 2)).save(still, "WEBP", lossless=True)
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + width + height + still.getvalue()[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def film(change: Callable[[bytearray], bytes | bytearray]) -> Callable[[Path], bytes]:
    """Return what makes a film in a folder and changes it."""

    def make(folder: Path) -> bytes:
        path = clips.save_film(folder / "source.mp4", clips.moving(12, (64, 48)))
        return bytes(change(bytearray(path.read_bytes())))

    return make


def _long(data: bytearray) -> bytearray:
    """Say in all headers that the film takes forty hours."""
    for name, place in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        struct.pack_into(">I", data, data.index(name) + place, 0x7FFFFFFF)
    return data


def _wide(data: bytearray) -> bytearray:
    """Say in the sample's description that pictures are 65,535 pixels wide and high."""
    struct.pack_into(">HH", data, data.index(b"mp4v", data.index(b"stsd")) + 28, 65535, 65535)
    return data


def _silent(data: bytearray) -> bytes:
    return bytes(data).replace(b"vide", b"soun")


def _boxed(data: bytearray) -> bytearray:
    place = data.index(b"mdat") - 4
    struct.pack_into(">I", data, place, 0xFFFFFFFF)
    return data


def _zip(_: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.gif", gif((1, 1), image()))
    return file.getvalue()


def _jpeg(_: Path) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    return file.getvalue()


def _lying_apng(frames: int) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        path = clips.save(folder / "source.png", clips.moving(4, (40, 70)))
        data, start = path.read_bytes(), path.read_bytes().index(b"acTL") - 4
        return data[:start] + chunk(b"acTL", struct.pack(">II", frames, 0)) + data[start + 20 :]

    return make


def _given(data: bytes) -> Callable[[Path], bytes]:
    return lambda _: data


TEXTS = {
    "playlist": b"#EXTM3U\n#EXTINF:10,\n/etc/passwd\n",
    "concat": b"concat:/etc/passwd|/etc/hostname",
    "ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
}
REFUSED: dict[str, tuple[Callable[[Path], bytes], set[str]]] = {
    "empty": (_given(b""), {"unreadable"}),
    **{name: (_given(text), {"unsupported"}) for name, text in TEXTS.items()},
    "jpeg": (_jpeg, {"unsupported"}),
    "zip": (_zip, {"unsupported"}),
    "gif, only the signature": (_given(b"GIF89a"), {"unreadable"}),
    "gif, no frame": (_given(gif((4, 4))), {"unreadable"}),
    "gif, canvas": (_given(gif((65535, 65535), image())), {"too_large"}),
    "gif, frame beyond canvas": (
        _given(gif((4, 4), image(), image((65000, 65000), (500, 500)))),
        {"too_large"},
    ),
    "gif, no width": (_given(gif((0, 5), image((0, 0), (0, 0)))), {"unreadable"}),
    "gif, frames of no size": (_given(gif((4, 4), *[image((0, 0), (0, 0))] * 3)), {"unreadable"}),
    "gif, 100,000 frames": (_given(gif((1, 1), *[CONTROL + image()] * 100_000)), {"too_long", "too_large"}),
    "gif, many large frames": (_given(gif((2400, 2400), *[CONTROL + image()] * 900)), {"too_large"}),
    "gif, frames of eleven minutes": (
        _given(gif((4, 4), *[b"\x21\xf9\x04\x00\xff\xff\x00\x00" + image((0, 0), (4, 4))] * 2)),
        {"too_long", "unreadable"},
    ),
    "png, huge": (_given(png((50_000, 50_000))), {"too_large"}),
    "png, long": (_given(png((2**31 - 1, 1))), {"too_large", "unreadable"}),
    "png, no width": (_given(png((0, 5))), {"unreadable"}),
    "png, too little": (_given(png((900, 900))), {"unreadable"}),
    "png, text that swells": (
        _given(png((2, 2), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20))))),
        {"unreadable", "too_large", "too_much_memory"},
    ),
    "apng, 2,000,000,000 frames": (_lying_apng(2_000_000_000), {"too_long", "unreadable"}),
    "apng, more frames than there are": (_lying_apng(9), {"unreadable"}),
    "webp, canvas": (_given(webp((16_384, 16_384))), {"too_large"}),
    "webp, canvas beyond all": (_given(webp((1 << 24, 1 << 24))), {"too_large", "unreadable"}),
    "webp, only a header": (_given(b"RIFF\xff\xff\xff\xffWEBPVP8X"), {"unreadable"}),
    "mp4, only a header": (_given(b"\0\0\0\x18ftypisom"), {"unreadable"}),
    "mp4, no film": (film(_silent), {"unsupported", "unreadable"}),
    "mp4, cut": (film(lambda data: data[: len(data) // 2]), {"unreadable"}),
}
ODD: dict[str, Callable[[Path], bytes]] = {
    "mp4, forty hours": film(_long),
    "mp4, box of 4 GiB": film(_boxed),
    "mp4, wide": film(_wide),
    "apng, fewer frames than there are": _lying_apng(2),
    "gif, frames that are not shown": _given(
        gif((4, 4), LOOP, *[CONTROL.replace(b"\x0a", b"\0") + image()] * 3)
    ),
    "gif, frame larger than the canvas": _given(gif((1, 1), image((0, 0), (2, 2)), image((3, 3)))),
    "gif, LZW rubbish": _given(
        gif((9, 9), image((0, 0), (9, 9), b"\x02\x10" + bytes(range(200, 216)) + b"\0"))
    ),
    "gif, LZW code size": _given(gif((9, 9), image((0, 0), (9, 9), b"\xff\x02\x44\x01\x00"))),
}
