"""The attention, feed-forward and activation parts that every transformer tower shares.

They are written for export as much as for training: plain ``nnx.Linear``, explicit matmul
attention, an additive float mask, so that the ONNX graph consists of operators that runtimes fuse.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from flax import nnx

MASKED_SCORE = -1e10
"""Added to the score of a position that must not be attended to."""


class TowerOutput(NamedTuple):
    """What a transformer tower returns.

    ``last_hidden_state`` is (batch, positions, hidden) float32, ``pooler_output`` (batch, hidden) float32.
    """

    last_hidden_state: jax.Array
    pooler_output: jax.Array


class FeedForwardSizes(Protocol):
    """The numbers of a tower's config that an encoder layer needs."""

    @property
    def hidden_size(self) -> int:
        """Width of the residual stream."""
        ...

    @property
    def intermediate_size(self) -> int:
        """Width inside the feed-forward part."""
        ...

    @property
    def hidden_act(self) -> str:
        """Name of the activation, see `ACTIVATIONS`."""
        ...

    @property
    def initializer_range(self) -> float:
        """Standard deviation of freshly made kernels."""
        ...


def quick_gelu(x: jax.Array) -> jax.Array:
    """Return x * sigmoid(1.702 x), the approximation CLIP was trained with."""
    return x * jax.nn.sigmoid(1.702 * x)


ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_new": partial(jax.nn.gelu, approximate=True),
    "gelu_pytorch_tanh": partial(jax.nn.gelu, approximate=True),
    "quick_gelu": quick_gelu,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "swish": jax.nn.silu,
    "tanh": jnp.tanh,
}


def activation(name: str) -> Callable[[jax.Array], jax.Array]:
    """Return the activation function of this name.

    Raises:
        ValueError: the name is not one that the towers know.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"hidden_act {name!r} is unknown; known are {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]


def linear(inputs: int, outputs: int, *, std: float, rngs: nnx.Rngs, use_bias: bool = True) -> nnx.Linear:
    """Make a linear layer whose kernel is drawn from a normal distribution of this standard deviation."""
    init = jax.nn.initializers.normal(std)
    return nnx.Linear(inputs, outputs, use_bias=use_bias, kernel_init=init, rngs=rngs)


def embedding(rows: int, width: int, *, std: float, rngs: nnx.Rngs) -> nnx.Embed:
    """Make a table of vectors drawn from a normal distribution of this standard deviation."""
    return nnx.Embed(rows, width, embedding_init=jax.nn.initializers.normal(std), rngs=rngs)


def mask_bias(attention_mask: jax.Array) -> jax.Array:
    """Turn a (batch, tokens) mask, 1 for a real token, into (batch, 1, 1, tokens) float32 for the scores."""
    bias = jnp.where(attention_mask > 0, 0.0, MASKED_SCORE).astype(jnp.float32)
    return jnp.expand_dims(bias, (1, 2))


def dropout(x: jax.Array, rate: float, rngs: nnx.Rngs | None) -> jax.Array:
    """Zero a share of the elements and scale up the rest; without ``rngs`` return x unchanged.

    The stream named ``dropout`` is used, or the default stream where there is none of that name.
    """
    if rngs is None or rate == 0.0:
        return x
    keep = jax.random.bernoulli(rngs.dropout(), 1.0 - rate, x.shape)
    return jnp.where(keep, x / (1.0 - rate), 0.0)


def active_rngs(deterministic: bool, rngs: nnx.Rngs | None) -> nnx.Rngs | None:
    """Return the stream dropout is to use, None where there is to be no dropout.

    Raises:
        ValueError: dropout is wanted and there is no stream to draw from.
    """
    if deterministic:
        return None
    if rngs is None:
        raise ValueError("deterministic=False needs rngs: pass nnx.Rngs(dropout=seed) to the call")
    return rngs


class Attention(nnx.Module):
    """Multi-head self-attention with biases, heads split inside the width."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        std: float,
        rngs: nnx.Rngs,
        dropout: float = 0.0,
        qkv_bias: bool = True,
    ) -> None:
        if width % heads:
            raise ValueError(f"hidden_size {width} is not a multiple of num_attention_heads {heads}")
        self.heads = heads
        self.dropout = dropout
        self.query = linear(width, width, std=std, rngs=rngs, use_bias=qkv_bias)
        self.key = linear(width, width, std=std, rngs=rngs, use_bias=qkv_bias)
        self.value = linear(width, width, std=std, rngs=rngs, use_bias=qkv_bias)
        self.out = linear(width, width, std=std, rngs=rngs)

    def _split(self, x: jax.Array) -> jax.Array:
        """(batch, tokens, width) -> (batch, heads, tokens, width / heads)."""
        batch, tokens, width = x.shape
        return x.reshape(batch, tokens, self.heads, width // self.heads).transpose(0, 2, 1, 3)

    def __call__(
        self, x: jax.Array, bias: jax.Array | None = None, rngs: nnx.Rngs | None = None
    ) -> jax.Array:
        """Attend within each row.

        Args:
            x: (batch, tokens, width) float32.
            bias: added to the scores, broadcast to (batch, heads, tokens, tokens); None attends everywhere.
            rngs: streams for dropout, None for no dropout.
        """
        query, key, value = self._split(self.query(x)), self._split(self.key(x)), self._split(self.value(x))
        scores = jnp.matmul(query, key.transpose(0, 1, 3, 2)) * (query.shape[-1] ** -0.5)
        if bias is not None:
            scores = scores + bias
        weights = dropout(jax.nn.softmax(scores, axis=-1), self.dropout, rngs)
        mixed = jnp.matmul(weights, value).transpose(0, 2, 1, 3)
        return self.out(mixed.reshape(x.shape))


class FeedForward(nnx.Module):
    """Widen, activate, narrow."""

    def __init__(self, config: FeedForwardSizes, rngs: nnx.Rngs) -> None:
        std = config.initializer_range
        self.activation = activation(config.hidden_act)
        self.up = linear(config.hidden_size, config.intermediate_size, std=std, rngs=rngs)
        self.down = linear(config.intermediate_size, config.hidden_size, std=std, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (batch, tokens, width) float32 to the same shape."""
        return self.down(self.activation(self.up(x)))


def layer_norm(width: int, eps: float, rngs: nnx.Rngs) -> nnx.LayerNorm:
    """Make a LayerNorm over the last axis."""
    return nnx.LayerNorm(width, epsilon=eps, rngs=rngs)
