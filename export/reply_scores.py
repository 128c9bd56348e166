"""How well a Hybrid CLIP finds the GIF of a text among GIFs that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx

from export.losses import contrastive_loss, same_group
from export.models.hybrid_clip import HybridCLIP
from export.reply_batches import Corpus, Rows, pictures_of, texts_of

Floats = npt.NDArray[np.float32]
DEPTHS = (1, 10)

_text_vectors: Any = nnx.jit(HybridCLIP.text_embeds)
_gif_vectors: Any = nnx.jit(HybridCLIP.image_embeds)


@dataclass(frozen=True)
class Scores:
    """What was measured on held-out pairs.

    Attributes:
        loss: the contrastive loss, averaged over batches of the training's size.
        recall: how often the right GIF is among the first so many, by how many.
        chance: the same for a random order.
        pairs: how many texts were asked.
        gifs: among how many GIFs.
    """

    loss: float
    recall: dict[str, float]
    chance: dict[str, float]
    pairs: int
    gifs: int


class Judge:
    """Measures models of one shape on the held-out rows of a corpus."""

    def __init__(self, corpus: Corpus, rows: Rows, batch: int) -> None:
        self._corpus, self._rows, self._batch = corpus, rows, batch
        self._gifs, self._right = np.unique(corpus.gif_of[rows], return_inverse=True)

    def __call__(self, model: HybridCLIP) -> Scores:
        """Measure a model without dropout."""
        texts = self._vectors(
            self._rows, lambda rows: _text_vectors(model, *map(jnp.asarray, texts_of(self._corpus, rows)))
        )
        pictures = self._vectors(
            self._gifs, lambda gifs: _gif_vectors(model, jnp.asarray(pictures_of(self._corpus, gifs)))
        )
        count = len(self._gifs)
        return Scores(
            loss=self._loss(model, texts, pictures),
            recall=recalls(texts @ pictures.T, self._right),
            chance={f"@{depth}": min(depth, count) / count for depth in DEPTHS},
            pairs=len(self._rows),
            gifs=count,
        )

    def _vectors(self, items: Any, embed: Any) -> Floats:
        """Embed in batches of one size, so that there is little to compile; the last one repeats an item."""
        found = []
        for start in range(0, len(items), self._batch):
            chosen = items[start : start + self._batch]
            filled = np.concatenate([chosen, np.repeat(chosen[:1], self._batch - len(chosen))])
            found.append(np.asarray(embed(filled))[: len(chosen)])
        return np.concatenate(found)

    def _loss(self, model: HybridCLIP, texts: Floats, pictures: Floats) -> float:
        """Average over whole batches in an order that never changes; over all pairs where they fill none."""
        order = np.random.default_rng(0).permutation(len(self._rows))
        size = min(self._batch, len(order))
        losses = []
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            right = self._right[rows]
            logits = model.logits_per_text(jnp.asarray(texts[rows]), jnp.asarray(pictures[right]))
            losses.append(contrastive_loss(logits, same_group(jnp.asarray(right))))
        return float(jax.device_get(jnp.stack(losses).mean()))


def recalls(cosines: Floats, right: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return how often the right column of (texts, GIFs) float32 is among the first 1 and 10; ties lose."""
    own = cosines[np.arange(len(right)), right]
    better = (cosines >= own[:, None]).sum(1) - 1
    return {f"@{depth}": float((better < depth).mean()) for depth in DEPTHS}
