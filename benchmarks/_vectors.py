"""GIF vectors of a catalogue of any size, made after the shipped pack, since no such catalogue lies here.

A GIF's vector is the unit vector of its categories' anchors + its words + its picture, in the bundle's
weights (`inference/fusion.py`). A new GIF takes the categories of a real one. Its words, and likewise its
picture, are those of the same GIF or, as often, of another with the same primary category. Then both are
moved: the words by the residual of a random GoEmotions training message, the picture by the residual of a
random real picture. A residual is what a vector has beside the mean of its group: messages with one nearest
anchor, pictures of one category. So category, words and picture vary as they do in the pack, in more
combinations than it has.

`benchmarks/index.py` prints how alike the two are: cosines to the 1st and 10th neighbour and to the centre of
the category.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.bundle import Bundle, FusionSpec
from inference.encoders import ImageEncoder, TextEncoder
from inference.pack import Pack
from inference.vectors import describe, mix_categories, unit

CHUNK = 50_000  # GIFs made at a time; a smaller set is the beginning of a larger one
TRAINING_MESSAGES = 8_000  # that residuals are taken from
LEAST_GROUP = 20  # messages that a group needs for its mean to say something
RECIPE = 1  # part of the name of cached vectors: goes up when they are made differently

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pool:
    """What new GIFs are made of: one row a real GIF, (gifs, dim) float32, and residuals to move them by.

    Attributes:
        categories: mixed anchors of each GIF.
        texts: vectors of names and tags.
        images: vectors of the pictures.
        primary: row of the primary category, (gifs,).
        text_residuals: (messages, dim).
        image_residuals: (gifs, dim).
        weights: the bundle's fusion weights.
    """

    categories: Floats
    texts: Floats
    images: Floats
    primary: Ints
    text_residuals: Floats
    image_residuals: Floats
    weights: FusionSpec

    def fuse(self, rows: Ints, texts: Floats, images: Floats) -> Floats:
        """Mix the categories of `rows` (n,) with (n, dim) texts and images: (n, dim), unit norm."""
        weights = self.weights
        return unit(weights.category * self.categories[rows] + weights.text * texts + weights.image * images)

    @property
    def vectors(self) -> Floats:
        """Return the vectors of the real GIFs, (gifs, dim) float32, unit norm."""
        return self.fuse(np.arange(len(self.primary)), self.texts, self.images)


def read_pool(bundle: Bundle, pack: Pack, messages: Sequence[str]) -> Pool:
    """Embed the pack and some training messages."""
    text, image = TextEncoder(bundle), ImageEncoder(bundle)
    rows = {name: row for row, name in enumerate(bundle.spec.categories.names)}
    categories = [[rows[name] for name in gif.categories] for gif in pack.gifs]
    primary = np.array([group[0] for group in categories])
    images = np.stack([image.encode_file(pack.folder / gif.file) for gif in pack.gifs])
    said = embed(text, messages)
    return Pool(
        categories=np.stack([mix_categories(bundle.anchors, group) for group in categories]),
        texts=np.stack([text.encode(text.tokenise(describe(gif)).ids)[0] for gif in pack.gifs]),
        images=images,
        primary=primary,
        text_residuals=residuals(said, (said @ bundle.anchors.T).argmax(1), LEAST_GROUP),
        image_residuals=residuals(images, primary, 2),
        weights=bundle.spec.fusion,
    )


def embed(text: TextEncoder, messages: Sequence[str]) -> Floats:
    """Embed the messages that have something readable: (n, dim) float32, unit norm."""
    read = [text.tokenise(message).ids for message in messages]
    return text.encode_many([ids for ids in read if ids])[0]


def residuals(vectors: Floats, groups: Ints, least: int) -> Floats:
    """Return what (n, dim) vectors have beside the mean of their group, without groups below `least`."""
    parts = [vectors[groups == group] for group in np.unique(groups)]
    return np.concatenate([part - part.mean(0) for part in parts if len(part) >= least])


def draw(pool: Pool, count: int, seed: int = 0, progress: Progress | None = None) -> tuple[Floats, Ints]:
    """Make `count` GIFs.

    Returns:
        Their vectors, (count, dim) float32 of unit norm, and the row of the real GIF whose categories each
        has, (count,).
    """
    vectors = np.empty((count, pool.texts.shape[1]), np.float32)
    origins = np.empty(count, np.int64)
    for start in range(0, count, CHUNK):
        rows = slice(start, min(start + CHUNK, count))
        made, origin = _draw_chunk(pool, np.random.default_rng([seed, start]))
        vectors[rows], origins[rows] = made[: rows.stop - start], origin[: rows.stop - start]
        if progress is not None:
            progress(rows.stop, count)
    return vectors, origins


def like_the_pack(pool: Pool, seed: int = 1) -> Floats:
    """Make as many GIFs as the pack has, with its primary categories row by row: (gifs, dim) float32.

    How near neighbours are depends on how many there are, so only sets of one size can be compared.
    """
    vectors, origins = draw(pool, CHUNK, seed)
    primary = pool.primary[origins]
    order = np.argsort(primary, kind="stable")
    starts = np.searchsorted(primary[order], pool.primary)
    before = [int((pool.primary[:row] == group).sum()) for row, group in enumerate(pool.primary)]
    rows: Ints = order[starts + np.array(before)]
    return np.asarray(vectors[rows])


def _draw_chunk(pool: Pool, rng: np.random.Generator) -> tuple[Floats, Ints]:
    origins = rng.integers(0, len(pool.primary), CHUNK)
    texts = pool.texts[_sometimes_another(pool.primary, origins, rng)]
    images = pool.images[_sometimes_another(pool.primary, origins, rng)]
    texts = unit(texts + rng.choice(pool.text_residuals, CHUNK))
    images = unit(images + rng.choice(pool.image_residuals, CHUNK))
    return pool.fuse(origins, texts, images), origins


def _sometimes_another(primary: Ints, rows: Ints, rng: np.random.Generator) -> Ints:
    """Replace about half of `rows` by random ones with the same primary category."""
    order = np.argsort(primary, kind="stable")
    counts = np.bincount(primary)
    starts = np.cumsum(counts) - counts
    group = primary[rows]
    others = order[starts[group] + rng.integers(0, counts[group])]
    return np.where(rng.random(len(rows)) < 0.5, others, rows)
