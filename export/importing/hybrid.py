"""Reads a published Hybrid CLIP, or a plain CLIP, of any format, with a head for "hold"."""

from __future__ import annotations

import json
from dataclasses import replace

import jax.numpy as jnp

from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import empty_model, read_config
from export.checkpoints.paths import published_parameters
from export.importing.fit import fill
from export.importing.plain_clip import as_hybrid, is_plain_clip
from export.importing.sources import CONFIG, NEEDS_MODEL, Source, weights_file
from export.importing.weights import flax_arrays, read_weights
from export.models.hybrid_clip import HybridCLIP
from export.models.hybrid_config import HybridCLIPConfig

HOLD = "hold_head/"
SILENT_LOGIT = -20.0
"""Log-odds of "hold" of a model that knows nothing of it: a probability of 2e-9."""

ROBERTA_WAY = "vision-text-dual-encoder"
"""A later architecture with the same names whose RoBERTa numbers positions from 2, not from 0."""


def load_hybrid(source: Source) -> HybridCLIP:
    """Load the model of a source; where it has no hold head it gets one that never holds.

    Raises:
        CheckpointError: a file is missing, damaged or not a Hybrid CLIP's.
        MisfitError: names or shapes are not those of the configuration.
    """
    config = hybrid_config(source)
    path = weights_file(source)
    model = empty_model(replace(config, hold_head=True))
    parameters = published_parameters(model)
    expected = {n: p for n, p in parameters.items() if config.hold_head or not n.startswith(HOLD)}
    arrays = read_weights(path)
    if is_plain_clip(source.folder):
        arrays = as_hybrid(arrays)
    fill(expected, flax_arrays(arrays, expected), source=str(path))
    if not config.hold_head:
        for name in parameters.keys() - expected.keys():
            value = SILENT_LOGIT if name.endswith("bias") else 0.0
            parameters[name].set_value(jnp.full(parameters[name].shape, value, jnp.float32))
    return model


def hybrid_config(source: Source) -> HybridCLIPConfig:
    """Read the configuration of a source.

    Raises:
        CheckpointError: it is missing, damaged or not a Hybrid CLIP's.
    """
    _check_config(source)
    return read_config(source.folder)


def _check_config(source: Source) -> None:
    path = source.folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{source.folder} has no {CONFIG}: bring {NEEDS_MODEL}.")
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError):
        return  # whoever reads the config says what is wrong
    if kind == ROBERTA_WAY:
        raise CheckpointError(
            f'{path} is of a "{ROBERTA_WAY}", whose text tower numbers positions in another way than '
            "Hybrid CLIP's: it cannot be imported as one."
        )
