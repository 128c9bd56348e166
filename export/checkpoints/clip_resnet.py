"""Fill a CLIP ResNet from OpenAI's state dict, batch normalisation folded into the convolutions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx

from export.checkpoints.errors import CheckpointError
from export.models.clip_resnet import ClipResnet, ClipResnetConfig

Array = npt.NDArray[Any]
Shapes = dict[str, tuple[int, ...]]

PREFIX = "visual."
EPSILON = 1e-5
STATISTICS = ("weight", "bias", "running_mean", "running_var")
COUNTER = "num_batches_tracked"
PARTS = ("reduce", "conv1", "bn1"), ("spatial", "conv2", "bn2"), ("expand", "conv3", "bn3")
PROJECTIONS = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "c_proj"}
POSITION = "attnpool.positional_embedding"


def is_resnet(names: Mapping[str, object]) -> bool:
    """Say whether a state dict has the picture side of a CLIP with a ResNet."""
    return f"{PREFIX}{POSITION}" in names


def infer_config(state: Mapping[str, Array]) -> ClipResnetConfig:
    """Tell the sizes by the shapes.

    Raises:
        CheckpointError: an array that tells a size is missing or of another form.
    """
    try:
        places = state[f"{PREFIX}{POSITION}"].shape[0] - 1
        return ClipResnetConfig(
            blocks=tuple(_blocks(state, f"{PREFIX}layer{stage}.") for stage in range(1, 5)),
            width=int(state[f"{PREFIX}layer1.0.conv1.weight"].shape[0]),
            output_dim=int(state[f"{PREFIX}attnpool.c_proj.weight"].shape[0]),
            image_size=round(places**0.5) * 32,
        )
    except (KeyError, IndexError) as error:
        raise CheckpointError(
            f"CLIP's picture side has no {error}, so that its sizes cannot be told"
        ) from error


def _blocks(state: Mapping[str, Array], prefix: str) -> int:
    return len({match[1] for name in state if (match := re.match(rf"{re.escape(prefix)}(\d+)\.", name))})


def empty_resnet(config: ClipResnetConfig) -> ClipResnet:
    """Make a model whose parameters have shapes but no values yet."""
    model: ClipResnet = nnx.eval_shape(lambda: ClipResnet(config, nnx.Rngs(0)))
    return model


def published_shapes(model: ClipResnet) -> Shapes:
    """Return the names and shapes of the arrays of the original's file that the model is made of."""
    shapes: Shapes = {}
    for module, convolution, norm in _convolutions(model):
        high, wide, inputs, outputs = module.kernel.shape
        shapes[f"{convolution}.weight"] = (outputs, inputs, high, wide)
        shapes |= {f"{norm}.{name}": (outputs,) for name in STATISTICS}
    shapes[f"{PREFIX}{POSITION}"] = tuple(model.pool.position.shape)
    for ours, theirs in PROJECTIONS.items():
        kernel = getattr(model.pool, ours).kernel
        shapes[f"{PREFIX}attnpool.{theirs}.weight"] = kernel.shape[::-1]
        shapes[f"{PREFIX}attnpool.{theirs}.bias"] = kernel.shape[1:]
    return shapes


def fill_resnet(model: ClipResnet, state: Mapping[str, Array]) -> None:
    """Set every weight out of arrays that are of the `published_shapes`."""
    for module, convolution, norm in _convolutions(model):
        scale, bias, mean, variance = (np.asarray(state[f"{norm}.{name}"], np.float32) for name in STATISTICS)
        factor = scale / np.sqrt(variance + EPSILON)
        kernel = np.asarray(state[f"{convolution}.weight"], np.float32).transpose(2, 3, 1, 0)
        _set(module.kernel, kernel * factor)
        _set(module.bias, bias - mean * factor)
    _set(model.pool.position, state[f"{PREFIX}{POSITION}"])
    for ours, theirs in PROJECTIONS.items():
        layer = getattr(model.pool, ours)
        _set(layer.kernel, state[f"{PREFIX}attnpool.{theirs}.weight"].T)
        _set(layer.bias, state[f"{PREFIX}attnpool.{theirs}.bias"])


def _set(parameter: nnx.Param[Any] | None, array: Array) -> None:
    assert parameter is not None  # these layers were made with a bias
    parameter.set_value(jnp.asarray(np.asarray(array, np.float32)))


def _convolutions(model: ClipResnet) -> Iterator[tuple[nnx.Conv, str, str]]:
    """Yield each convolution with its name and that of the norm behind it."""
    for number, module in enumerate(model.stem, 1):
        yield module, f"{PREFIX}conv{number}", f"{PREFIX}bn{number}"
    blocks = iter(model.stages)
    for stage, count in enumerate(model.config.blocks, 1):
        for number in range(count):
            block, owner = next(blocks), f"{PREFIX}layer{stage}.{number}"
            for ours, convolution, norm in PARTS:
                yield getattr(block, ours), f"{owner}.{convolution}", f"{owner}.{norm}"
            if block.shortcut is not None:
                yield block.shortcut, f"{owner}.downsample.0", f"{owner}.downsample.1"
