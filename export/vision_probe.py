"""A first projection on top of the untouched tower: the tower's pooled vectors are computed once and kept.

Starting the training proper from there spares the tower the gradients of a random projection, and most of
the time that a training without a GPU would need.
"""

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from flax import nnx
from rich.console import Console
from rich.progress import track

from export.space import DIM
from export.vision_data import Corpus
from export.vision_model import Sight, alignment_loss
from export.vision_views import Views, view_batch

Floats = npt.NDArray[np.float32]
BATCH = 64


@dataclass(frozen=True)
class Probe:
    """How the first projection is fitted.

    Attributes:
        size: Edge of the pictures in pixels.
        views: Random views of each picture.
        steps: Batches of ``batch`` vectors.
        batch: Vectors a step.
        learning_rate: Peak of a cosine.
        dropout: Share of the tower's features left out.
        weight_decay: AdamW's.
    """

    size: int = 96
    views: int = 2
    steps: int = 600
    batch: int = 512
    learning_rate: float = 3e-3
    dropout: float = 0.2
    weight_decay: float = 0.05
    temperature: float = 0.05
    category_weight: float = 2.0
    seed: int = 0


def fit_projection(model: Sight, corpus: Corpus, probe: Probe, views: Views, folder: Path) -> float:
    """Fit the projection of a model in place; the tower stays as it is.

    Args:
        model: Its projection is replaced.
        corpus: Pictures and targets.
        probe: How to fit.
        views: How far views may go from the picture.
        folder: The tower's vectors are kept here, for another start.

    Returns:
        The mean loss of the last tenth of the steps.
    """
    features = _kept_features(model, corpus, probe, views, folder)
    labels = np.tile(corpus.labels, probe.views)
    kernel, loss = _descend(features, labels, corpus, probe)
    model.visual_projection.kernel.set_value(kernel)
    return loss


def _kept_features(model: Sight, corpus: Corpus, probe: Probe, views: Views, folder: Path) -> Floats:
    path = folder / f"features-{probe.size}-{probe.views}-{probe.seed}.npy"
    if path.exists():
        kept: Floats = np.load(path, allow_pickle=False)
        if len(kept) == probe.views * len(corpus.pictures):
            return kept
    features = _features(model, corpus, probe, views)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(path, features, allow_pickle=False)
    return features


def _features(model: Sight, corpus: Corpus, probe: Probe, views: Views) -> Floats:
    """Return the tower's vectors of all views, (views x pictures, width) float16."""
    graph, weights = nnx.split(model.vision_model)
    forward = jax.jit(lambda weights, pixels: nnx.merge(graph, weights)(pixels))
    count = len(corpus.pictures)
    starts = [(view, start) for view in range(probe.views) for start in range(0, count, BATCH)]
    rows = []
    for view, start in track(starts, description="looking", console=Console(stderr=True)):
        order = np.arange(start, start + BATCH) % count
        rng = np.random.default_rng((probe.seed, 2, view, start))
        pixels = view_batch(corpus, order, probe.size, views, rng)
        rows.append(np.asarray(forward(weights, pixels), np.float16)[: count - start])
    return np.concatenate(rows)


def _descend(
    features: Floats, labels: npt.NDArray[np.int32], corpus: Corpus, probe: Probe
) -> tuple[jax.Array, float]:
    schedule = optax.cosine_decay_schedule(probe.learning_rate, probe.steps)
    optimiser = optax.adamw(schedule, weight_decay=probe.weight_decay)
    targets, known = jnp.asarray(corpus.targets), jnp.asarray(corpus.is_known)

    def loss_of(kernel: jax.Array, vectors: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        kept = jax.random.bernoulli(key, 1 - probe.dropout, vectors.shape)
        projected = jnp.where(kept, vectors / (1 - probe.dropout), 0) @ kernel
        return alignment_loss(
            projected,
            labels,
            known[labels],
            targets,
            temperature=probe.temperature,
            category_weight=probe.category_weight,
        )

    @jax.jit
    def update(
        kernel: jax.Array, moments: optax.OptState, vectors: jax.Array, labels: jax.Array, step: int
    ) -> tuple[jax.Array, optax.OptState, jax.Array]:
        key = jax.random.fold_in(jax.random.key(probe.seed), step)
        loss, slope = jax.value_and_grad(loss_of)(kernel, vectors, labels, key)
        change, moments = optimiser.update(slope, moments, kernel)
        return kernel + change, moments, loss

    # Features differ in loudness a hundredfold; on one scale the descent treats them alike.
    scale = 1 / (features.astype(np.float32).std(0) + 1e-3)
    kernel = 0.02 * jax.random.normal(jax.random.key(probe.seed), (features.shape[1], DIM))
    moments = optimiser.init(kernel)
    rng = np.random.default_rng(probe.seed)
    losses = []
    for step in track(range(probe.steps), description="fitting", console=Console(stderr=True)):
        order = rng.integers(0, len(labels), min(probe.batch, len(labels)))
        vectors = features[order].astype(np.float32) * scale
        kernel, moments, loss = update(kernel, moments, vectors, labels[order], step)
        losses.append(loss)
    return kernel * scale[:, None], float(np.mean(losses[-max(1, probe.steps // 10) :]))
