"""Which of the known things a picture shows: a linear layer on the tower's features, fitted on random views.

The language model reads its probabilities instead of the features: so a style that nobody drew before is
first brought to what is known, with all styles and views to learn from, and said afterwards.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from rich.console import Console
from rich.progress import track

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class ConceptFit:
    """How the layer is fitted.

    Attributes:
        steps: Batches.
        batch: Pictures a step.
        learning_rate: Peak of a cosine.
        weight_decay: AdamW's.
        dropout: Share of the features left out.
        noise: On the features, whose spread is 1.
        smoothing: Share of a label that all things have in common.
        several: Share of pictures that are the mean of all their views, as a GIF's frames are.
        sharpness: Factor on the logits while the language model learns.
        served_sharpness: The same for serving; more of it decides sooner for one thing.
        seed: Of order, views, noise and dropout.
    """

    steps: int = 1500
    batch: int = 512
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    dropout: float = 0.5
    noise: float = 0.3
    smoothing: float = 0.1
    several: float = 0.3
    sharpness: float = 2.0
    served_sharpness: float = 4.0
    seed: int = 0


@dataclass(frozen=True)
class Concepts:
    """The fitted layer.

    Attributes:
        kernel: (width, things) float32, of scaled features.
        bias: (things,) float32.
    """

    kernel: Floats
    bias: Floats

    def __call__(self, features: jax.Array, sharpness: float = 1.0) -> jax.Array:
        """Map scaled features (batch, width) to probabilities (batch, things) float32."""
        return jax.nn.softmax(sharpness * (features @ self.kernel + self.bias))


def disturbed(features: jax.Array, key: jax.Array, *, dropout: float, noise: float) -> jax.Array:
    """Return scaled features with noise, some of them left out."""
    keys = jax.random.split(key)
    noisy = features + noise * jax.random.normal(keys[0], features.shape)
    kept = jax.random.bernoulli(keys[1], 1 - dropout, features.shape)
    return jnp.where(kept, noisy / (1 - dropout), 0)


def picked(features: Halves, count: int, several: float, rng: np.random.Generator) -> tuple[Floats, Ids]:
    """Pick pictures by chance, a view of each or the mean of all its views.

    Args:
        features: (views, pictures, width) float16.
        count: how many.
        several: share of means.
        rng: where the chances come from.

    Returns:
        Their features (count, width) float32, and which pictures they are (count,).
    """
    chosen = rng.integers(0, features.shape[1], count)
    rows = features[rng.integers(0, len(features), count), chosen].astype(np.float32)
    means = rng.random(count) < several
    rows[means] = features[:, chosen[means]].mean(0, dtype=np.float32)
    return rows, chosen.astype(np.int32)


def fit_concepts(features: Halves, labels: Ids, scale: Floats, things: int, fit: ConceptFit) -> Concepts:
    """Fit the layer.

    Args:
        features: (views, pictures, width) float16.
        labels: (pictures,) int32.
        scale: (width,) float32, what features are multiplied with.
        things: how many there are.
        fit: how.
    """
    optimiser = optax.adamw(
        optax.cosine_decay_schedule(fit.learning_rate, fit.steps), weight_decay=fit.weight_decay
    )

    def loss_of(layer: tuple[jax.Array, jax.Array], rows: jax.Array, wanted: jax.Array) -> jax.Array:
        logits = rows @ layer[0] + layer[1]
        targets = optax.smooth_labels(jax.nn.one_hot(wanted, things), fit.smoothing)
        return jnp.mean(optax.softmax_cross_entropy(logits, targets))

    @jax.jit
    def update(
        layer: tuple[jax.Array, jax.Array], moments: optax.OptState, rows: jax.Array, wanted: Ids, step: int
    ) -> tuple[tuple[jax.Array, jax.Array], optax.OptState]:
        key = jax.random.fold_in(jax.random.key(fit.seed), step)
        shown = disturbed(rows, key, dropout=fit.dropout, noise=fit.noise)
        gradients = jax.grad(loss_of)(layer, shown, wanted)
        changes, moments = optimiser.update(gradients, moments, layer)
        return (layer[0] + changes[0], layer[1] + changes[1]), moments

    layer = (jnp.zeros((features.shape[2], things)), jnp.zeros(things))
    moments = optimiser.init(layer)
    for step in track(range(fit.steps), description="naming", console=Console(stderr=True)):
        rows, chosen = picked(features, fit.batch, fit.several, np.random.default_rng((fit.seed, 6, step)))
        layer, moments = update(layer, moments, rows * scale, labels[chosen], step)
    return Concepts(np.asarray(layer[0]), np.asarray(layer[1]))
