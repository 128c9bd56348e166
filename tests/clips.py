"""Animations that tests make, and what they look for in GIFs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from inference.ingest._clip import open_clip
from inference.ingest._encode import encode_gif
from inference.ingest._submission import MIB, Limits

Frames = list[tuple[Image.Image, float]]


def moving(count: int = 12, size: tuple[int, int] = (120, 90), *, clear: bool = False) -> list[Image.Image]:
    """Draw a disc that moves over a shaded ground, or over none; RGBA."""
    pictures = []
    for number in range(count):
        picture = Image.new("RGBA", size, (0, 0, 0, 0))
        if not clear:
            shade = Image.linear_gradient("L").resize(size)
            picture = Image.merge("RGBA", (shade, shade, shade, Image.new("L", size, 255)))
        left = number * (size[0] - 40) // count
        ImageDraw.Draw(picture).ellipse((left, 30, left + 30, 60), fill=(230, 20 * (number % 12), 40, 255))
        pictures.append(picture)
    return pictures


def noise(count: int, size: tuple[int, int], seed: int = 3) -> list[Image.Image]:
    """Draw what cannot be made small; RGB."""
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8)) for _ in range(count)]


def save(path: Path, pictures: Sequence[Image.Image], shown_ms: float | list[int] = 80, **more: Any) -> Path:
    """Save an animation, as what the ending of its name says."""
    several: dict[str, Any] = {
        "save_all": True,
        "append_images": list(pictures[1:]),
        "duration": shown_ms,
        "loop": 0,
    }
    if path.suffix in (".png", ".apng"):
        more = {"format": "PNG", **more}
    if path.suffix == ".webp":
        more = {"lossless": True, **more}
    pictures[0].save(path, **(several if pictures[1:] else {}), **more)
    return path


def save_film(path: Path, pictures: Sequence[Image.Image], rate: int = 12) -> Path:
    """Save a film without sound."""
    import av

    from_image: Any = av.VideoFrame.from_image
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(from_image(picture.convert("RGB"))))
        container.mux(stream.encode())
    return path


def encoded(path: Path, budget_bytes: int = 4 * MIB, max_edge: int = 480) -> bytes:
    """Encode a file as the way in does."""
    return encode_gif(open_clip(path, Limits()), path, budget_bytes=budget_bytes, max_edge=max_edge)


def decoded(data: bytes) -> Frames:
    """Return all frames of a GIF, RGBA, and for how many ms each is shown."""
    frames = []
    with Image.open(io.BytesIO(data), formats=["gif"]) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append((image.convert("RGBA"), float(image.info.get("duration", 0))))
    return frames


def shown_at(frames: Frames, at_ms: float) -> Image.Image:
    """Return what is shown at a time."""
    for picture, shown_ms in frames:
        if at_ms < shown_ms:
            return picture
        at_ms -= shown_ms
    return frames[-1][0]


def is_same(one: Image.Image, other: Image.Image) -> bool:
    """Say whether two pictures of one mode have the same pixels."""
    return one.mode == other.mode and one.tobytes() == other.tobytes()


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures on white, 0 to 255 a channel."""
    first, second = (np.asarray(on_white(picture), np.float32) for picture in (one, other))
    return float(np.abs(first - second).mean())


def on_white(picture: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")
