"""GPT-2 (Radford et al., 2019), the language model behind ClipCap's prefix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
from flax import nnx

from export.models.config import from_mapping
from export.models.layers import (
    MASKED_SCORE,
    activation,
    active_rngs,
    dropout,
    embedding,
    layer_norm,
    linear,
    mask_bias,
)


@dataclass(frozen=True)
class GPT2Config:
    """Sizes and rates of a GPT-2, named as in its ``config.json``; the defaults are the 124M model."""

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int = 0
    """Width inside the feed-forward part; 0 means 4 * n_embd."""
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1

    @property
    def inner_size(self) -> int:
        """Width inside the feed-forward part."""
        return self.n_inner or 4 * self.n_embd

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.n_embd // self.n_head

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a GPT-2 config; unknown keys are ignored.

        Raises:
            ConfigError: a value has the wrong type.
        """
        return from_mapping(cls, values, "gpt2")


class Past(NamedTuple):
    """Keys and values of all positions so far, each (layers, batch, heads, length, head width) float32."""

    key: jax.Array
    value: jax.Array


class GPT2Output(NamedTuple):
    """Hidden states (batch, tokens, n_embd) after the last normalisation, and the past with these tokens."""

    hidden: jax.Array
    past: Past


def causal_bias(tokens: int, past: int) -> jax.Array:
    """Return (1, 1, tokens, past + tokens) float32: 0 up to a token itself, very low behind it."""
    shape = (tokens, past + tokens)
    row, column = (jax.lax.broadcasted_iota(jnp.int32, shape, axis) for axis in (0, 1))
    return jnp.where(column > row + past, MASKED_SCORE, 0.0).astype(jnp.float32)[None, None]


