"""CLIP's text transformer (Radford et al., 2021), the text side of a plain CLIP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import nnx

from export.models.clip_vit import ClipLayer, ClipVisionConfig
from export.models.config import from_mapping
from export.models.gpt2 import causal_bias
from export.models.layers import TowerOutput, active_rngs, embedding, layer_norm, mask_bias


@dataclass(frozen=True)
class ClipTextConfig:
    """Sizes and rates of CLIP's text transformer, named as in the original ``config.json``."""

    vocab_size: int = 49408
    hidden_size: int = 512
    num_hidden_layers: int = 12
    num_attention_heads: int = 8
    intermediate_size: int = 2048
    hidden_act: str = "quick_gelu"
    attention_dropout: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-5
    max_position_embeddings: int = 77
    pad_token_id: int = 1

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a ``text_config``; unknown keys are ignored.

        Raises:
            ConfigError: a value has the wrong type.
        """
        return from_mapping(cls, values, "text_config")


class ClipTextEmbeddings(nnx.Module):
    """Sum of token and position vectors."""

    def __init__(self, config: ClipTextConfig, rngs: nnx.Rngs) -> None:
        width, std = config.hidden_size, config.initializer_range
        self.token = embedding(config.vocab_size, width, std=std, rngs=rngs)
        self.position = embedding(config.max_position_embeddings, width, std=std, rngs=rngs)

    def __call__(self, input_ids: jax.Array, position_ids: jax.Array | None) -> jax.Array:
        """Embed (batch, tokens) int32 as (batch, tokens, hidden) float32."""
        if position_ids is None:
            # lax.iota keeps the length symbolic, which jnp.arange does not.
            position_ids = jnp.expand_dims(jax.lax.iota(jnp.int32, input_ids.shape[1]), 0)
        embedded: jax.Array = self.token(input_ids) + self.position(position_ids)
        return embedded


class ClipTextLayer(ClipLayer):
    """One layer of the vision tower's kind that attends to what came before."""

    def __init__(self, config: ClipTextConfig, rngs: nnx.Rngs) -> None:
        sizes = ClipVisionConfig(
            hidden_size=config.hidden_size,
            num_attention_heads=config.num_attention_heads,
            intermediate_size=config.intermediate_size,
            hidden_act=config.hidden_act,
            attention_dropout=config.attention_dropout,
            initializer_range=config.initializer_range,
            layer_norm_eps=config.layer_norm_eps,
        )
        super().__init__(sizes, rngs)

    def __call__(self, x: jax.Array, rngs: nnx.Rngs | None, bias: jax.Array | None = None) -> jax.Array:
        """Map (batch, tokens, hidden) float32 to the same shape; the bias is added to the scores."""
        x = x + self.attention(self.attention_norm(x), bias, rngs)
        return x + self.feed_forward(self.feed_forward_norm(x))


class ClipText(nnx.Module):
    """The text tower; `output_dim` is the width of both outputs."""

    def __init__(self, config: ClipTextConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        self.output_dim = config.hidden_size
        self.embeddings = ClipTextEmbeddings(config, rngs)
        self.layers = nnx.List([ClipTextLayer(config, rngs) for _ in range(config.num_hidden_layers)])
        self.final_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)

    def __call__(
        self,
        input_ids: jax.Array,
        attention_mask: jax.Array | None = None,
        token_type_ids: jax.Array | None = None,
        position_ids: jax.Array | None = None,
        *,
        deterministic: bool = True,
        rngs: nnx.Rngs | None = None,
    ) -> TowerOutput:
        """Encode texts.

        Args:
            input_ids: (batch, tokens) int32; the token that ends a text has the highest id of the vocabulary.
            attention_mask: (batch, tokens), 1 for real tokens; None attends to all of them.
            token_type_ids: not used, CLIP knows none.
            position_ids: (batch, tokens) int32, 0, 1, 2, ... where None.
            deterministic: no dropout; False needs ``rngs``.
            rngs: the streams dropout draws from.

        Returns:
            Normalised last hidden state (batch, tokens, hidden), and of it the row of the token that ends the
            text (batch, hidden), float32.
        """
        rngs = active_rngs(deterministic, rngs)
        mask = jnp.ones_like(input_ids) if attention_mask is None else attention_mask
        bias = causal_bias(input_ids.shape[1], 0) + mask_bias(mask)
        x = self.embeddings(input_ids, position_ids)
        for layer in self.layers:
            x = layer(x, rngs, bias)
        x = self.final_norm(x)
        return TowerOutput(x, _at_end(x, input_ids * mask))


def _at_end(hidden: jax.Array, input_ids: jax.Array) -> jax.Array:
    """Return the (batch, hidden) rows at the first highest id of each text, as a sum that exports plainly."""
    end = jnp.expand_dims(jnp.argmax(input_ids, axis=1).astype(jnp.int32), 1)
    place = jnp.expand_dims(jax.lax.iota(jnp.int32, input_ids.shape[1]), 0)
    return jnp.sum(hidden * jnp.expand_dims((place == end).astype(hidden.dtype), -1), axis=1)
