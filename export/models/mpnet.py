"""MPNet encoder: the large teacher whose knowledge the small text tower is taught."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from safetensors.numpy import load_file

from export.models.layers import dropout
from inference.errors import BundleError

Array = jax.Array


@dataclass(frozen=True)
class MPNetConfig:
    """Sizes of an MPNet encoder, named as in its ``config.json``."""

    vocab_size: int = 30527
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 514
    relative_attention_num_buckets: int = 32
    layer_norm_eps: float = 1e-5
    pad_token_id: int = 1
    dropout: float = 0.1

    @classmethod
    def from_json(cls, path: Path) -> MPNetConfig:
        """Read the sizes from a published ``config.json``; other keys are ignored."""
        raw = json.loads(path.read_text())
        return cls(**{f.name: raw[f.name] for f in fields(cls) if f.name in raw})


class MPNetLayer(nnx.Module):
    """One post-norm transformer block whose attention adds a relative position bias."""

    def __init__(self, config: MPNetConfig, rngs: nnx.Rngs) -> None:
        width, self.heads = config.hidden_size, config.num_attention_heads
        self.query = nnx.Linear(width, width, rngs=rngs)
        self.key = nnx.Linear(width, width, rngs=rngs)
        self.value = nnx.Linear(width, width, rngs=rngs)
        self.out = nnx.Linear(width, width, rngs=rngs)
        self.attention_norm = nnx.LayerNorm(width, epsilon=config.layer_norm_eps, rngs=rngs)
        self.up = nnx.Linear(width, config.intermediate_size, rngs=rngs)
        self.down = nnx.Linear(config.intermediate_size, width, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=config.layer_norm_eps, rngs=rngs)
        self.dropout = config.dropout

    def __call__(self, hidden: Array, bias: Array, rngs: nnx.Rngs | None = None) -> Array:
        """(batch, tokens, width), bias (batch, heads, tokens, tokens) → (batch, tokens, width)."""
        attended = dropout(self.out(self._attend(hidden, bias)), self.dropout, rngs)
        hidden = self.attention_norm(hidden + attended)
        fed = self.down(jax.nn.gelu(self.up(hidden), approximate=False))
        out: Array = self.norm(hidden + dropout(fed, self.dropout, rngs))
        return out

    def _attend(self, hidden: Array, bias: Array) -> Array:
        batch, tokens, width = hidden.shape

        def split(x: Array) -> Array:
            return x.reshape(batch, tokens, self.heads, width // self.heads).transpose(0, 2, 1, 3)

        query, key, value = split(self.query(hidden)), split(self.key(hidden)), split(self.value(hidden))
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(width // self.heads) + bias
        mixed = jax.nn.softmax(scores, axis=-1) @ value
        return mixed.transpose(0, 2, 1, 3).reshape(batch, tokens, width)


class MPNet(nnx.Module):
    """The encoder (Song et al. 2020); `lower` and `upper` let a frozen bottom be computed once."""

    def __init__(self, config: MPNetConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        width = config.hidden_size
        self.words = nnx.Embed(config.vocab_size, width, rngs=rngs)
        self.positions = nnx.Embed(config.max_position_embeddings, width, rngs=rngs)
        self.embedding_norm = nnx.LayerNorm(width, epsilon=config.layer_norm_eps, rngs=rngs)
        self.relative = nnx.Embed(
            config.relative_attention_num_buckets, config.num_attention_heads, rngs=rngs
        )
        self.layers = nnx.List([MPNetLayer(config, rngs) for _ in range(config.num_hidden_layers)])

    def bias(self, mask: Array) -> Array:
        """Attention bias (batch, heads, tokens, tokens) of relative distance and padding."""
        tokens = mask.shape[1]
        buckets = relative_buckets(tokens, self.config.relative_attention_num_buckets)
        distance = self.relative(jnp.asarray(buckets)).transpose(2, 0, 1)[None]
        return distance + jnp.where(mask[:, None, None, :] > 0, 0.0, -1e9)

    def lower(self, ids: Array, mask: Array, blocks: int) -> Array:
        """Run the embeddings and the first blocks, without dropout.

        Args:
            ids: (batch, tokens) int32.
            mask: (batch, tokens) int32, 1 for real tokens.
            blocks: how many.

        Returns:
            Hidden states (batch, tokens, width) float32.
        """
        positions = jnp.arange(ids.shape[1]) + self.config.pad_token_id + 1
        hidden: Array = self.embedding_norm(self.words(ids) + self.positions(positions)[None])
        bias = self.bias(mask)
        for layer in list(self.layers)[:blocks]:
            hidden = layer(hidden, bias)
        return hidden

    def upper(self, hidden: Array, mask: Array, blocks: int, rngs: nnx.Rngs | None = None) -> Array:
        """Run the other blocks on what `lower` returned, with dropout where rngs are given."""
        bias = self.bias(mask)
        for layer in list(self.layers)[blocks:]:
            hidden = layer(hidden, bias, rngs)
        return hidden

    def __call__(self, ids: Array, mask: Array) -> Array:
        """Token ids and mask (batch, tokens) int32 → hidden states (batch, tokens, width) float32."""
        return self.lower(ids, mask, len(self.layers))


def relative_buckets(tokens: int, buckets: int, max_distance: int = 128) -> npt.NDArray[np.int32]:
    """Bucket of each key distance, (tokens, tokens) int32 (Raffel et al. 2020, section 2.1)."""
    distance = np.arange(tokens)[None, :] - np.arange(tokens)[:, None]
    half, exact = buckets // 2, buckets // 4
    far = np.maximum(np.abs(distance), 1)
    scaled = exact + np.log(far / exact) / np.log(max_distance / exact) * (half - exact)
    magnitude = np.where(np.abs(distance) < exact, np.abs(distance), np.minimum(scaled, half - 1))
    # T5 and MPNet count "key after query" in the upper half of the table.
    return np.asarray(magnitude.astype(np.int32) + np.where(distance > 0, half, 0), np.int32)


def load_mpnet(folder: Path, rngs: nnx.Rngs) -> MPNet:
    """Read ``config.json`` and ``model.safetensors`` of a published MPNet folder.

    Raises:
        BundleError: a weight is missing or has another shape than the config says.
    """
    config = MPNetConfig.from_json(folder / "config.json")
    model = MPNet(config, rngs)
    weights = load_file(folder / "model.safetensors")
    for name, variable, transpose in _named_parameters(model):
        if name not in weights:
            raise BundleError(f"{folder}: weight {name} is missing")
        value = weights[name].T if transpose else weights[name]
        if value.shape != variable[...].shape:
            raise BundleError(f"{folder}: {name} is {value.shape}, expected {variable[...].shape}")
        variable[...] = jnp.asarray(value)
    return model


def _named_parameters(model: MPNet) -> Iterator[tuple[str, nnx.Param[Array], bool]]:
    yield "embeddings.word_embeddings.weight", model.words.embedding, False
    yield "embeddings.position_embeddings.weight", model.positions.embedding, False
    yield "encoder.relative_attention_bias.weight", model.relative.embedding, False
    yield from _norm("embeddings.LayerNorm", model.embedding_norm)
    for number, layer in enumerate(model.layers):
        stem = f"encoder.layer.{number}"
        linears = {
            "attention.attn.q": layer.query,
            "attention.attn.k": layer.key,
            "attention.attn.v": layer.value,
            "attention.attn.o": layer.out,
            "intermediate.dense": layer.up,
            "output.dense": layer.down,
        }
        for name, linear in linears.items():
            yield f"{stem}.{name}.weight", linear.kernel, True
            assert linear.bias is not None
            yield f"{stem}.{name}.bias", linear.bias, False
        yield from _norm(f"{stem}.attention.LayerNorm", layer.attention_norm)
        yield from _norm(f"{stem}.output.LayerNorm", layer.norm)


def _norm(name: str, norm: nnx.LayerNorm) -> Iterator[tuple[str, nnx.Param[Array], bool]]:
    assert norm.scale is not None
    assert norm.bias is not None
    yield f"{name}.weight", norm.scale, False
    yield f"{name}.bias", norm.bias, False
