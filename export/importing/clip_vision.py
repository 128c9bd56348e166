"""The picture side of a captioner: a CLIP's Vision Transformer or ResNet out of a second checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import jax
import numpy.typing as npt
from flax import nnx

from export.checkpoints.clip_resnet import (
    COUNTER,
    PREFIX,
    empty_resnet,
    fill_resnet,
    infer_config,
    is_resnet,
    published_shapes,
)
from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import CLIP_NAMES, parameters, published_path
from export.importing.fit import check, fill
from export.importing.sources import CONFIG, NEEDS_VISION, Source, weights_file
from export.importing.weights import flax_arrays, read_weights
from export.models.clip_resnet import ClipResnet
from export.models.clip_vit import ClipVisionConfig, ClipVit
from export.models.config import ConfigError
from export.models.hybrid_clip import unit_norm
from export.models.layers import linear

Array = npt.NDArray[Any]

KINDS = ("clip", "clip_vision_model", "hybrid-clip")
OTHER_HALF = ("text_model", "text_projection", "logit_scale")
"""First parts of the names of what a whole CLIP has beside its picture side."""

DOUBLED = "vision_model/vision_model/"
PROJECTION = 512

OTHER_WIDTH = (
    "The captioner wants a picture as {wanted} numbers, {source} gives {found}: a captioner goes with the "
    "CLIP that it was trained with (512 numbers: ViT-B/32; 640 numbers: RN50x4)"
)
OPENAI_VIT = (
    "{path} is a Vision Transformer under OpenAI's names: bring it in the form of "
    "openai/clip-vit-base-patch32, with config.json"
)


class ClipVitSide(nnx.Module):
    """CLIP's Vision Transformer with its projection."""

    def __init__(self, config: ClipVisionConfig, width: int, rngs: nnx.Rngs) -> None:
        self.config = config
        self.vision_model = ClipVit(config, rngs)
        outputs = self.vision_model.output_dim
        self.visual_projection = linear(outputs, width, std=0.02, rngs=rngs, use_bias=False)

    def __call__(self, pixels: jax.Array) -> jax.Array:
        """Map (pictures, height, width, 3) float32 to (pictures, width) float32, not normalised."""
        return self.visual_projection(self.vision_model(pixels).pooler_output)


class ClipImage(nnx.Module):
    """A picture side as a captioner needs it: the vectors of several frames are averaged."""

    def __init__(self, tower: ClipVitSide | ClipResnet) -> None:
        self.tower = tower

    @property
    def image_size(self) -> int:
        """Edge of a picture in pixels."""
        return self.tower.config.image_size

    def __call__(self, pixels: jax.Array) -> jax.Array:
        """Map (batch, frames, height, width, 3) float32 to (batch, width) float32, not normalised."""
        each = self.tower(pixels.reshape(-1, *pixels.shape[-3:]))
        return each.reshape(*pixels.shape[:2], each.shape[-1]).mean(axis=1)

    def normalised(self, pixels: jax.Array) -> jax.Array:
        """Return the same scaled to length 1."""
        return unit_norm(self(pixels))


def load_clip_image(source: Source, *, width: int) -> ClipImage:
    """Load the picture side of a CLIP or of a Hybrid CLIP: a Vision Transformer, or OpenAI's ResNet.

    Args:
        source: weights of any format, and config.json for a Vision Transformer.
        width: how many numbers the captioner wants.

    Raises:
        CheckpointError: a file is missing or damaged, or it gives another number of numbers.
        MisfitError: names or shapes do not fit.
    """
    path = weights_file(source)
    arrays = read_weights(path)
    tower = _resnet(arrays, path) if is_resnet(arrays) else _vit(source, arrays, path)
    found = tower.output_dim if isinstance(tower, ClipResnet) else tower.visual_projection.out_features
    if found != width:
        raise CheckpointError(OTHER_WIDTH.format(wanted=width, source=source.label, found=found))
    return ClipImage(tower)


def load_clip_vit(source: Source) -> ClipVitSide:
    """Load the picture side of a CLIP, or of a Hybrid CLIP, whose tower is CLIP's Vision Transformer.

    Raises:
        CheckpointError: a file is missing or damaged, or the tower is another one.
        MisfitError: names or shapes do not fit.
    """
    path = weights_file(source)
    return _vit(source, read_weights(path), path)


def _resnet(arrays: Mapping[str, Array], path: Path) -> ClipResnet:
    model = empty_resnet(infer_config(arrays))
    own = {name: a for name, a in arrays.items() if name.startswith(PREFIX) and not name.endswith(COUNTER)}
    check(published_shapes(model), own, source=str(path))
    fill_resnet(model, own)
    return model


def _vit(source: Source, arrays: MutableMapping[str, Array], path: Path) -> ClipVitSide:
    if f"{PREFIX}class_embedding" in arrays:
        raise CheckpointError(OPENAI_VIT.format(path=path))
    config, width = _read_config(source)
    model: ClipVitSide = nnx.eval_shape(lambda: ClipVitSide(config, width, nnx.Rngs(0)))
    own = {_published(name): parameter for name, parameter in parameters(model)}
    fill(own, flax_arrays(_picture_side(arrays), own), source=str(path))
    return model


def _published(path: str) -> str:
    tower = "vision_model/"
    return published_path(path.removeprefix(tower), CLIP_NAMES) if path.startswith(tower) else path


def _picture_side(arrays: MutableMapping[str, Array]) -> dict[str, Array]:
    """Take the arrays of the picture side out, under the names of a plain CLIP."""
    found: dict[str, Array] = {}
    for name in list(arrays):
        array, separator = arrays.pop(name), "/" if "/" in name else "."
        if name.split(separator)[0] not in OTHER_HALF:
            doubled = DOUBLED.replace("/", separator)
            found[
                f"vision_model{separator}{name.removeprefix(doubled)}" if name.startswith(doubled) else name
            ] = array
    return found


def _read_config(source: Source) -> tuple[ClipVisionConfig, int]:
    path = source.folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{source.folder} has no {CONFIG}: bring {NEEDS_VISION}.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or values.get("model_type") not in KINDS:
            raise CheckpointError(f"{path} does not describe a CLIP (model_type {', '.join(KINDS)}).")
        return ClipVisionConfig.from_dict(_vision_values(values)), int(
            values.get("projection_dim", PROJECTION)
        )
    except (ValueError, TypeError, ConfigError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} cannot be used: {error}.") from error


def _vision_values(values: Mapping[str, Any]) -> Mapping[str, Any]:
    if values["model_type"] == "clip_vision_model":
        return values
    inner = values.get("vision_config") or {}
    if inner.get("model_type") == "vit":
        raise CheckpointError("The vision tower is a plain ViT, not CLIP's.")
    parts = [inner.get("vision_config") or {}, inner.get("vision_config_dict") or {}]
    return {**(values.get("vision_config_dict") or {}), **inner, **parts[0], **parts[1]}
