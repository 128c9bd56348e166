"""What the vision tower is trained on: drawings of emoji, frames of a pack's GIFs, and their targets."""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageSequence

from export.data.downloads import cache_dir
from export.data.drawings import drawings
from export.data.emoji import Emoji, emoji_table
from export.data.styles import Style
from export.held_out import code_point_of
from export.sentences import sentence_vectors
from export.space import (
    CATEGORY_DIM,
    IdentitySpace,
    category_vector,
    identity_projection,
    target_vectors,
)
from inference.pack import PackGif, read_pack
from inference.preprocess import sample_frames

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
LETTERED_GROUP = "Symbols"
DIRECTED = re.compile(r"\b(left|right|tilted|arrow|clock|flag|note|book|pencil|pen|calendar)\b|[0-9]|button")


@dataclass(frozen=True)
class Corpus:
    """Labelled pictures and where they belong.

    Attributes:
        pictures: (edge, edge, 4) uint8 RGBA each.
        labels: (pictures,) int32, rows of ``targets``.
        is_mirrorable: (targets,) bool, whether the mirror image means the same.
        targets: (targets, 256) float32, unit norm.
        is_known: (targets,) bool, whether the reaction categories are known.
    """

    pictures: Sequence[Pixels]
    labels: npt.NDArray[np.int32]
    is_mirrorable: npt.NDArray[np.bool_]
    targets: Floats
    is_known: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GifFrames:
    """A GIF of a pack with the frames that stand for it, evenly picked."""

    gif: PackGif
    frames: tuple[Pixels, ...]

    @property
    def code_point(self) -> str:
        """Return the key of its emoji, empty for a composed GIF."""
        return code_point_of(self.gif)

    @property
    def text(self) -> str:
        """Return its name and tags, as a sentence encoder reads them."""
        return ", ".join((self.gif.name, *self.gif.tags))


def pack_frames(folder: Path, count: int) -> list[GifFrames]:
    """Decode ``count`` frames of every GIF of a pack.

    Raises:
        PackError: The manifest cannot be read.
    """
    found = []
    for gif in read_pack(folder).gifs:
        with Image.open(folder / gif.file) as image:
            frames = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]
        found.append(GifFrames(gif, tuple(sample_frames(frames, count))))
    return found


def identity_space() -> tuple[IdentitySpace, tuple[Emoji, ...], Floats]:
    """Return the identity axes, the emoji table and the emoji's identity vectors (emoji, 208) float32."""
    table = emoji_table()
    vectors = kept_sentences("emoji", [emoji.text for emoji in table])
    space = identity_projection(vectors)
    return space, table, space(vectors)


def kept_sentences(name: str, texts: Sequence[str]) -> Floats:
    """Return the frozen encoder's vectors of texts (n, 384) float32, from the cache where they are the same.

    Args:
        name: Of the file in the cache.
        texts: What to read.
    """
    path = cache_dir() / "sentences" / f"{name}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as arrays:
            if arrays["texts"].tolist() == list(texts):
                kept: Floats = arrays["vectors"]
                return kept
    vectors = sentence_vectors(texts)
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, texts=np.array(texts), vectors=vectors)
    return vectors


def corpus(
    styles: Sequence[Style],
    gifs: Sequence[GifFrames],
    categories: Sequence[str],
    without: AbstractSet[str] = frozenset(),
) -> Corpus:
    """Join the drawings of some styles and the frames of GIFs.

    Args:
        styles: Which drawings.
        gifs: Pictures whose categories are known; those of an emoji share its target.
        categories: Names in the order of the space's axes.
        without: Code points that are not learned, neither as pictures nor as what another one is not.
    """
    space, everything, identities = identity_space()
    table = [emoji for emoji in everything if emoji.code_point not in without]
    identities = identities[[emoji.code_point not in without for emoji in everything]]
    rows = {emoji.code_point: index for index, emoji in enumerate(table)}
    others = [item for item in gifs if item.code_point not in rows]
    if others:
        composed = kept_sentences("gifs", [item.text for item in others])
        identities = np.concatenate((identities, space(composed)))
    rows |= {item.gif.id: len(table) + index for index, item in enumerate(others)}
    pairs = [(rows[code], pixels) for style in styles for code, pixels in drawings(style, table).items()]
    pairs += [(_row(item, rows), frame) for item in gifs for frame in item.frames]
    known = _known_categories(gifs, rows, categories, len(identities))
    mirrorable = [is_mirrorable(emoji) for emoji in table] + [False] * len(others)
    return Corpus(
        pictures=[pixels for _, pixels in pairs],
        labels=np.array([label for label, _ in pairs], np.int32),
        is_mirrorable=np.array(mirrorable),
        targets=target_vectors(known, identities),
        is_known=np.any(known != 0, axis=1),
    )


def _row(item: GifFrames, rows: Mapping[str, int]) -> int:
    return rows.get(item.code_point, rows.get(item.gif.id, -1))


def _known_categories(
    gifs: Sequence[GifFrames], rows: Mapping[str, int], categories: Sequence[str], count: int
) -> Floats:
    known = np.zeros((count, CATEGORY_DIM), np.float32)
    for item in reversed(gifs):
        known[_row(item, rows)] = category_vector(item.gif.categories, categories)
    return known


def is_mirrorable(emoji: Emoji) -> bool:
    """Say whether the mirror image of an emoji means the same."""
    return emoji.group != LETTERED_GROUP and DIRECTED.search(emoji.name) is None


def epoch_pictures(corpus: Corpus, known_copies: int) -> npt.NDArray[np.int64]:
    """Return the pictures of an epoch, those with known categories ``known_copies`` times."""
    everything = np.arange(len(corpus.pictures))
    known = everything[corpus.is_known[corpus.labels]]
    return np.concatenate((everything, *[known] * (known_copies - 1)))


def batch_orders(
    pictures: npt.NDArray[np.int64], size: int, seed: int, start: int = 0
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the pictures of step ``start``, ``start + 1``, ..., an epoch after the other, without end."""
    per_epoch = max(1, len(pictures) // size)
    step = start
    while True:
        epoch, place = divmod(step, per_epoch)
        order = np.random.default_rng((seed, epoch)).permutation(pictures)
        while place < per_epoch:
            yield order[place * size : (place + 1) * size]
            place, step = place + 1, step + 1
