"""A logistic regression for "hold" on fixed vectors: few held messages are not enough to fine-tune on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
STEPS = 12


class HoldProbe(NamedTuple):
    """A linear layer: ``kernel`` (width,) and ``bias`` (), float64."""

    kernel: Doubles
    bias: float

    def __call__(self, vectors: Floats) -> Floats:
        """Return the log-odds of hold (n,) float32 of vectors (n, width)."""
        return np.asarray(vectors @ self.kernel + self.bias, np.float32)


def fit_hold_probe(
    vectors: Floats, hold: Floats, strength: float, *, scale: float, weights: Floats | None = None
) -> HoldProbe:
    """Fit by Newton's method.

    Args:
        vectors: (n, width) float32.
        hold: (n,) float32, 1 for held messages, or the probability that one is held.
        strength: L2 penalty on the kernel of centred vectors times ``scale``; the bias has none.
        scale: see there.
        weights: (n,) float32, how much each message counts; all the same where not given.
    """
    mean = vectors.mean(0).astype(np.float64)
    design = np.concatenate(((vectors - mean) * scale, np.ones((len(vectors), 1))), axis=1)
    counts = np.ones(len(vectors)) if weights is None else weights.astype(np.float64)
    penalty = np.full(design.shape[1], strength)
    penalty[-1] = 1e-6
    found = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-design @ found))
        slope = design.T @ (counts * (chance - hold)) + penalty * found
        curvature = (design * (counts * chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        found -= np.linalg.solve(curvature, slope)
    kernel = found[:-1] * scale
    return HoldProbe(kernel, float(found[-1] - mean @ kernel))
