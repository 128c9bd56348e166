"""How well drawings find the GIF of the same emoji, and the vectors for it."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.preprocess import compose_square, normalise

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Embed = Callable[[Floats], Floats]
MEAN = (0.5, 0.5, 0.5)
STD = (0.5, 0.5, 0.5)
BACKGROUND = (128, 128, 128)
BATCH = 64


def pixel_values(picture: Pixels | Image.Image, size: int) -> Floats:
    """Return a picture as the tower reads it, (size, size, 3) float32, preprocessed as in serving."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    return normalise(compose_square(image, size, BACKGROUND), MEAN, STD)


def embed_all(embed: Embed, pictures: Sequence[Pixels], size: int) -> Floats:
    """Return raw vectors (n, 256) of pictures, in batches of one shape.

    Args:
        embed: Maps (64, size, size, 3) float32 to (64, 256) float32.
        pictures: (edge, edge, 3 or 4) uint8 each.
        size: Edge in pixels that the tower reads.
    """
    rows = []
    for start in range(0, len(pictures), BATCH):
        batch = np.stack([pixel_values(picture, size) for picture in pictures[start : start + BATCH]])
        padded = np.concatenate((batch, np.zeros((BATCH - len(batch), *batch.shape[1:]), np.float32)))
        rows.append(np.asarray(embed(padded))[: len(batch)])
    return np.concatenate(rows)


def recall(
    queries: Floats,
    query_codes: Sequence[str],
    gallery: Floats,
    gallery_codes: Sequence[str],
    at: Sequence[int],
) -> dict[str, float]:
    """Return the share of queries with a right answer among the nearest ``k``, for each ``k``.

    Args:
        queries: (n, 256) float32, unit norm; all of them have a right answer in the gallery.
        query_codes: Code point of each.
        gallery: (m, 256) float32, unit norm.
        gallery_codes: Code point of each.
        at: The ``k`` wanted.
    """
    order = np.argsort(-queries @ gallery.T, axis=1, kind="stable")
    codes = np.asarray(gallery_codes)
    hits = codes[order] == np.asarray(query_codes)[:, None]
    return {f"recall@{k}": float(hits[:, :k].any(1).mean()) for k in at}
