"""The joint space, fixed before training so that the text tower and the vision tower can learn it apart.

The first axes are reaction categories; the others say which picture it is, as a frozen sentence encoder
reads its name and keywords.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.vectors import mix_categories
from inference.vectors import unit as unit

Floats = npt.NDArray[np.float32]

DIM = 256
CATEGORY_DIM = 48
IDENTITY_DIM = DIM - CATEGORY_DIM
CATEGORY_SHARE = 0.8
IDENTITY_SHARE = 0.6
# Plain principal components let "face" drown everything else; full whitening makes noise of rare axes
# as loud as meaning. The fourth root of the variance lies half way.
WHITENING_POWER = 0.25


@dataclass(frozen=True)
class IdentitySpace:
    """An affine map from sentence vectors to identity vectors.

    Attributes:
        projection: (width, 208) float32.
        mean: (width,) float32, subtracted first.
    """

    projection: Floats
    mean: Floats

    def __call__(self, sentences: Floats) -> Floats:
        """Map sentence vectors (n, width) to identity vectors (n, 208) float32, unit norm."""
        return unit((sentences - self.mean) @ self.projection)

    def save(self, path: Path, **tables: npt.NDArray[Any]) -> None:
        """Write an ``.npz`` with ``P`` and ``mean``, and further arrays beside them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, P=self.projection, mean=self.mean, **tables)

    @classmethod
    def load(cls, path: Path) -> "IdentitySpace":
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["P"], arrays["mean"])


def identity_projection(sentences: Floats, dim: int = IDENTITY_DIM) -> IdentitySpace:
    """Fit the identity axes to the sentence vectors of all pictures: softened principal components.

    Args:
        sentences: (pictures, width) float32, the frozen encoder's vectors of "name, keywords".
        dim: Axes to keep.

    Raises:
        ValueError: There are fewer pictures or columns than axes.
    """
    if min(sentences.shape) < dim:
        raise ValueError(f"{sentences.shape} sentence vectors cannot span {dim} identity axes")
    mean = sentences.mean(0)
    _, singular, axes = np.linalg.svd((sentences - mean).astype(np.float64), full_matrices=False)
    spread = singular[:dim] / np.sqrt(len(sentences))
    # A component's sign is arbitrary; fixing it keeps the space the same on every machine.
    signs = np.sign(axes[np.arange(dim), np.abs(axes[:dim]).argmax(1)])
    projection = axes[:dim].T * signs * spread ** (-2 * WHITENING_POWER)
    return IdentitySpace(projection.astype(np.float32), mean.astype(np.float32))


def category_anchors(count: int = CATEGORY_DIM, dim: int = DIM) -> Floats:
    """Return the category anchors, (count, dim) float32, unit norm."""
    return np.eye(count, dim, dtype=np.float32)


def category_vector(categories: Sequence[str], names: Sequence[str]) -> Floats:
    """Return the category part (48,) float32 of a GIF's target, primary category first; zeros for none.

    Raises:
        ValueError: A category is not among ``names``.
    """
    rows = [list(names).index(category) for category in categories]
    return mix_categories(np.eye(len(names), dtype=np.float32), rows)


def target_vectors(categories: Floats, identities: Floats) -> Floats:
    """Join the parts of pictures into unit vectors of the joint space.

    Args:
        categories: (n, 48) float32, a row of zeros where a picture has no category.
        identities: (n, 208) float32, unit norm.

    Returns:
        (n, 256) float32, unit norm.
    """
    return unit(np.concatenate((CATEGORY_SHARE * categories, IDENTITY_SHARE * identities), axis=1))
