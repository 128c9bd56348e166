"""ClipCap (Mokady et al., 2021): a picture's CLIP vector becomes a prefix that GPT-2 goes on from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import nnx

from export.models.config import ConfigError, from_mapping
from export.models.gpt2 import GPT2, GPT2Config
from export.models.layers import layer_norm

KINDS = ("mlp", "transformer", "linear")
MAPPER_RATIO = 2
MAPPER_HEADS = 8
"""The original's number, whatever the size."""
MAPPER_EPSILON = 1e-5

FILE_NAMES: Mapping[str, str] = {
    "mapping_type": "kind",
    "num_layers": "mapper_layers",
    "transformer_mapper_heads": "mapper_heads",
}
"""What the original calls the fields of the config."""


@dataclass(frozen=True)
class ClipCapConfig:
    """Sizes of a captioner.

    ``kind`` is the mapper: two layers (mlp), a transformer, or one linear layer, which the original's
    prediction script uses for long prefixes. ``clip_length`` and what begins with ``mapper_`` count for the
    transformer only.
    """

    kind: str = "mlp"
    prefix_length: int = 10
    prefix_size: int = 512
    clip_length: int = 10
    mapper_layers: int = 8
    mapper_heads: int = MAPPER_HEADS
    gpt2: GPT2Config = field(default_factory=GPT2Config)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"the mapper {self.kind!r} is unknown; known are {', '.join(KINDS)}")
        if self.kind == "transformer" and self.gpt2.n_embd % self.mapper_heads:
            raise ConfigError(f"n_embd {self.gpt2.n_embd} is not a multiple of {self.mapper_heads} heads")
        if self.prefix_length >= self.gpt2.n_positions:
            raise ConfigError(f"a prefix of {self.prefix_length} leaves no position for text")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a config, in the names here or the original's; unknown keys are ignored.

        Raises:
            ConfigError: a value has the wrong type or does not go with the others.
        """
        gpt2 = values.get("gpt2") or {}
        if not isinstance(gpt2, Mapping):
            raise ConfigError(f"gpt2 is {gpt2!r} instead of named sizes")
        renamed = {FILE_NAMES.get(name, name): value for name, value in values.items()}
        return from_mapping(cls, {**renamed, "gpt2": GPT2Config.from_dict(gpt2)}, "clipcap")

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads, in the original's names."""
        names = {ours: theirs for theirs, ours in FILE_NAMES.items()}
        gpt2 = {name: value for name, value in asdict(self.gpt2).items() if name != "n_inner" or value}
        return {**{names.get(name, name): value for name, value in asdict(self).items()}, "gpt2": gpt2}


def _linear(inputs: int, outputs: int, rngs: nnx.Rngs, *, use_bias: bool = True) -> nnx.Linear:
    """Make a linear layer that starts as in the original: uniform within 1 / sqrt(inputs)."""
    init = jax.nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
    return nnx.Linear(inputs, outputs, use_bias=use_bias, kernel_init=init, rngs=rngs)


