"""Evens out what the integer layers of a captioner read, by the ranges seen on samples.

The way is that of `export.smoothing`, done on the parameters rather than on a graph, since two graphs share
them. Where a normalisation or a linear layer comes before, it costs nothing at run time.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx

from export.models.clipcap import ClipCap
from export.models.gpt2 import causal_bias
from export.smoothing import UNEVEN, channel_divisors

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


class CaptionSamples(NamedTuple):
    """Pictures with texts like those that will be said: (n, prefix_size) float32, (n, tokens) int."""

    prefix: Array
    tokens: Array


@nnx.jit
def _ranges(model: ClipCap, prefix: jax.Array, tokens: jax.Array) -> dict[str, jax.Array]:
    """Return the largest magnitude in each channel of what each linear layer reads, by the layer's name."""
    seen: dict[str, jax.Array] = {}

    def note(name: str, x: jax.Array) -> jax.Array:
        seen[name] = jnp.abs(x).reshape(-1, x.shape[-1]).max(axis=0)
        return x

    x = jnp.concatenate([model.project(prefix), model.gpt.embed(tokens)], axis=1)
    x = x + model.gpt.wpe.embedding[...][: x.shape[1]]
    bias = causal_bias(x.shape[1], 0)
    for number, layer in enumerate(model.gpt.layers):
        name = f"gpt/layers/{number}"
        attended, past = layer.attn(note(f"{name}/attn/c_attn", layer.ln_1(x)), bias, None, None)
        # The mixed values are averages of these, so no larger.
        values = past.value.transpose(0, 2, 1, 3)
        note(f"{name}/attn/c_proj", values.reshape(x.shape))
        x = x + attended
        widened = layer.activation(layer.c_fc(note(f"{name}/c_fc", layer.ln_2(x))))
        x = x + layer.c_proj(note(f"{name}/c_proj", widened))
    return seen


def caption_ranges(model: ClipCap, samples: CaptionSamples) -> dict[str, Floats]:
    """Return the ranges of `_ranges` on samples, as arrays."""
    found = _ranges(model, jnp.asarray(samples.prefix), jnp.asarray(samples.tokens, jnp.int32))
    return {name: np.asarray(each) for name, each in found.items()}


def smooth_parameters(arrays: dict[str, Array], ranges: Mapping[str, Floats], layers: int) -> None:
    """Change parameters in place so that they compute the same from evener numbers.

    The feed-forward output layer reads what no linear layer has made: there ``<layer>/smoothing`` is added to
    the arrays, factors (width,) for what it reads.

    Args:
        arrays: by path; those that are changed are replaced.
        ranges: of `caption_ranges`.
        layers: how many layers there are.
    """
    for number in range(layers):
        name = f"gpt/layers/{number}"
        for norm, reader in (("ln_1", "attn/c_attn"), ("ln_2", "c_fc")):
            divisors = _divide(arrays, ranges, f"{name}/{reader}")
            for leaf in ("scale", "bias"):
                arrays[f"{name}/{norm}/{leaf}"] = arrays[f"{name}/{norm}/{leaf}"] / divisors
        divisors = _divide(arrays, ranges, f"{name}/attn/c_proj")
        ones = np.ones(2 * len(divisors), np.float32)
        for leaf in ("kernel", "bias"):
            packed = f"{name}/attn/c_attn/{leaf}"
            arrays[packed] = arrays[packed] / np.concatenate([ones, divisors])
        arrays[f"{name}/c_proj/smoothing"] = 1 / _divide(arrays, ranges, f"{name}/c_proj")


def _divide(arrays: dict[str, Array], ranges: Mapping[str, Floats], reader: str) -> Floats:
    """Multiply the rows of a kernel by the divisors of what it reads, which are returned (width,) float32."""
    kernel, seen = arrays[f"{reader}/kernel"], ranges[reader]
    if seen.max() <= UNEVEN * np.median(seen):
        return np.ones_like(seen)
    divisors = channel_divisors(seen, np.abs(kernel).max(axis=1))
    arrays[f"{reader}/kernel"] = kernel * divisors[:, None]
    return divisors
