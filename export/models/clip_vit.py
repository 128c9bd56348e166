"""CLIP's Vision Transformer (Radford et al., 2021), the vision tower of the published reply checkpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import jax
from flax import nnx

from export.models.config import from_mapping
from export.models.layers import Attention, FeedForward, TowerOutput, active_rngs, layer_norm
from export.models.patches import patch_convolution, patch_count, patch_sequence


@dataclass(frozen=True)
class ClipVisionConfig:
    """Sizes and rates of a CLIP ViT, named as in the original ``config.json``.

    Files of 2021 have no ``num_channels``; they mean 3.
    """

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "quick_gelu"
    attention_dropout: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-5
    image_size: int = 224
    patch_size: int = 32
    num_channels: int = 3

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a ``vision_config``; unknown keys are ignored.

        Raises:
            ConfigError: a value has the wrong type.
        """
        return from_mapping(cls, values, "vision_config")


class ClipEmbeddings(nnx.Module):
    """Patches without bias and class vector with their positions."""

    def __init__(self, config: ClipVisionConfig, rngs: nnx.Rngs) -> None:
        width, std = config.hidden_size, config.initializer_range
        positions = patch_count(config.image_size, config.patch_size) + 1
        normal = jax.nn.initializers.normal(std)
        self.patches = patch_convolution(
            config.num_channels, width, config.patch_size, use_bias=False, std=std, rngs=rngs
        )
        self.class_token = nnx.Param(normal(rngs.params(), (width,)))
        self.position = nnx.Param(normal(rngs.params(), (positions, width)))

    def __call__(self, pixels: jax.Array) -> jax.Array:
        """Embed (batch, height, width, channels) as (batch, 1 + patches, hidden), float32."""
        return patch_sequence(pixels, self.patches, self.class_token[...]) + self.position[...]


class ClipLayer(nnx.Module):
    """One encoder layer, normalised before each branch."""

    def __init__(self, config: ClipVisionConfig, rngs: nnx.Rngs) -> None:
        self.attention_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)
        self.attention = Attention(
            config.hidden_size,
            config.num_attention_heads,
            std=config.initializer_range,
            dropout=config.attention_dropout,
            rngs=rngs,
        )
        self.feed_forward_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)
        self.feed_forward = FeedForward(config, rngs)

    def __call__(self, x: jax.Array, rngs: nnx.Rngs | None) -> jax.Array:
        """Map (batch, positions, hidden) float32 to the same shape."""
        x = x + self.attention(self.attention_norm(x), rngs=rngs)
        return x + self.feed_forward(self.feed_forward_norm(x))


class ClipVit(nnx.Module):
    """The vision tower; `output_dim` is the width of both outputs."""

    def __init__(self, config: ClipVisionConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        self.output_dim = config.hidden_size
        self.embeddings = ClipEmbeddings(config, rngs)
        self.pre_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)
        self.layers = nnx.List([ClipLayer(config, rngs) for _ in range(config.num_hidden_layers)])
        self.post_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)

    def __call__(
        self, pixels: jax.Array, *, deterministic: bool = True, rngs: nnx.Rngs | None = None
    ) -> TowerOutput:
        """Encode pictures.

        Args:
            pixels: (batch, height, width, channels) float32, normalised.
            deterministic: no dropout; False needs ``rngs``.
            rngs: the streams dropout draws from.

        Returns:
            Last hidden state (batch, 1 + patches, hidden) as it is before the last normalisation, and the
            normalised class token (batch, hidden), float32.
        """
        rngs = active_rngs(deterministic, rngs)
        x = self.pre_norm(self.embeddings(pixels))
        for layer in self.layers:
            x = layer(x, rngs)
        return TowerOutput(x, self.post_norm(x[:, 0]))
