"""A pack in the making: the manifest's lines, the limits it must keep, and the folder it is written to."""

import hashlib
import shutil
from pathlib import Path

import msgspec

from assets.catalogue import LICENCE, RATING, Item
from assets.sources import EmojiSource
from inference.pack import MANIFEST_FILE, PackGif

GIF_LIMIT = 256 * 1024
"""Largest GIF in bytes."""

PACK_LIMIT = 40 * 1024 * 1024
"""Largest sum of all GIFs in bytes."""

Made = dict[str, bytes]


class PackLimitError(Exception):
    """The pack would break one of its limits."""


def describe(item: Item, content: bytes, source: EmojiSource) -> PackGif:
    """Return the manifest's line of a GIF."""
    return PackGif(
        id=hashlib.sha256(content).hexdigest(),
        file=f"gifs/{item.slug}.gif",
        name=item.name,
        categories=list(item.categories),
        tags=list(item.tags),
        alt_text=item.alt_text,
        source=item.origin(source),
        licence=LICENCE,
        rating=RATING,
    )


def check(made: Made) -> None:
    """Refuse a pack, given as the content of each GIF by its slug, that breaks a limit.

    Raises:
        PackLimitError: a GIF or the pack is too large, or two GIFs are the same file.
    """
    if large := [slug for slug, content in made.items() if len(content) > GIF_LIMIT]:
        raise PackLimitError(f"larger than {GIF_LIMIT} bytes: {', '.join(large)}")
    if (total := sum(map(len, made.values()))) > PACK_LIMIT:
        raise PackLimitError(f"the pack has {total} bytes, more than {PACK_LIMIT}")
    first: dict[bytes, str] = {}
    for slug, content in made.items():
        if (other := first.setdefault(content, slug)) != slug:
            raise PackLimitError(f"{other} and {slug} are the same picture")


def write(out: Path, lines: list[PackGif], made: Made) -> None:
    """Write manifest and GIFs; GIFs of an earlier build are removed."""
    gifs = out / "gifs"
    shutil.rmtree(gifs, ignore_errors=True)
    gifs.mkdir(parents=True)
    for slug, content in made.items():
        (gifs / f"{slug}.gif").write_bytes(content)
    (out / MANIFEST_FILE).write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
