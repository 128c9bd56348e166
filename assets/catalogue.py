"""What goes into the pack: animations taken as they are, listed in `curation.jsonl`, and compositions."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from PIL import Image

from assets.categories import CATEGORIES
from assets.compose import COMPOSITIONS, Composition
from assets.sources import EmojiSource
from inference.pack import GifSource

CURATION = Path(__file__).parent / "curation.jsonl"
LICENCE = "MIT"
RATING = "g"

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Curated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the curation: an animation of the source and what it means as a reaction."""

    code_point: Text
    name: Text
    categories: Annotated[list[Text], msgspec.Meta(min_length=1, max_length=3)]
    tags: Annotated[list[Text], msgspec.Meta(min_length=5, max_length=10)]
    alt_text: Text


@dataclass(frozen=True, slots=True)
class Item:
    """One GIF to be made: its file name, its description and where its frames come from."""

    slug: str
    name: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    alt_text: str
    code_point: str = ""
    composition: Composition | None = None

    def draw(self, source: EmojiSource) -> tuple[list[Image.Image], list[int]]:
        """Return the RGBA frames and their durations in ms."""
        if self.composition is None:
            return source.frames(self.code_point)
        animation = self.composition.render(source.load)
        return animation.frames, [animation.duration_ms] * len(animation.frames)

    def origin(self, source: EmojiSource) -> GifSource:
        """Return what the manifest says about the origin."""
        if self.composition is not None:
            used = list(self.composition.code_points)
            return GifSource(composed_from=used, recipe=self.composition.slug)
        tarball = source.tarball(self.code_point)
        return GifSource(package=tarball.name, version=tarball.version, code_point=self.code_point)


def read_items(curation: Path = CURATION) -> list[Item]:
    """Return everything the pack holds, ordered by file name.

    Raises:
        ValueError: two GIFs would get the same file, name or alt text, a category is unknown, or a line of
            the curation is malformed.
    """
    decoder = msgspec.json.Decoder(Curated)
    items = [_curated(decoder.decode(line)) for line in curation.read_bytes().splitlines()]
    items += [_composed(composition) for composition in COMPOSITIONS]
    for field in ("slug", "name", "alt_text"):
        values = [getattr(item, field) for item in items]
        if doubles := sorted({value for value in values if values.count(value) > 1}):
            raise ValueError(f"several GIFs share the {field} {', '.join(doubles)}")
    if unknown := sorted({name for item in items for name in item.categories} - set(CATEGORIES)):
        raise ValueError(f"there is no category {', '.join(unknown)}")
    return sorted(items, key=lambda item: item.slug)


def slugify(name: str) -> str:
    """Return a file name stem: lower-case words of a to z and digits joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))


def _curated(line: Curated) -> Item:
    return Item(
        slug=slugify(line.name),
        name=line.name,
        categories=tuple(line.categories),
        tags=tuple(line.tags),
        alt_text=line.alt_text,
        code_point=line.code_point,
    )


def _composed(composition: Composition) -> Item:
    return Item(
        slug=slugify(composition.slug),
        name=composition.title,
        categories=composition.categories,
        tags=tuple(tag.lower() for tag in composition.tags),
        alt_text=composition.alt_text,
        composition=composition,
    )
