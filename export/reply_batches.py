"""Pairs as token ids and GIF numbers: what is held out, and the batches of a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from export.data.reactions import DataError
from export.hybrid_train import ReplyBatch
from export.pictures import Pixels
from export.reply_data import Pair
from export.reply_frames import Gifs
from inference.preprocess import CLIP_MEAN, CLIP_STD, normalise

Ints = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

LENGTH_STEP = 32
"""Batches are padded to multiples of so many tokens: little waste, and few shapes to compile."""


FEW = 5
MOST = 2
"""A popular GIF is not held out where it would make the held-out part so many times what was wanted."""


class Corpus(NamedTuple):
    """All pairs.

    Attributes:
        tokens: token ids of each text, cut to the longest that is allowed.
        gif_of: (pairs,) int32, which GIF each text was answered with.
        pixels: (GIFs, frames, size, size, 3) uint8.
        pad_id: fills up short texts.
        sequence: the longest text that is allowed.
    """

    tokens: list[list[int]]
    gif_of: Ints
    pixels: Pixels
    pad_id: int
    sequence: int


class Parts(NamedTuple):
    """Rows of a corpus: to learn, and held out."""

    train: Rows
    held_out: Rows


def tokenise(tokenizer: Tokenizer, texts: Sequence[str], sequence: int) -> list[list[int]]:
    """Return the token ids of texts, cut to so many, the marks at both ends kept."""
    tokenizer.enable_truncation(max_length=sequence)
    found = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    tokenizer.no_truncation()
    return found


def split(pairs: Sequence[Pair], gifs: Gifs, *, share: float, batch: int, seed: int) -> Parts:
    """Hold out GIFs with all their pairs, and leave out what else has one of their texts.

    So a held-out GIF is recognised by what it shows, not because it was answered with before, and no held-out
    text was read before. (A popular text may have several answers.)

    Args:
        pairs: all pairs.
        gifs: which GIFs they have.
        share: of the pairs, held out at least; a batch of them (of few pairs a fifth) where that is more.
        batch: pairs a step; the training part must fill one.
        seed: of the choice.

    Raises:
        DataError: there are too few pairs or GIFs.
    """
    wanted = max(share * len(pairs), min(batch, len(pairs) // FEW))
    is_held = np.isin(gifs.of_pair, _choose(gifs.of_pair, wanted, seed))
    texts = {pair.text for pair, held in zip(pairs, is_held, strict=True) if held}
    is_known = np.array([pair.text in texts for pair in pairs], dtype=bool)
    train, held_out = np.flatnonzero(~is_held & ~is_known), np.flatnonzero(is_held)
    if len(train) < batch:
        raise DataError(
            f"{len(train)} of {len(pairs)} pairs are left to learn after {len(held_out)} were held out, "
            f"fewer than one batch of {batch}: bring more pairs or give a smaller --batch"
        )
    return Parts(train, held_out)


def _choose(gif_of: Ints, wanted: float, seed: int) -> Rows:
    """Draw GIFs until they have so many pairs, without those that would bring them above twice as many.

    So a GIF that many pairs have is learned. There are two at least, the rarest where all have too many.
    """
    gifs, counts = np.unique(gif_of, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(gifs))
    chosen: list[int] = []
    held = 0
    for gif in order:
        if held >= wanted and len(chosen) > 1:
            break
        if held + counts[gif] <= MOST * wanted:
            chosen.append(gif)
            held += counts[gif]
    if len(chosen) < 2:
        chosen = sorted(order, key=lambda gif: int(counts[gif]))[:2]
    found: Rows = gifs[chosen].astype(np.int64)
    return found


def batches(rows: Rows, batch: int, seed: int, start: int, stop: int) -> Iterator[Rows]:
    """Yield the rows of the batches from ``start`` to ``stop``; an epoch's incomplete last one is dropped."""
    per_epoch = len(rows) // batch
    for step in range(start, stop):
        epoch, place = divmod(step, per_epoch)
        if place == 0 or step == start:
            order = np.random.default_rng((seed, epoch)).permutation(rows)
        yield order[place * batch : (place + 1) * batch]


def texts_of(corpus: Corpus, rows: Rows) -> tuple[Ints, Ints]:
    """Return ids and mask of texts, (rows, tokens) int32 each, padded to a multiple of `LENGTH_STEP`."""
    longest = max(len(corpus.tokens[row]) for row in rows)
    length = min(-(-longest // LENGTH_STEP) * LENGTH_STEP, corpus.sequence)
    ids = np.full((len(rows), length), corpus.pad_id, np.int32)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        found = corpus.tokens[row]
        ids[number, : len(found)], mask[number, : len(found)] = found, 1
    return ids, mask


def pictures_of(corpus: Corpus, gifs: Ints) -> Floats:
    """Return the normalised frames of GIFs, (rows, frames, size, size, 3) float32."""
    return normalise(np.asarray(corpus.pixels[gifs]), CLIP_MEAN, CLIP_STD)


def reply_batch(corpus: Corpus, rows: Rows) -> ReplyBatch:
    """Return the pairs of some rows, with the GIFs' numbers, so that none is contrasted with itself."""
    gifs = corpus.gif_of[rows]
    unknown = np.full(len(rows), -1, np.int32)
    arrays = (*texts_of(corpus, rows), pictures_of(corpus, gifs), gifs, unknown)
    return ReplyBatch(*map(jnp.asarray, arrays))
