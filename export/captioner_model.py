"""The picture side of the house captioner: the tower of a vision run, without its projection."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from rich.console import Console
from rich.progress import track

from export.concepts import Concepts
from export.models.efficientnet import EfficientNet, EfficientNetConfig
from export.vision_eval import pixel_values
from export.vision_model import Sight, load_weights
from export.vision_stage import CONFIG, WEIGHTS
from export.vision_views import Pictured, Views, view_batch

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Pixels = npt.NDArray[np.uint8]
BATCH = 64


class Seen(NamedTuple):
    """What the image graph says of pictures, all float32.

    Attributes:
        prefix: (batch, things), what the language model reads: of an unsure picture, that it shows nothing.
        likely: (batch, things), the probabilities, however unsure.
        features: (batch, width), scaled; they tell which known drawing is nearest.
    """

    prefix: jax.Array
    likely: jax.Array
    features: jax.Array


class Look(nnx.Module):
    """Pictures to what the language model reads: which of the known things they may show.

    Attributes:
        tower: The vision tower.
        scale: (width,) float32; the tower's features differ in loudness a hundredfold.
        kernel: (width, things) float32, and ``bias`` (things,): of `export.concepts`, the last for nothing.
        sharpness: Factor on the logits.
        least: Probability of the likeliest thing below which a picture counts as one of nothing.
    """

    def __init__(
        self, tower: EfficientNet, scale: Floats, concepts: Concepts, *, sharpness: float, least: float = 0.0
    ) -> None:
        self.tower = tower
        self.scale = nnx.Variable(jnp.asarray(scale))
        self.kernel = nnx.Variable(jnp.asarray(concepts.kernel))
        self.bias = nnx.Variable(jnp.asarray(concepts.bias))
        self.sharpness, self.least = sharpness, least

    def __call__(self, pixels: jax.Array) -> Seen:
        """Look at (batch, frames, height, width, 3) float32; the frames' features are averaged."""
        batch, frames, *shape = pixels.shape
        features = self.tower(pixels.reshape(batch * frames, *shape))
        return self.name(features.reshape(batch, frames, -1).mean(axis=1) * self.scale[...])

    def name(self, features: jax.Array) -> Seen:
        """Say what scaled features (batch, width) may be of."""
        logits = features @ self.kernel[...] + self.bias[...]
        likely = jax.nn.softmax(self.sharpness * logits)
        is_sure = jax.nn.softmax(logits).max(axis=1, keepdims=True) >= self.least
        nothing = jnp.eye(1, logits.shape[1], logits.shape[1] - 1)
        return Seen(jnp.where(is_sure, likely, nothing), likely, features)


def load_sight(run: Path) -> Sight:
    """Load the tower and projection that a vision run left.

    Raises:
        CheckpointError: Names or shapes differ.
        FileNotFoundError: The run has not ended.
    """
    values = json.loads((run / CONFIG).read_text(encoding="utf-8"))["vision_config"]
    config = replace(EfficientNetConfig.from_dict(values), cpu_training=True)
    model: Sight = nnx.eval_shape(lambda: Sight(config, rngs=nnx.Rngs(0)))
    load_weights(run / WEIGHTS, model)
    return model


def serving_tower(tower: EfficientNet) -> EfficientNet:
    """Undo the formulation that trains faster on a CPU; the weights are the same."""
    config = replace(tower.config, cpu_training=False)
    twin: EfficientNet = nnx.eval_shape(lambda: EfficientNet(config, nnx.Rngs(0)))
    nnx.update(twin, nnx.state(tower, nnx.Param))
    return twin


class Features:
    """Computes the tower's raw features."""

    def __init__(self, tower: EfficientNet) -> None:
        graph, self._weights = nnx.split(tower)
        self._forward = jax.jit(lambda weights, pixels: nnx.merge(graph, weights)(pixels))
        self._size, self._width = tower.config.image_size, tower.output_dim

    def plain(self, pictures: Sequence[Pixels]) -> Floats:
        """Return the features (pictures, width) float32 of pictures as serving prepares them."""
        starts = range(0, len(pictures), BATCH)
        rows = []
        for start in track(starts, description="looking", console=Console(stderr=True), transient=True):
            batch = [pixel_values(picture, self._size) for picture in pictures[start : start + BATCH]]
            rows.append(self._of(np.stack(batch)))
        return np.concatenate(rows)

    def views(self, data: Pictured, count: int, views: Views, seed: int) -> Halves:
        """Return the features (count, pictures, width) float16 of random views of each picture."""
        total = len(data.pictures)
        rows = np.zeros((count, total, self._width), np.float16)
        places = [(view, start) for view in range(count) for start in range(0, total, BATCH)]
        for view, start in track(places, description="looking at views", console=Console(stderr=True)):
            order = np.arange(start, min(start + BATCH, total))
            rng = np.random.default_rng((seed, 5, view, start))
            rows[view, order] = self._of(view_batch(data, order, self._size, views, rng))
        return rows

    def _of(self, pixels: Floats) -> Floats:
        padded = np.concatenate((pixels, np.zeros((BATCH - len(pixels), *pixels.shape[1:]), np.float32)))
        return np.asarray(self._forward(self._weights, padded), np.float32)[: len(pixels)]