class MlpMapper(nnx.Module):
    """Two linear layers, a tanh between them."""

    def __init__(self, config: ClipCapConfig, rngs: nnx.Rngs) -> None:
        outputs = config.gpt2.n_embd * config.prefix_length
        self.up = _linear(config.prefix_size, outputs // 2, rngs)
        self.down = _linear(outputs // 2, outputs, rngs)

    def __call__(self, prefix: jax.Array) -> jax.Array:
        """Map (batch, prefix_size) to (batch, prefix_length * n_embd), float32."""
        return self.down(jnp.tanh(self.up(prefix)))


class LinearMapper(nnx.Module):
    """One linear layer."""

    def __init__(self, config: ClipCapConfig, rngs: nnx.Rngs) -> None:
        self.only = _linear(config.prefix_size, config.gpt2.n_embd * config.prefix_length, rngs)

    def __call__(self, prefix: jax.Array) -> jax.Array:
        """Map (batch, prefix_size) to (batch, prefix_length * n_embd), float32."""
        return self.only(prefix)


class MapperAttention(nnx.Module):
    """Self-attention without mask; key and value lie side by side in one kernel, no bias but the output's."""

    def __init__(self, width: int, heads: int, rngs: nnx.Rngs) -> None:
        self.heads = heads
        self.to_queries = _linear(width, width, rngs, use_bias=False)
        self.to_keys_values = _linear(width, 2 * width, rngs, use_bias=False)
        self.project = _linear(width, width, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (batch, positions, width) float32 to the same shape."""
        batch, length, width = x.shape
        each = width // self.heads
        query = self.to_queries(x).reshape(batch, length, self.heads, each).transpose(0, 2, 1, 3)
        both = self.to_keys_values(x).reshape(batch, length, 2, self.heads, each)
        key, value = both.transpose(2, 0, 3, 1, 4)
        scores = jnp.matmul(query, key.transpose(0, 1, 3, 2)) * each**-0.5
        mixed = jnp.matmul(jax.nn.softmax(scores, axis=-1), value)
        return self.project(mixed.transpose(0, 2, 1, 3).reshape(x.shape))


class MapperLayer(nnx.Module):
    """One mapper layer, normalised before each branch."""

    def __init__(self, config: ClipCapConfig, rngs: nnx.Rngs) -> None:
        width = config.gpt2.n_embd
        self.norm1 = layer_norm(width, MAPPER_EPSILON, rngs)
        self.attn = MapperAttention(width, config.mapper_heads, rngs)
        self.norm2 = layer_norm(width, MAPPER_EPSILON, rngs)
        self.fc1 = _linear(width, MAPPER_RATIO * width, rngs)
        self.fc2 = _linear(MAPPER_RATIO * width, width, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (batch, positions, width) float32 to the same shape."""
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(jax.nn.relu(self.fc1(self.norm2(x))))


class TransformerMapper(nnx.Module):
    """The picture's vector as ``clip_length`` rows, then learnt rows whose outputs are the prefix."""

    def __init__(self, config: ClipCapConfig, rngs: nnx.Rngs) -> None:
        width = config.gpt2.n_embd
        self.clip_length, self.width = config.clip_length, width
        self.linear = _linear(config.prefix_size, config.clip_length * width, rngs)
        self.prefix_const = nnx.Param(jax.random.normal(rngs.params(), (config.prefix_length, width)))
        self.layers = nnx.List([MapperLayer(config, rngs) for _ in range(config.mapper_layers)])

    def __call__(self, prefix: jax.Array) -> jax.Array:
        """Map (batch, prefix_size) to (batch, prefix_length, n_embd), float32."""
        rows = self.linear(prefix).reshape(-1, self.clip_length, self.width)
        learnt = self.prefix_const[...]
        x = jnp.concatenate([rows, jnp.broadcast_to(learnt, (rows.shape[0], *learnt.shape))], axis=1)
        for layer in self.layers:
            x = layer(x)
        return x[:, self.clip_length :]


MAPPERS: Mapping[str, type[MlpMapper | LinearMapper | TransformerMapper]] = {
    "mlp": MlpMapper,
    "linear": LinearMapper,
    "transformer": TransformerMapper,
}


class ClipCap(nnx.Module):
    """The mapper and the language model."""

    def __init__(self, config: ClipCapConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        self.gpt = GPT2(config.gpt2, rngs)
        self.mapper = MAPPERS[config.kind](config, rngs)

    def project(self, prefix: jax.Array) -> jax.Array:
        """Map (batch, prefix_size), vectors of pictures, to (batch, prefix_length, n_embd), float32."""
        shape = (-1, self.config.prefix_length, self.config.gpt2.n_embd)
        return self.mapper(prefix).reshape(shape)

    def __call__(
        self,
        tokens: jax.Array,
        prefix: jax.Array,
        mask: jax.Array | None = None,
        *,
        deterministic: bool = True,
        rngs: nnx.Rngs | None = None,
    ) -> jax.Array:
        """Run over prefix and text.

        Args:
            tokens: (batch, tokens) int ids.
            prefix: (batch, prefix_size) float32.
            mask: (batch, prefix_length + tokens), 0 for padding; all ones where None.
            deterministic: no dropout; False needs ``rngs``.
            rngs: the streams dropout draws from.

        Returns:
            Logits (batch, prefix_length + tokens, vocab_size) float32.
        """
        inputs = jnp.concatenate([self.project(prefix), self.gpt.embed(tokens)], axis=1)
        return self.gpt(inputs, mask, deterministic=deterministic, rngs=rngs)
