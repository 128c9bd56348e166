"""Which messages a text training reads, and which of them it must not see because they judge it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

from export.data.reactions import (
    Message,
    folds,
    read_categories,
    read_labelled,
    read_own,
    read_unlabelled,
)
from export.text_scores import Floats, as_bench, score
from inference.metrics import BenchMessage
from inference.metrics import read_messages as read_bench

FOLDS = 5
FOLD_SEED = 0


@dataclass(frozen=True)
class Messages:
    """All messages of a training, annotated ones first, and the two sets that judge it.

    Attributes:
        categories: the 48 names in order.
        rows: annotated messages of the reaction data, our own ones, then unlabelled ones.
        annotated: how many at the front have labels.
        held_out: rows of the annotated ones that are not trained on; empty for a final training.
        bench: ReactBench's messages for tuning.
        fold: which fifth is held out, -1 for none.
    """

    categories: tuple[str, ...]
    rows: Sequence[Message]
    annotated: int
    held_out: npt.NDArray[np.int64]
    bench: Sequence[BenchMessage]
    fold: int = -1

    @property
    def training(self) -> npt.NDArray[np.int64]:
        """Return the rows that may be trained on, annotated or not."""
        return np.setdiff1d(np.arange(len(self.rows)), self.held_out)

    @property
    def judged(self) -> list[BenchMessage]:
        """Return the held-out rows with their judgement."""
        return as_bench([self.rows[i] for i in self.held_out])


def read_messages(folder: Path, *, tweets: int, fold: int | None, limit: int | None) -> Messages:
    """Read the messages of a reaction data folder; ReactBench lies beside it.

    Args:
        folder: as ``shared/reactions``.
        tweets: how many unlabelled emoji tweets to take.
        fold: which fifth of the annotated reaction data is held out, None for none.
        limit: take only so many annotated and so many unlabelled messages.

    Raises:
        ReparteeError: a file is missing or unreadable.
    """
    categories = read_categories(folder)
    labelled = read_labelled(folder)[:limit]
    annotated = labelled + read_own()[:limit]
    held_out = np.zeros(0, np.int64)
    if fold is not None:
        held_out = np.flatnonzero(folds(len(labelled), FOLDS, FOLD_SEED) == fold)
    bench = read_bench(folder.parent / "reactbench" / "dev.jsonl")
    rows = annotated + read_unlabelled(folder, tweets=tweets)[:limit]
    return Messages(categories, rows, len(annotated), held_out, bench, -1 if fold is None else fold)


def judged(
    messages: Messages, bench: tuple[Floats, Floats], held: tuple[Floats, Floats] | None
) -> dict[str, float]:
    """Score and print an epoch; its ``score`` is nDCG@5 on held-out messages, else on ReactBench.

    Args:
        messages: what the predictions are of.
        bench: category (n, 48) and hold (n,) predictions for ReactBench's messages, float32.
        held: the same for the held-out messages, None where none are held out.
    """
    scores = score(*bench, messages.bench, messages.categories)
    if held is not None:
        fold = score(*held, messages.judged, messages.categories)
        scores |= {f"fold_{name}": value for name, value in fold.items()}
    scores["score"] = scores.get("fold_ndcg5", scores["ndcg5"])
    Console(stderr=True).print({name: round(value, 4) for name, value in scores.items()})
    return scores
