"""What a captioner's training starts from: a published GPT-2, a published CLIP, a fresh mapper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from flax import nnx

from export.caption_recipe import CaptionRecipe
from export.checkpoints.clip_resnet import PREFIX, infer_config, is_resnet
from export.checkpoints.clipcap import BUFFER, HEAD, TABLE, empty_clipcap, infer_gpt2, published_name
from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import parameters
from export.importing.clip_vision import OPENAI_VIT
from export.importing.fit import fill
from export.importing.sources import CONFIG, NEEDS_VISION, Source, weights_file
from export.importing.weights import read_weights, without_copies
from export.models.clipcap import MAPPERS, ClipCap, ClipCapConfig
from export.models.config import ConfigError
from export.models.gpt2 import GPT2, GPT2Config

Array = npt.NDArray[Any]

NEEDS_GPT2 = (
    "config.json, the weights (model.safetensors, pytorch_model.bin or flax_model.msgpack) and the tokenizer "
    "(tokenizer.json, or vocab.json with merges.txt)"
)
FLAX_LEAVES = ("kernel", "scale", "embedding")
PROJECTION = "visual_projection"


def clip_width(weights: Path) -> int:
    """Return how many numbers a CLIP gives of a picture.

    Raises:
        CheckpointError: the file cannot be read, or has no picture side.
    """
    arrays = read_weights(weights)
    if is_resnet(arrays):
        return infer_config(arrays).output_dim
    for name, array in arrays.items():
        owner, _, leaf = name.replace("/", ".").rpartition(".")
        if owner.endswith(PROJECTION):
            return int(array.shape[1 if leaf == "kernel" else 0])
    if f"{PREFIX}class_embedding" in arrays:
        raise CheckpointError(OPENAI_VIT.format(path=weights))
    raise CheckpointError(f"{weights} has no picture side of a CLIP ({PROJECTION}): bring {NEEDS_VISION}.")


def load_gpt2(source: Source) -> GPT2:
    """Load a GPT-2; its sizes are told by config.json, else by the arrays.

    Raises:
        CheckpointError: a file is missing or damaged.
        MisfitError: names or shapes do not fit.
    """
    path = weights_file(source)
    arrays = without_copies({_renamed(n): _turned(n, a) for n, a in read_weights(path).items()}, HEAD, TABLE)
    arrays = {name: array for name, array in arrays.items() if not BUFFER.fullmatch(name)}
    config = _config(source, arrays)
    try:
        model: GPT2 = nnx.eval_shape(lambda: GPT2(config, nnx.Rngs(0)))
    except ValueError as error:
        raise CheckpointError(f"{source.label} cannot be used: {error}.") from error
    own = {published_name(f"gpt/{inner}"): parameter for inner, parameter in parameters(model)}
    fill(own, arrays, source=str(path))
    return model


def _renamed(name: str) -> str:
    """Return what ClipCap's file calls a parameter of GPT-2's, with or without its head, of any framework."""
    owner, _, leaf = name.replace("/", ".").rpartition(".")
    owner = owner.removeprefix("params.").removeprefix("transformer.")
    leaf = "weight" if leaf in FLAX_LEAVES else leaf
    return f"gpt.{owner}.{leaf}" if owner == "lm_head" else f"gpt.transformer.{owner}.{leaf}"


def _turned(name: str, array: Array) -> Array:
    """Turn Flax's kernels, which GPT-2 has (out, in) there, as the file of ClipCap has them."""
    return np.ascontiguousarray(array.T) if name.endswith("kernel") else array


def _config(source: Source, arrays: dict[str, Array]) -> GPT2Config:
    path = source.folder / CONFIG
    if not path.is_file():
        return infer_gpt2(arrays)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return GPT2Config.from_dict(values)
    except (ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{path} does not describe a GPT-2: {error}.") from error


def sizes(recipe: CaptionRecipe, gpt2: GPT2, prefix_size: int) -> ClipCapConfig:
    """Return the sizes of a captioner with a language model.

    Raises:
        CheckpointError: the sizes do not go together.
    """
    try:
        return ClipCapConfig(
            kind=recipe.kind,
            prefix_length=recipe.prefix_length,
            prefix_size=prefix_size,
            clip_length=recipe.clip_length,
            mapper_layers=recipe.mapper_layers,
            gpt2=gpt2.config,
        )
    except ConfigError as error:
        raise CheckpointError(f"The captioner cannot be made: {error}.") from error


def build(recipe: CaptionRecipe, gpt2: GPT2, prefix_size: int) -> ClipCap:
    """Put a fresh mapper, drawn with the recipe's seed, before a language model.

    Raises:
        CheckpointError: the sizes do not go together.
    """
    config = sizes(recipe, gpt2, prefix_size)
    model = empty_clipcap(config)
    model.gpt, model.mapper = gpt2, MAPPERS[config.kind](config, nnx.Rngs(recipe.seed))
    return model
