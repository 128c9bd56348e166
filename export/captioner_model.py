"""The picture side of the house captioner: the tower of a vision run, without its projection."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from rich.console import Console
from rich.progress import track

from export.models.efficientnet import EfficientNet, EfficientNetConfig
from export.vision_eval import pixel_values
from export.vision_model import Sight, load_weights
from export.vision_stage import CONFIG, WEIGHTS
from export.vision_views import Pictured, Views, view_batch

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Pixels = npt.NDArray[np.uint8]
BATCH = 64


class Look(nnx.Module):
    """Pictures to the vectors that the language model reads.

    Attributes:
        tower: The vision tower.
        scale: (width,) float32; the tower's features differ in loudness a hundredfold.
    """

    def __init__(self, tower: EfficientNet, scale: Floats) -> None:
        self.tower = tower
        self.scale = nnx.Variable(jnp.asarray(scale))

    def __call__(self, pixels: jax.Array) -> jax.Array:
        """Map (batch, frames, height, width, 3) float32 to the frames' mean (batch, width) float32."""
        batch, frames, *shape = pixels.shape
        features = self.tower(pixels.reshape(batch * frames, *shape))
        return features.reshape(batch, frames, -1).mean(axis=1) * self.scale[...]


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
