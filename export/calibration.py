"""Turning scores into probabilities that mean what they say, on messages that were not trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
STEPS = 50
RIDGE = 1e-3


class Logistic(NamedTuple):
    """Probability = sigmoid(slope * score + intercept) (Platt 1999)."""

    slope: float
    intercept: float

    def __call__(self, scores: npt.ArrayLike) -> Doubles:
        """Return probabilities in 0..1, float64."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * np.asarray(scores) + self.intercept))))


def fit_logistic(scores: npt.ArrayLike, hits: npt.ArrayLike) -> Logistic:
    """Fit by Newton's method with a very small penalty.

    Args:
        scores: (n,).
        hits: (n,), 1 where what the score promises came true.
    """
    values, truth = np.asarray(scores, np.float64), np.asarray(hits, np.float64)
    centre, spread = values.mean(), max(float(values.std()), 1e-9)
    design = np.stack(((values - centre) / spread, np.ones(len(values))), axis=1)
    weights = np.zeros(2)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (chance - truth) + RIDGE * weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + RIDGE * np.eye(2)
        weights -= np.linalg.solve(curvature, slope)
    factor = float(weights[0] / spread)
    return Logistic(factor, float(weights[1] - factor * centre))


def expected_calibration_error(chances: npt.ArrayLike, hits: npt.ArrayLike, bins: int = 10) -> float:
    """Return the mean gap between promised and real share over equally wide bins (Naeini et al. 2015)."""
    values, truth = np.asarray(chances, np.float64), np.asarray(hits, np.float64)
    place = np.minimum((values * bins).astype(int), bins - 1)
    gaps = [abs((values - truth)[place == b].sum()) for b in range(bins)]
    return float(sum(gaps) / len(values))


def alarm_threshold(silent: npt.ArrayLike, played: npt.ArrayLike, false_alarms: float) -> tuple[float, float]:
    """Return the threshold that at most this share of ``played`` exceeds, and which share of silent does."""
    allowed = int(np.ceil(false_alarms * np.size(played))) - 1
    threshold = float(np.sort(np.asarray(played))[::-1][max(allowed, 0)])
    return threshold, float((np.asarray(silent) > threshold).mean())
