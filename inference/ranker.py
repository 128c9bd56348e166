"""From scored GIFs to an answer: variety, confidence and the reason given. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from inference.bundle import CalibrationSpec


def vary(
    candidates: Sequence[int],
    primary: Sequence[str],
    k: int,
    wanted: Collection[str] = (),
    kinds: int = 0,
) -> list[int]:
    """Choose up to `k` of `candidates`, best first, so that a category comes again only after all others.

    Args:
        candidates: positions of GIFs, best first; a position that comes again is dropped.
        primary: primary category of each position.
        k: how many at most.
        wanted: when given, only GIFs of these primary categories.
        kinds: when above 0, only GIFs of the first so many of these.

    Returns:
        Positions: the best GIF of each category in the order of those GIFs, then the second best, ...
    """
    rounds: list[list[int]] = []
    count: dict[str, int] = {}
    for position in dict.fromkeys(candidates):
        category = primary[position]
        if wanted and category not in wanted:
            continue
        if kinds and len(count) == kinds and category not in count:
            continue
        turn = count[category] = count.get(category, 0) + 1
        if turn > len(rounds):
            rounds.append([])
        rounds[turn - 1].append(position)
        if len(rounds[0]) == k:
            break
    return [position for turn in rounds for position in turn][:k]


def confidence(score: float, calibration: CalibrationSpec) -> float:
    """Return the probability in [0, 1] that a person calls a pick of this cosine great."""
    logit = calibration.slope * score + calibration.intercept
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))


def explain(category: str, share: float, message: str, tags: Collection[str]) -> str:
    """Say in a sentence why a GIF was picked.

    Args:
        category: its primary category, in words.
        share: share of the category vote, 0..1.
        message: the message in lower case, its words with a space on either side.
        tags: tags of the GIF in lower case, likewise with a space on either side.
    """
    votes = "under 1 %" if share < 0.01 else f"{share * 100:.0f} %"
    reason = f"{category} has {votes} of the category vote"
    for tag in tags:
        if tag in message:
            return f'{reason}, and the message says "{tag.strip()}"'
    return reason
