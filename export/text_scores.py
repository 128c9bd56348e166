"""Scores of a learner's predictions, by the definitions of ReactBench."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from export.data.reactions import DataError, Message

Floats = npt.NDArray[np.float32]
GREAT, OK = 2.0, 1.0


class Judged(NamedTuple):
    """What annotators say of n messages.

    ``best`` (n, 48) is the highest grade any annotator gave a category (great 2, ok 1, else 0), ``mean``
    (n, 48) the mean grade, ``hold`` (n,) whether any annotator held the message.
    """

    best: Floats
    mean: Floats
    hold: npt.NDArray[np.bool_]


def judged_messages(messages: Sequence[Message], categories: Sequence[str]) -> Judged:
    """Take the annotations of training messages, one annotator each, as judgement."""
    grades = np.stack([_grades(m.great, m.ok, categories) for m in messages])
    return Judged(grades, grades, np.asarray([bool(m.hold) for m in messages]))


def read_bench(path: Path, categories: Sequence[str]) -> tuple[list[str], Judged]:
    """Read a ReactBench file: the texts and what its two annotators say.

    Raises:
        DataError: there is no such file.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; ReactBench is needed to judge the training")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    pair = np.stack([[_grades(r[w]["great"], r[w]["ok"], categories) for w in "ab"] for r in rows])
    hold = np.asarray([r["a"]["hold"] or r["b"]["hold"] for r in rows])
    return [r["text"] for r in rows], Judged(pair.max(1), pair.mean(1), hold)


def _grades(great: Sequence[str], ok: Sequence[str], categories: Sequence[str]) -> Floats:
    grades = [GREAT if c in great else OK if c in ok else 0.0 for c in categories]
    return np.asarray(grades, np.float32)


def score(category: Floats, hold: Floats, judged: Judged) -> dict[str, float]:
    """Score predictions; messages that were held count for the hold figures only.

    Args:
        category: (n, 48) float32, higher is better.
        hold: (n,) float32, higher means rather silent.
        judged: the judgement of the same n messages.
    """
    played = ~judged.hold
    order = np.argsort(-category[played], axis=1, kind="stable")
    best, mean = judged.best[played], judged.mean[played]
    first = np.take_along_axis(best, order[:, :1], 1)[:, 0]
    return {
        "great": float((first == GREAT).mean()),
        "any": float((first > 0).mean()),
        "ndcg5": float(_ndcg(order, mean).mean()),
        "distinct": float(len(np.unique(order[:, 0]))),
        **hold_scores(hold, judged.hold),
    }


def hold_scores(hold: Floats, held: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return the ROC AUC of hold and the share of held messages silenced at 5 % false alarms."""
    silent, played = hold[held], np.sort(hold[~held])[::-1]
    if not silent.size or not played.size:
        return {}
    wins = (silent[:, None] > played).mean() + 0.5 * (silent[:, None] == played).mean()
    threshold = played[max(0, int(np.ceil(0.05 * played.size)) - 1)]
    return {"hold_auc": float(wins), "silent": float((silent > threshold).mean())}


def _ndcg(order: npt.NDArray[np.int64], grades: Floats, k: int = 5) -> Floats:
    discount = 1 / np.log2(np.arange(k) + 2)
    gains = 2**grades - 1
    got = (np.take_along_axis(gains, order[:, :k], 1) * discount).sum(1)
    ideal = (-np.sort(-gains, axis=1)[:, :k] * discount).sum(1)
    return np.asarray(np.where(ideal > 0, got / np.maximum(ideal, 1e-9), 0.0), np.float32)
