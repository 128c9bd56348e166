"""The plain Vision Transformer (Dosovitskiy et al., 2020) with its tanh pooler."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import nnx

from export.models.config import from_mapping
from export.models.layers import Attention, FeedForward, TowerOutput, active_rngs, dropout, layer_norm, linear
from export.models.patches import patch_convolution, patch_count, patch_sequence


@dataclass(frozen=True)
class ViTConfig:
    """Sizes and rates of a plain ViT, named as in the original ``config.json``."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    image_size: int = 224
    patch_size: int = 16
    num_channels: int = 3
    qkv_bias: bool = True

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a ``vision_config``; unknown keys are ignored.

        Raises:
            ConfigError: a value has the wrong type.
        """
        return from_mapping(cls, values, "vision_config")


class ViTEmbeddings(nnx.Module):
    """Patches and class token with their positions."""

    def __init__(self, config: ViTConfig, rngs: nnx.Rngs) -> None:
        width, std = config.hidden_size, config.initializer_range
        positions = patch_count(config.image_size, config.patch_size) + 1
        normal = jax.nn.initializers.normal(std)
        self.patches = patch_convolution(
            config.num_channels, width, config.patch_size, use_bias=True, std=std, rngs=rngs
        )
        self.class_token = nnx.Param(normal(rngs.params(), (1, 1, width)))
        self.position = nnx.Param(normal(rngs.params(), (1, positions, width)))

    def __call__(self, pixels: jax.Array) -> jax.Array:
        """Embed (batch, height, width, channels) as (batch, 1 + patches, hidden), float32."""
        return patch_sequence(pixels, self.patches, self.class_token[...]) + self.position[...]


class ViTLayer(nnx.Module):
    """One encoder layer, normalised before each branch."""

    def __init__(self, config: ViTConfig, rngs: nnx.Rngs) -> None:
        self.dropout = config.hidden_dropout_prob
        self.attention_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)
        self.attention = Attention(
            config.hidden_size,
            config.num_attention_heads,
            std=config.initializer_range,
            dropout=config.attention_probs_dropout_prob,
            qkv_bias=config.qkv_bias,
            rngs=rngs,
        )
        self.feed_forward_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)
        self.feed_forward = FeedForward(config, rngs)

    def __call__(self, x: jax.Array, rngs: nnx.Rngs | None) -> jax.Array:
        """Map (batch, positions, hidden) float32 to the same shape."""
        x = x + dropout(self.attention(self.attention_norm(x), rngs=rngs), self.dropout, rngs)
        return x + dropout(self.feed_forward(self.feed_forward_norm(x)), self.dropout, rngs)


class ViT(nnx.Module):
    """The vision tower; `output_dim` is the width of both outputs."""

    def __init__(self, config: ViTConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        self.output_dim = config.hidden_size
        self.embeddings = ViTEmbeddings(config, rngs)
        self.layers = nnx.List([ViTLayer(config, rngs) for _ in range(config.num_hidden_layers)])
        self.norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)
        self.pooler = linear(config.hidden_size, config.hidden_size, std=config.initializer_range, rngs=rngs)

    def __call__(
        self, pixels: jax.Array, *, deterministic: bool = True, rngs: nnx.Rngs | None = None
    ) -> TowerOutput:
        """Encode pictures.

        Args:
            pixels: (batch, height, width, channels) float32, normalised.
            deterministic: no dropout; False needs ``rngs``.
            rngs: the streams dropout draws from.

        Returns:
            Normalised last hidden state (batch, 1 + patches, hidden) and tanh-pooled class token, float32.
        """
        rngs = active_rngs(deterministic, rngs)
        x = dropout(self.embeddings(pixels), self.config.hidden_dropout_prob, rngs)
        for layer in self.layers:
            x = layer(x, rngs)
        x = self.norm(x)
        return TowerOutput(x, jnp.tanh(self.pooler(x[:, 0])))
