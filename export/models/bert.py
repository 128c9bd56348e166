"""BERT's encoder (Devlin et al., 2018), the text tower of the house model and of BERT checkpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import nnx

from export.models.config import from_mapping
from export.models.layers import (
    Attention,
    FeedForward,
    TowerOutput,
    active_rngs,
    dropout,
    embedding,
    layer_norm,
    linear,
    mask_bias,
)


@dataclass(frozen=True)
class BertConfig:
    """Sizes and rates of a BERT encoder, named as in the original ``config.json``."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a ``text_config``; unknown keys are ignored.

        Raises:
            ConfigError: a value has the wrong type.
        """
        return from_mapping(cls, values, "text_config")


class BertEmbeddings(nnx.Module):
    """Sum of word, position and token-type vectors, normalised."""

    def __init__(self, config: BertConfig, rngs: nnx.Rngs) -> None:
        width, std = config.hidden_size, config.initializer_range
        self.word = embedding(config.vocab_size, width, std=std, rngs=rngs)
        self.position = embedding(config.max_position_embeddings, width, std=std, rngs=rngs)
        self.token_type = embedding(config.type_vocab_size, width, std=std, rngs=rngs)
        self.norm = layer_norm(width, config.layer_norm_eps, rngs)

    def __call__(
        self, input_ids: jax.Array, token_type_ids: jax.Array | None, position_ids: jax.Array | None
    ) -> jax.Array:
        """Embed (batch, tokens) int32 as (batch, tokens, hidden) float32."""
        if position_ids is None:
            # lax.iota keeps the length symbolic, which jnp.arange does not.
            position_ids = jnp.expand_dims(jax.lax.iota(jnp.int32, input_ids.shape[1]), 0)
        if token_type_ids is None:
            types: jax.Array = self.token_type.embedding[...][:1]
        else:
            types = self.token_type(token_type_ids)
        embedded: jax.Array = self.norm(self.word(input_ids) + types + self.position(position_ids))
        return embedded


class BertLayer(nnx.Module):
    """One encoder layer, normalised after each residual sum."""

    def __init__(self, config: BertConfig, rngs: nnx.Rngs) -> None:
        self.dropout = config.hidden_dropout_prob
        self.attention = Attention(
            config.hidden_size,
            config.num_attention_heads,
            std=config.initializer_range,
            dropout=config.attention_probs_dropout_prob,
            rngs=rngs,
        )
        self.attention_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)
        self.feed_forward = FeedForward(config, rngs)
        self.output_norm = layer_norm(config.hidden_size, config.layer_norm_eps, rngs)

    def __call__(self, x: jax.Array, bias: jax.Array, rngs: nnx.Rngs | None) -> jax.Array:
        """Map (batch, tokens, hidden) float32 to the same shape."""
        x = self.attention_norm(x + dropout(self.attention(x, bias, rngs), self.dropout, rngs))
        x = self.output_norm(x + dropout(self.feed_forward(x), self.dropout, rngs))
        return x


class Bert(nnx.Module):
    """The encoder with its pooler; `output_dim` is the width of both outputs."""

    def __init__(self, config: BertConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        self.output_dim = config.hidden_size
        self.embeddings = BertEmbeddings(config, rngs)
        self.layers = nnx.List([BertLayer(config, rngs) for _ in range(config.num_hidden_layers)])
        self.pooler = linear(config.hidden_size, config.hidden_size, std=config.initializer_range, rngs=rngs)

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
            input_ids: (batch, tokens) int32.
            attention_mask: (batch, tokens), 1 for real tokens; None attends to all of them.
            token_type_ids: (batch, tokens) int32, zeros where None.
            position_ids: (batch, tokens) int32, 0, 1, 2, ... where None.
            deterministic: no dropout; False needs ``rngs`` with a ``dropout`` (or default) stream.
            rngs: the streams dropout draws from, an argument so that the model holds parameters only.

        Returns:
            Last hidden state (batch, tokens, hidden) and tanh-pooled first token (batch, hidden), float32.
        """
        rngs = active_rngs(deterministic, rngs)
        bias = mask_bias(jnp.ones_like(input_ids) if attention_mask is None else attention_mask)
        x = self.embeddings(input_ids, token_type_ids, position_ids)
        x = dropout(x, self.config.hidden_dropout_prob, rngs)
        for layer in self.layers:
            x = layer(x, bias, rngs)
        return TowerOutput(x, jnp.tanh(self.pooler(x[:, 0])))
