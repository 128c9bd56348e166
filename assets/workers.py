"""Render and encode GIFs in several processes, and keep what was encoded before."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from assets.catalogue import Item, read_items
from assets.encode import encode_within
from assets.render import Clip, render
from assets.sources import EmojiSource, open_source

GIF_BUDGET = 128 * 1024
"""Bytes that a GIF should not exceed; a few with much motion do."""

_ENCODER_FILES = ("encode.py", "lzw.py", "palette.py")

Task = tuple[str, Path]


def encode_all(items: list[Item], cache_dir: Path, jobs: int) -> Iterator[bytes]:
    """Yield the GIF file of each item, in order; the pictures must have been unpacked in `cache_dir`."""
    tasks = [(item.slug, cache_dir) for item in items]
    if jobs == 1:
        yield from map(_encode_task, tasks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_encode_task, tasks)


def encode_cached(clip: Clip, folder: Path) -> bytes:
    """Return the GIF of a clip, from `folder` where this encoder has made it before."""
    path = folder / f"{fingerprint(clip)}.gif"
    if path.exists():
        return path.read_bytes()
    content = encode_within(clip, GIF_BUDGET)
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_bytes(content)
    partial.rename(path)
    return content


def fingerprint(clip: Clip) -> str:
    """Return a hash of the pixels and of the code that encodes them."""
    digest = hashlib.sha256(f"{clip.step_ms} {GIF_BUDGET}".encode())
    digest.update(clip.rgb.tobytes())
    digest.update(clip.mask.tobytes())
    for name in _ENCODER_FILES:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


def _encode_task(task: Task) -> bytes:
    slug, cache_dir = task
    clip = render(*_items()[slug].draw(_source(cache_dir)))
    return encode_cached(clip, cache_dir / "gifs")


@cache
def _items() -> dict[str, Item]:
    """Read the catalogue once in each process; compositions hold functions that cannot be sent."""
    return {item.slug: item for item in read_items()}


@cache
def _source(cache_dir: Path) -> EmojiSource:
    return open_source(cache_dir)