class CausalAttention(nnx.Module):
    """Multi-head self-attention; query, key and value lie side by side in one kernel."""

    def __init__(self, config: GPT2Config, rngs: nnx.Rngs) -> None:
        width, std = config.n_embd, config.initializer_range
        if width % config.n_head:
            raise ValueError(f"n_embd {width} is not a multiple of n_head {config.n_head}")
        self.heads, self.dropout = config.n_head, config.attn_pdrop
        self.c_attn = linear(width, 3 * width, std=std, rngs=rngs)
        self.c_proj = linear(width, width, std=std * (2 * config.n_layer) ** -0.5, rngs=rngs)

    def __call__(
        self, x: jax.Array, bias: jax.Array, past: Past | None, rngs: nnx.Rngs | None
    ) -> tuple[jax.Array, Past]:
        """Attend to the past and to (batch, tokens, width) float32 itself.

        Args:
            x: (batch, tokens, width) float32.
            bias: added to the scores, broadcast to (batch, heads, tokens, length).
            past: keys and values of this layer, (batch, heads, length, head width) float32 each.
            rngs: streams for dropout, None for no dropout.
        """
        batch, tokens, width = x.shape
        split = self.c_attn(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.transpose(2, 0, 3, 1, 4)
        if past is not None:
            key = jnp.concatenate([past.key, key], axis=2)
            value = jnp.concatenate([past.value, value], axis=2)
        scores = jnp.matmul(query, key.transpose(0, 1, 3, 2)) * (query.shape[-1] ** -0.5) + bias
        weights = dropout(jax.nn.softmax(scores, axis=-1), self.dropout, rngs)
        mixed = jnp.matmul(weights, value).transpose(0, 2, 1, 3).reshape(x.shape)
        return self.c_proj(mixed), Past(key, value)


class GPT2Layer(nnx.Module):
    """One decoder layer, normalised before each branch."""

    def __init__(self, config: GPT2Config, rngs: nnx.Rngs) -> None:
        width, std, eps = config.n_embd, config.initializer_range, config.layer_norm_epsilon
        self.dropout = config.resid_pdrop
        self.activation = activation(config.activation_function)
        self.ln_1 = layer_norm(width, eps, rngs)
        self.attn = CausalAttention(config, rngs)
        self.ln_2 = layer_norm(width, eps, rngs)
        self.c_fc = linear(width, config.inner_size, std=std, rngs=rngs)
        self.c_proj = linear(config.inner_size, width, std=std * (2 * config.n_layer) ** -0.5, rngs=rngs)

    def __call__(
        self, x: jax.Array, bias: jax.Array, past: Past | None, rngs: nnx.Rngs | None
    ) -> tuple[jax.Array, Past]:
        """Map (batch, tokens, width) float32 to the same shape; return the longer past too."""
        attended, past = self.attn(self.ln_1(x), bias, past, rngs)
        x = x + dropout(attended, self.dropout, rngs)
        widened = self.activation(self.c_fc(self.ln_2(x)))
        return x + dropout(self.c_proj(widened), self.dropout, rngs), past


class GPT2(nnx.Module):
    """The decoder; its output matrix is its table of token vectors."""

    def __init__(self, config: GPT2Config, rngs: nnx.Rngs) -> None:
        self.config = config
        std = config.initializer_range
        self.wte = embedding(config.vocab_size, config.n_embd, std=std, rngs=rngs)
        self.wpe = embedding(config.n_positions, config.n_embd, std=std, rngs=rngs)
        self.layers = nnx.List([GPT2Layer(config, rngs) for _ in range(config.n_layer)])
        self.ln_f = layer_norm(config.n_embd, config.layer_norm_epsilon, rngs)

    def embed(self, ids: jax.Array) -> jax.Array:
        """Look up (batch, tokens) int as (batch, tokens, n_embd) float32."""
        vectors: jax.Array = self.wte(ids)
        return vectors

    def head(self, hidden: jax.Array) -> jax.Array:
        """Return the logits (..., vocab_size) float32 of hidden states (..., n_embd)."""
        return jnp.matmul(hidden, self.wte.embedding[...].T)

    def encode(
        self,
        inputs: jax.Array,
        mask: jax.Array | None = None,
        positions: jax.Array | None = None,
        past: Past | None = None,
        *,
        deterministic: bool = True,
        rngs: nnx.Rngs | None = None,
    ) -> GPT2Output:
        """Run all layers.

        Args:
            inputs: (batch, tokens) int ids, or (batch, tokens, n_embd) float32 vectors in place of theirs.
            mask: (batch, past + tokens), 0 for what must not be attended to; all ones where None.
            positions: (batch, tokens) int32; counted on from the past where None, whatever the mask says.
            past: of an earlier call, whose tokens these follow.
            deterministic: no dropout; False needs ``rngs``.
            rngs: the streams dropout draws from.
        """
        rngs = active_rngs(deterministic, rngs)
        x = self.embed(inputs) if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs
        before = 0 if past is None else past.key.shape[3]
        if positions is None:
            positions = jnp.expand_dims(jax.lax.iota(jnp.int32, x.shape[1]) + before, 0)
        bias = causal_bias(x.shape[1], before)
        if mask is not None:
            bias = bias + mask_bias(mask)
        x = dropout(x + self.wpe(positions), self.config.embd_pdrop, rngs)
        pasts: list[Past] = []
        for number, layer in enumerate(self.layers):
            own = None if past is None else Past(past.key[number], past.value[number])
            x, longer = layer(x, bias, own, rngs)
            pasts.append(longer)
        stacked = Past(jnp.stack([p.key for p in pasts]), jnp.stack([p.value for p in pasts]))
        return GPT2Output(self.ln_f(x), stacked)

    def step(
        self,
        inputs: jax.Array,
        mask: jax.Array | None = None,
        positions: jax.Array | None = None,
        past: Past | None = None,
    ) -> tuple[jax.Array, Past]:
        """Return logits (batch, tokens, vocab_size) float32 and the longer past; arguments as `encode`."""
        output = self.encode(inputs, mask, positions, past)
        return self.head(output.hidden), output.past

    def __call__(
        self,
        inputs: jax.Array,
        mask: jax.Array | None = None,
        positions: jax.Array | None = None,
        *,
        deterministic: bool = True,
        rngs: nnx.Rngs | None = None,
    ) -> jax.Array:
        """Return logits (batch, tokens, vocab_size) float32; arguments as `encode`."""
        output = self.encode(inputs, mask, positions, deterministic=deterministic, rngs=rngs)
        return self.head(output.hidden)
