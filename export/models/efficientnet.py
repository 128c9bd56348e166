"""EfficientNet-Lite (Tan and Le, 2019; the Lite variant of 2020): the vision tower of the house model.

Lite has no squeeze-and-excitation and ReLU6 throughout. Batch normalisation is folded into the convolutions,
so the tower has no running statistics in training and none to fuse at export.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import nnx

from export.models.config import from_mapping
from export.models.depthwise import depthwise_shifts

LITE0_STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)
"""Expansion, channels, kernel, stride of the first block and number of blocks of each stage."""


@dataclass(frozen=True)
class EfficientNetConfig:
    """Sizes of an EfficientNet-Lite.

    Attributes:
        stem_channels: Channels of the first convolution.
        head_channels: Channels of the last one, the width of the features.
        stages: As in `LITE0_STAGES`.
        image_size: Height and width in pixels that the tower is meant for; others work.
        cpu_training: Compute depthwise convolutions as shifted sums and 1 x 1 ones as matrix products, for
            training without a GPU; off for export, where Conv nodes are wanted.
    """

    stem_channels: int = 32
    head_channels: int = 1280
    stages: tuple[tuple[int, int, int, int, int], ...] = LITE0_STAGES
    image_size: int = 224
    cpu_training: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a ``vision_config``; unknown keys are ignored.

        Raises:
            ConfigError: a value has the wrong type.
        """
        config = from_mapping(cls, values, "vision_config")
        return replace(config, stages=tuple(tuple(stage) for stage in config.stages))  # type: ignore[misc]


def relu6(x: jax.Array) -> jax.Array:
    """Clip to [0, 6]; written as a clip because that becomes one ONNX operator that fuses into Conv."""
    return jnp.clip(x, 0.0, 6.0)


class MBConv(nnx.Module):
    """Inverted residual block: widen, convolve each channel, narrow."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        expansion: int,
        kernel: int,
        stride: int,
        fast: bool,
        rngs: nnx.Rngs,
    ) -> None:
        inner = inputs * expansion
        self.stride = stride
        self.fast = fast
        self.is_residual = stride == 1 and inputs == outputs
        self.expand = nnx.data(_conv(inputs, inner, 1, rngs=rngs) if expansion > 1 else None)
        self.depthwise = _conv(inner, inner, kernel, stride=stride, groups=inner, rngs=rngs)
        self.project = _conv(inner, outputs, 1, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (batch, height, width, inputs) to (batch, height / stride, width / stride, outputs)."""
        inner = x if self.expand is None else relu6(_pointwise(self.expand, x, self.fast))
        inner = relu6(self._depthwise(inner))
        out = _pointwise(self.project, inner, self.fast)
        return x + out if self.is_residual else out

    def _depthwise(self, x: jax.Array) -> jax.Array:
        if not self.fast:
            return self.depthwise(x)
        return depthwise_shifts(x, self.depthwise.kernel[...], self.stride) + _bias(self.depthwise)


class EfficientNet(nnx.Module):
    """The convolutional tower without its classifier."""

    def __init__(self, config: EfficientNetConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        self.stem = _conv(3, config.stem_channels, 3, stride=2, rngs=rngs)
        blocks = []
        width = config.stem_channels
        for expansion, channels, kernel, stride, count in config.stages:
            for index in range(count):
                step = stride if index == 0 else 1
                blocks.append(
                    MBConv(
                        width,
                        channels,
                        expansion=expansion,
                        kernel=kernel,
                        stride=step,
                        fast=config.cpu_training,
                        rngs=rngs,
                    )
                )
                width = channels
        self.blocks = nnx.List(blocks)
        self.head = _conv(width, config.head_channels, 1, rngs=rngs)

    @property
    def output_dim(self) -> int:
        """Return the width of the features."""
        return self.config.head_channels

    def __call__(self, pixels: jax.Array) -> jax.Array:
        """Map normalised pixels (batch, height, width, 3) float32 to features (batch, output_dim) float32."""
        x = relu6(self.stem(pixels))
        for block in self.blocks:
            x = block(x)
        return relu6(_pointwise(self.head, x, self.config.cpu_training)).mean((1, 2))


def _pointwise(layer: nnx.Conv, x: jax.Array, fast: bool) -> jax.Array:
    """Apply a 1 x 1 convolution, as a matrix product where that is faster."""
    return x @ layer.kernel[...][0, 0] + _bias(layer) if fast else layer(x)


def _bias(layer: nnx.Conv) -> jax.Array:
    assert layer.bias is not None
    return layer.bias[...]


def _conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, rngs: nnx.Rngs
) -> nnx.Conv:
    return nnx.Conv(
        inputs,
        outputs,
        (kernel, kernel),
        strides=stride,
        padding="SAME",
        feature_group_count=groups,
        kernel_init=nnx.initializers.variance_scaling(2.0, "fan_out", "normal"),
        rngs=rngs,
    )
