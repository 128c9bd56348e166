"""What is added to the scores of GIFs that people like or do not: it moves GIFs, their scores stay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.errors import MessageError

LIMIT = 1.0
UNUSABLE = "The score of a GIF cannot be shifted by {shift}: the shift must be a number from -1 to 1."

Rows = NDArray[np.integer]
Scores = NDArray[np.floating]


def check_shifts(shifts: Mapping[str, float]) -> None:
    """Refuse shifts that are no numbers or too large.

    Raises:
        MessageError: there is one.
    """
    for shift in shifts.values():
        if not (math.isfinite(shift) and abs(shift) <= LIMIT):
            raise MessageError(UNUSABLE.format(shift=shift))


def is_settled(
    rows: Rows,
    scores: Scores,
    shifts: Scores,
    chosen: Sequence[int],
    outside: NDArray[np.bool_],
    rises: Scores,
    is_own: NDArray[np.bool_] | None = None,
) -> bool:
    """Say whether no GIF outside of a ranking can come before one that was chosen out of it.

    A GIF of a category that is in the ranking scores no more than the last of that category that was searched
    for, another no more than the last of all. To enter, it must pass the least that was chosen, or the least
    of its own category where no other has more of those chosen.

    Args:
        rows: (m,), the category of each GIF in the ranking.
        scores: (m,), their unshifted scores, best first.
        shifts: (m,), what is added. GIFs with more than 0 may be there though others are nearer, so that
            they tell nothing of what is outside.
        chosen: places in the ranking, at least one.
        outside: (categories,), whether there are GIFs outside that may be chosen.
        rises: (categories,), the most that is added to one of these, 0 at least.
        is_own: (m,), which GIFs are there whether or not others are nearer; none where it is left out.
    """
    found = shifts <= 0 if is_own is None else (shifts <= 0) & ~is_own
    limits = np.full(len(outside), scores[found][-1] if found.any() else np.inf)
    limits[rows] = np.inf
    np.minimum.at(limits, rows[found], scores[found])
    shifted = scores + shifts
    least = np.full(len(outside), np.inf)
    np.minimum.at(least, rows[chosen], shifted[chosen])
    counts = np.bincount(rows[chosen], minlength=len(outside))
    bars = np.where(counts == counts.max(), least, least.min())
    return not (outside & (limits + rises > bars)).any()
