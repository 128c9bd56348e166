"""Scores of a learner's logits, by ReactBench's metrics, on messages of one annotator or of two."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from export.data.reactions import Message
from inference.metrics import BenchMessage, Judgement, Prediction
from inference.metrics import score as score_rankings

Floats = npt.NDArray[np.float32]
DEPTH = 5


def as_bench(messages: Sequence[Message]) -> list[BenchMessage]:
    """Make benchmark messages of annotated training messages; their one annotator stands in both places."""
    judged = [Judgement(list(m.great), list(m.ok), bool(m.hold)) for m in messages]
    return [BenchMessage(m.id, m.text, j, j) for m, j in zip(messages, judged, strict=True)]


def score(
    category: Floats, hold: Floats, messages: Sequence[BenchMessage], categories: Sequence[str]
) -> dict[str, float]:
    """Score predictions of n messages.

    Args:
        category: (n, 48) float32, higher is better.
        hold: (n,) float32, higher means rather silent.
        messages: the n messages with their judgement.
        categories: the 48 names in order.

    Returns:
        The fields of `inference.metrics.Scores` that are known.
    """
    best = np.argsort(-category, axis=1, kind="stable")[:, :DEPTH]
    predictions = {
        message.id: Prediction([categories[i] for i in order], float(silence))
        for message, order, silence in zip(messages, best, hold, strict=True)
    }
    return {
        name: float(value)
        for name, value in msgspec.to_builtins(score_rankings(messages, predictions)).items()
        if value is not None
    }
