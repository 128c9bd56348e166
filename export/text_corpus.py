"""Tokenised messages with their targets, handed out in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from export.data.reactions import EMOTIONS, Message, soft_targets
from export.space import CATEGORY_DIM, IDENTITY_DIM
from inference.preprocess import clean_text

Ints = npt.NDArray[np.int32]
Indexes = npt.NDArray[np.int64]
Batch = dict[str, npt.NDArray[np.generic]]

# A batch is padded to one of these lengths, so that the training step is compiled so many times only.
LENGTHS = (12, 16, 24, 32, 48, 64)


@dataclass(frozen=True)
class Corpus:
    """Messages as token ids and targets.

    Attributes:
        tokens: of each message the token ids (length,) int32, or hidden states (length, width) float16 that
            stand for them; at most ``LENGTHS[-1]`` long.
        targets: arrays whose first axis is the message. Every target ``x`` has a row weight ``x_weight`` (n,)
            float32, 0 where it is unknown: ``category`` (n, 48), ``hold`` (n,), ``emotion`` (n, 28) and
            ``identity`` (n, 208) float32, ``emoji`` (n,) int32; ``share`` (n,) float32 is the length wanted
            of the identity part.
    """

    tokens: Sequence[npt.NDArray[Any]]
    targets: Mapping[str, npt.NDArray[np.generic]]

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.tokens)

    def subset(self, rows: Indexes) -> Corpus:
        """Return the messages at these rows."""
        return Corpus([self.tokens[i] for i in rows], {k: v[rows] for k, v in self.targets.items()})

    def join(self, other: Corpus) -> Corpus:
        """Return this corpus followed by another."""
        joined = {k: np.concatenate((v, other.targets[k])) for k, v in self.targets.items()}
        return Corpus([*self.tokens, *other.tokens], joined)

    def blank(self, tokens: Sequence[npt.NDArray[Any]]) -> Corpus:
        """Return a corpus of other messages of which nothing is known."""
        return Corpus(tokens, no_targets(len(tokens)))

    def updated(self, **targets: npt.NDArray[np.generic]) -> Corpus:
        """Return the corpus with some targets replaced."""
        return Corpus(self.tokens, {**self.targets, **targets})


def tokenise(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Ints]:
    """Turn texts into token ids, special tokens included, cut to the longest batch length."""
    tokenizer.enable_truncation(LENGTHS[-1])
    tokenizer.no_padding()
    return [np.asarray(e.ids, np.int32) for e in tokenizer.encode_batch([clean_text(t) for t in texts])]


def message_corpus(
    tokenizer: Tokenizer, messages: Sequence[Message], categories: Sequence[str], *, great: float, ok: float
) -> Corpus:
    """Make a corpus of messages out of what annotators, emotions and emoji say of them."""
    count = len(messages)
    category, category_weight = soft_targets(messages, categories, great=great, ok=ok)
    emotion = np.zeros((count, EMOTIONS), np.float32)
    for row, message in zip(emotion, messages, strict=True):
        row[list(message.emotions)] = 1.0
    targets: dict[str, npt.NDArray[np.generic]] = {
        "category": category,
        "category_weight": category_weight,
        "hold": np.asarray([bool(m.hold) for m in messages], np.float32),
        "hold_weight": np.asarray([m.hold is not None for m in messages], np.float32),
        "emotion": emotion,
        "emotion_weight": np.asarray([bool(m.emotions) for m in messages], np.float32),
        "emoji": np.asarray([max(m.emoji, 0) for m in messages], np.int32),
        "emoji_weight": np.asarray([m.emoji >= 0 for m in messages], np.float32),
    }
    tokens = tokenise(tokenizer, [m.text for m in messages])
    return Corpus(tokens, {**no_targets(count), **targets})


def no_targets(count: int) -> dict[str, npt.NDArray[np.generic]]:
    """Return targets of weight 0 for ``count`` messages."""
    zeros = np.zeros(count, np.float32)
    weights = {f"{name}_weight": zeros for name in ("category", "hold", "emotion", "emoji", "identity")}
    return {
        **weights,
        "category": np.full((count, CATEGORY_DIM), 1 / CATEGORY_DIM, np.float32),
        "hold": zeros,
        "emotion": np.zeros((count, EMOTIONS), np.float32),
        "emoji": np.zeros(count, np.int32),
        "identity": np.zeros((count, IDENTITY_DIM), np.float32),
        "share": zeros,
    }


def batches(corpus: Corpus, size: int, pad_id: int, seed: int | None) -> Iterator[tuple[Indexes, Batch]]:
    """Yield rows and padded batches; in a shuffled order where a seed is given.

    Each batch holds ``inputs`` (size, length, ...), ``mask`` (size, length) int32 and the targets; a last
    incomplete batch is filled up with rows of one token and weight 0.
    """
    rng = None if seed is None else np.random.default_rng(seed)
    for length, rows in _plan(corpus, size, rng):
        yield rows, _collate(corpus, rows, length, size, pad_id)


def batch_count(corpus: Corpus, size: int) -> int:
    """Return how many batches one pass over the corpus has."""
    return len(_plan(corpus, size, None))


def _plan(corpus: Corpus, size: int, rng: np.random.Generator | None) -> list[tuple[int, Indexes]]:
    bucket = np.searchsorted(LENGTHS, [len(t) for t in corpus.tokens])
    plan = []
    for number, length in enumerate(LENGTHS):
        rows = np.flatnonzero(bucket == number)
        if rng is not None:
            rows = rng.permutation(rows)
        plan += [(length, rows[start : start + size]) for start in range(0, len(rows), size)]
    if rng is None:
        return plan
    return [plan[i] for i in rng.permutation(len(plan))]


def _collate(corpus: Corpus, rows: Indexes, length: int, size: int, pad_id: int) -> Batch:
    first = corpus.tokens[rows[0]]
    inputs = np.full((size, length, *first.shape[1:]), pad_id if first.ndim == 1 else 0, first.dtype)
    mask = np.zeros((size, length), np.int32)
    for line, row in enumerate(rows):
        tokens = corpus.tokens[row]
        inputs[line, : len(tokens)], mask[line, : len(tokens)] = tokens, 1
    mask[len(rows) :, 0] = 1
    missing = size - len(rows)
    filled = {
        name: np.concatenate((values[rows], np.zeros((missing, *values.shape[1:]), values.dtype)))
        for name, values in corpus.targets.items()
    }
    return {"inputs": inputs, "mask": mask, **filled}
