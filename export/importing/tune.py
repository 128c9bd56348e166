"""Anchors, weights and confidence of an imported model: measured on annotated messages, or defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from export.calibration import expected_calibration_error, fit_logistic
from export.data.reactions import Message, folds, soft_targets
from inference.bundle import CalibrationSpec, FusionSpec
from inference.pack import PackGif
from inference.vectors import mix_categories, unit

Floats = npt.NDArray[np.float32]

FOLDS, FOLD_SEED, HELD_OUT = 5, 0, 0
"""The fifth of the labels that is not learnt from is the one that the house model held out."""

PRIOR = 5.0
"""How many annotated messages the words for a category count for, beside those that it has."""

IMAGE_WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)
TEXT_WEIGHTS = (0.0, 0.25)

DEFAULT_FUSION = FusionSpec(image=1.0, text=0.0, category=0.5)
"""Without annotated messages the picture counts most, as the model was trained on pictures; not measured."""

DEFAULT_CONFIDENCE = 0.25
"""What is promised of every GIF where nothing was measured."""


@dataclass(frozen=True)
class Tuned:
    """What a bundle says beside the graphs.

    Attributes:
        anchors: (categories, dim) float32, unit norm.
        fusion: weights of the parts of a GIF's vector.
        calibration: confidence of a score.
        scores: figures for the model card.
        notes: how these came about, for the model card.
    """

    anchors: Floats
    fusion: FusionSpec
    calibration: CalibrationSpec
    scores: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Annotated messages and a pack, with their vectors, all unit norm.

    Attributes:
        messages: n messages.
        texts: (n, dim) float32.
        gifs: m GIFs.
        pictures: (m, dim) float32.
        words: (m, dim) float32.
    """

    messages: Sequence[Message]
    texts: Floats
    gifs: Sequence[PackGif]
    pictures: Floats
    words: Floats


def untuned(anchors: Floats) -> Tuned:
    """Return the documented defaults, with anchors that were made of words."""
    odds = float(np.log(DEFAULT_CONFIDENCE / (1 - DEFAULT_CONFIDENCE)))
    notes = {
        "anchors": "mean text vectors of each category's name, description and typical messages",
        "weights": "defaults, not measured",
        "confidence": f"{DEFAULT_CONFIDENCE:.0%} for every GIF: nothing was measured",
    }
    return Tuned(anchors, DEFAULT_FUSION, CalibrationSpec(0.0, odds), notes=notes)


def choose_messages(messages: Sequence[Message], limit: int, seed: int = 0) -> list[Message]:
    """Draw at most `limit` messages that somebody would answer with a GIF."""
    usable = [message for message in messages if message.great and not message.hold]
    order = np.random.default_rng(seed).permutation(len(usable))[:limit]
    return [usable[number] for number in order]


def tune(evidence: Evidence, named: Floats, names: Sequence[str]) -> Tuned:
    """Learn anchors from four fifths of the messages; choose the weights and fit the confidence on the last.

    Args:
        evidence: messages and GIFs.
        named: (categories, dim) float32, anchors made of words.
        names: the categories.
    """
    held_out = folds(len(evidence.messages), FOLDS, FOLD_SEED) == HELD_OUT
    learnt = _learnt_anchors(evidence, ~held_out, named, names)
    judged = [message for message, out in zip(evidence.messages, held_out, strict=True) if out]
    best: tuple[float, str, FusionSpec, Floats, npt.NDArray[np.float64]] | None = None
    for (kind, anchors), image, words in product(
        {"labels": learnt, "words": named}.items(), IMAGE_WEIGHTS, TEXT_WEIGHTS
    ):
        fusion = FusionSpec(image=image, text=words, category=1.0)
        scores = evidence.texts[held_out] @ gif_vectors(evidence, anchors, fusion, names).T
        hits = _hits(scores, evidence.gifs, judged)
        if best is None or hits.mean() > best[0]:
            best = float(hits.mean()), kind, fusion, anchors, np.stack([scores.max(1), hits])
    assert best is not None
    share, kind, fusion, anchors, (tops, hits) = best
    fitted = fit_logistic(tops, hits)
    figures = {
        "held out messages": len(judged),
        "first GIF called great": share,
        "always the commonest category": _commonest(evidence, held_out, names),
        "expected calibration error, same messages": expected_calibration_error(fitted(tops), hits),
    }
    notes = {
        "anchors": f"made of {kind}",
        "messages learnt from": int((~held_out).sum()),
        "weights and confidence": f"chosen on {len(judged)} messages that the anchors were not made of",
    }
    calibration = CalibrationSpec(fitted.slope, fitted.intercept)
    return Tuned(anchors, fusion, calibration, {"annotated messages": figures}, notes)


def gif_vectors(evidence: Evidence, anchors: Floats, fusion: FusionSpec, names: Sequence[str]) -> Floats:
    """Return the GIFs' vectors (m, dim) float32, unit norm, as serving mixes them."""
    rows = {name: row for row, name in enumerate(names)}
    parts = [mix_categories(anchors, [rows[name] for name in gif.categories]) for gif in evidence.gifs]
    total = fusion.category * np.stack(parts) + fusion.text * evidence.words
    return unit(total + fusion.image * evidence.pictures)


def _learnt_anchors(
    evidence: Evidence, known: npt.NDArray[np.bool_], named: Floats, names: Sequence[str]
) -> Floats:
    """Return each category's mean message, less the mean of all, near its words where messages are few."""
    texts = evidence.texts[known]
    messages = [message for message, use in zip(evidence.messages, known, strict=True) if use]
    targets, _ = soft_targets(messages, names)
    spread = texts - texts.mean(0)
    typical = float(np.linalg.norm(spread, axis=1).mean())
    return unit(targets.T @ spread + PRIOR * typical * named)


def _hits(scores: Floats, gifs: Sequence[PackGif], judged: Sequence[Message]) -> npt.NDArray[np.float64]:
    first = [gifs[row].categories[0] for row in scores.argmax(1)]
    return np.array([name in message.great for name, message in zip(first, judged, strict=True)], np.float64)


def _commonest(evidence: Evidence, held_out: npt.NDArray[np.bool_], names: Sequence[str]) -> float:
    counts = np.zeros((2, len(names)))
    for message, out in zip(evidence.messages, held_out, strict=True):
        for name in message.great:
            counts[int(out), list(names).index(name)] += 1
    return float(counts[1, counts[0].argmax()] / max(1, held_out.sum()))
