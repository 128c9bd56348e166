"""The ways in which a GIF comes into an own pack, and what the model makes of it then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.progress import track

from inference.bundle import Bundle
from inference.encoders import ImageEncoder, TextEncoder
from inference.frames import read_frames
from inference.fusion import OWN_WEIGHTS, OwnEmbedder, OwnWeights
from inference.pack import PackGif

Floats = npt.NDArray[np.float32]
Words = Callable[[PackGif], PackGif]
Frames = list[Image.Image]


def all_words(gif: PackGif) -> PackGif:
    """Leave name and tags as they are."""
    return gif


def no_words(gif: PackGif) -> PackGif:
    """Say nothing of the GIF."""
    return msgspec.structs.replace(gif, name="", tags=[])


def alt_text(gif: PackGif) -> PackGif:
    """Say the sentence for those who do not see it, as somebody would describe it."""
    return msgspec.structs.replace(gif, name=gif.alt_text, tags=[])


def plain_words(names: Sequence[str]) -> Words:
    """Return what leaves the names of categories out of name and tags."""
    known = {name.replace("_", " ") for name in names}

    def change(gif: PackGif) -> PackGif:
        name = "" if gif.name.lower() in known else gif.name
        tags = [tag for tag in gif.tags if tag.lower() not in known]
        return msgspec.structs.replace(gif, name=name, tags=tags)

    return change


@dataclass(frozen=True)
class Way:
    """How a GIF is added: what is said of it, whether its picture is looked at, who names the categories."""

    name: str
    words: Words
    has_picture: bool = True
    is_given: bool = False


def ways(names: Sequence[str]) -> tuple[Way, ...]:
    """Return all ways; in plain tags no name of a category is left, of those of a model."""
    plain = plain_words(names)
    return (
        Way("tags only", all_words, has_picture=False),
        Way("pixels only", no_words),
        Way("tags and pixels", all_words),
        Way("plain tags only", plain, has_picture=False),
        Way("plain tags and pixels", plain),
        Way("alt text only", alt_text, has_picture=False),
        Way("alt text and pixels", alt_text),
        Way("tags, pixels, categories given", all_words, is_given=True),
        Way("pixels, categories given", no_words, is_given=True),
    )


@dataclass(frozen=True)
class Added:
    """GIFs as they were added in one way: the primary category that counts, and the vector, of each.

    Attributes:
        primary: names.
        vectors: (gifs, dim) float32, unit norm.
    """

    primary: list[str]
    vectors: Floats


class KeptImages(ImageEncoder):
    """Encodes each list of frames once, however many ways there are."""

    def __init__(self, bundle: Bundle) -> None:
        """Open the image graph."""
        super().__init__(bundle)
        self._kept: dict[int, Floats] = {}

    def encode(self, frames: Sequence[Image.Image]) -> Floats:
        """Embed the frames of one GIF, which stay alive as long as this: (dim,) float32, unit norm."""
        if id(frames) not in self._kept:
            self._kept[id(frames)] = super().encode(frames)
        return self._kept[id(frames)]


class KeptTexts(TextEncoder):
    """Encodes each text once."""

    def __init__(self, bundle: Bundle) -> None:
        """Open tokenizer and text graph."""
        super().__init__(bundle)
        self._kept: dict[tuple[int, ...], tuple[Floats, float]] = {}

    def encode(self, ids: Sequence[int]) -> tuple[Floats, float]:
        """Embed one text: (dim,) float32 of unit norm and the hold probability."""
        key = tuple(ids)
        if key not in self._kept:
            self._kept[key] = super().encode(ids)
        return self._kept[key]


class Adder:
    """Adds the same GIFs in different ways."""

    def __init__(self, bundle: Bundle, folder: Path, gifs: Sequence[PackGif]) -> None:
        """Read the frames of the GIFs of a pack's folder."""
        self._bundle = bundle
        self._gifs = gifs
        self._text, self._image = KeptTexts(bundle), KeptImages(bundle)
        steps = track(gifs, description="frames", transient=True)
        image = bundle.spec.image
        self._frames = [
            read_frames(folder / gif.file, image.frames, first=image.first_frame) for gif in steps
        ]

    def add(self, way: Way, weights: OwnWeights = OWN_WEIGHTS) -> Added:
        """Return what an engine would hold of the GIFs."""
        embedder = OwnEmbedder(self._bundle, self._text, self._image, weights)
        primary, vectors = [], []
        for gif, frames in zip(self._gifs, self._frames, strict=True):
            seen: Frames = frames if way.has_picture else []
            said = way.words(gif)
            categories = gif.categories if way.is_given else embedder.categories(seen, said)
            vectors.append(embedder.embed(seen, msgspec.structs.replace(said, categories=categories)))
            primary.append(categories[0])
        return Added(primary, np.stack(vectors))
