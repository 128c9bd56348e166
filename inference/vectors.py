"""What a GIF's vector is made of, in plain numpy, so that training and serving mix alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.pack import NAMELESS, PackGif
from inference.wording import caption_name

CATEGORY_WEIGHTS = (1.0, 0.5, 0.35)  # primary, second, third
SHORTEST = 1e-12

Floats = NDArray[np.float32]


def unit(vectors: NDArray[np.floating]) -> Floats:
    """Scale the last axis to length 1, float32; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, SHORTEST), np.float32)


def mix_categories(anchors: Floats, rows: Sequence[int]) -> Floats:
    """Mix the anchors (categories, dim) of at most three categories, primary first.

    Returns:
        (dim,) float32, unit norm; zeros where there is no category.
    """
    known = list(rows)[: len(CATEGORY_WEIGHTS)]
    weights = np.array(CATEGORY_WEIGHTS[: len(known)], dtype=np.float32)
    return unit(weights @ anchors[known])


def describe(gif: PackGif) -> str:
    """Return the words of a GIF that the text tower reads: its name and tags, and words in it.

    A caption is left out, and a name made of it: with these the reaction is guessed worse than by the picture
    alone (`python -m benchmarks.caption --guesses`).
    """
    name = "" if gif.name in (NAMELESS, caption_name(gif.caption)) else gif.name
    return ", ".join(part for part in (name, *gif.tags, gif.text) if part)
