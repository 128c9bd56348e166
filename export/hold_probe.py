"""A logistic regression for "hold" on a frozen encoder: few held messages are not enough to fine-tune on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
SCALE = 10.0
STEPS = 12


class HoldProbe(NamedTuple):
    """Weights (width + 1,) float64 on centred sentence vectors; the last is the intercept."""

    mean: Doubles
    weights: Doubles

    def __call__(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the log-odds of hold (n,) float32 for unit-norm vectors (n, width)."""
        return np.asarray(_design(vectors, self.mean) @ self.weights, np.float32)


def fit_hold_probe(
    vectors: npt.NDArray[np.float32], hold: npt.NDArray[np.float32], strength: float
) -> HoldProbe:
    """Fit by Newton's method.

    Args:
        vectors: (n, width) float32, unit norm.
        hold: (n,) float32, 1 for held messages.
        strength: L2 penalty on the weights of vectors scaled by 10; the intercept has none.
    """
    mean = vectors.mean(0).astype(np.float64)
    design = _design(vectors, mean)
    penalty = np.full(design.shape[1], strength)
    penalty[-1] = 1e-6
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (chance - hold) + penalty * weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        weights -= np.linalg.solve(curvature, slope)
    return HoldProbe(mean, weights)


def _design(vectors: npt.NDArray[np.float32], mean: Doubles) -> Doubles:
    return np.concatenate(((vectors - mean) * SCALE, np.ones((len(vectors), 1))), axis=1)
