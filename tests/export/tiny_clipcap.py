"""Captioners of a few thousand random parameters, and what makes testing them quick."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from export.checkpoints.paths import parameters
from export.models.clipcap import ClipCap, ClipCapConfig
from export.models.gpt2 import GPT2Config

RECORDED = Path(os.environ.get("REPARTEE_SHARED", Path(__file__).parents[3] / "shared")) / "fixtures/clipcap"
needs_recorded = pytest.mark.skipif(
    not RECORDED.is_dir(),
    reason="the original's recorded outputs are not here (REPARTEE_SHARED names their folder)",
)

KINDS = ("mlp", "transformer", "linear")


@contextmanager
def quick_compilation() -> Iterator[None]:
    """Compile in half the time what runs for milliseconds only."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)  # type: ignore[no-untyped-call]


def gpt2(**changes: Any) -> GPT2Config:
    """Return a config of two layers, three heads and no dropout."""
    sizes: dict[str, Any] = {
        "vocab_size": 50,
        "n_positions": 24,
        "n_embd": 24,
        "n_layer": 2,
        "n_head": 3,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
    }
    return GPT2Config(**{**sizes, **changes})


def config(kind: str = "mlp", **changes: Any) -> ClipCapConfig:
    """Return a config with sizes that differ from one another."""
    sizes: dict[str, Any] = {"prefix_length": 5, "prefix_size": 7, "clip_length": 2, "mapper_layers": 2}
    return ClipCapConfig(**{"kind": kind, "gpt2": gpt2(), **sizes, **changes})


def model(made: ClipCapConfig, seed: int = 0) -> ClipCap:
    """Return a model all of whose parameters are random, biases and scales too."""
    whole: ClipCap = nnx.eval_shape(lambda: ClipCap(made, nnx.Rngs(0)))
    random = np.random.default_rng(seed)
    for path, parameter in parameters(whole):
        spread = random.normal(size=parameter.shape) * 0.3
        parameter.set_value(jax.numpy.asarray(spread + path.endswith("scale"), np.float32))
    return whole


def prefixes(made: ClipCapConfig, count: int, seed: int = 1) -> Any:
    """Return (count, prefix_size) float32."""
    return np.random.default_rng(seed).normal(size=(count, made.prefix_size)).astype(np.float32)


def texts(made: ClipCapConfig, count: int, length: int, seed: int = 2) -> Any:
    """Return (count, length) int32 without id 0."""
    return np.random.default_rng(seed).integers(1, made.gpt2.vocab_size, (count, length), np.int32)
