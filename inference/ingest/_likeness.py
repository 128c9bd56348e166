"""Whether pictures of one animation show the same scene, so that models need not look at each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EDGE = 64
LEVELS = 4  # a channel
SAME_SCENE = 0.85  # share of the colours in common: what moves keeps its colours, a cut brings others

Histogram = NDArray[np.float64]


def on_ground(picture: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Lay a picture over a plain ground; RGB."""
    rgba = picture.convert("RGBA")
    ground = Image.new("RGBA", rgba.size, (*colour, 255))
    ground.alpha_composite(rgba)
    return ground.convert("RGB")


def histogram(picture: Image.Image) -> Histogram:
    """Return the shares of coarse colours in an RGB picture, (LEVELS ** 3,) float64."""
    small = np.asarray(picture.resize((EDGE, EDGE), Image.Resampling.BOX), np.intp) * LEVELS // 256
    colours = (small[..., 0] * LEVELS + small[..., 1]) * LEVELS + small[..., 2]
    return np.bincount(colours.ravel(), minlength=LEVELS**3) / EDGE**2


def is_same_scene(one: Histogram, other: Histogram) -> bool:
    """Say whether two pictures have most of their colours in common."""
    return bool(np.minimum(one, other).sum() >= SAME_SCENE)
