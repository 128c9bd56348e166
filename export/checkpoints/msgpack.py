"""Reads and writes Hybrid CLIP folders as the original does: ``config.json`` + ``flax_model.msgpack``."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from flax import nnx, serialization

from export.checkpoints.assign import assign
from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import published_parameters
from export.models.config import ConfigError
from export.models.hybrid_clip import HybridCLIP, HybridCLIPConfig

Array = npt.NDArray[Any]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "flax_model.msgpack"


def _leaves(tree: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield what is not a mapping under its ``/``-joined path."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def read_arrays(path: Path) -> dict[str, Array]:
    """Read a Flax msgpack file as a flat mapping of ``/``-joined paths to arrays.

    Raises:
        CheckpointError: the file is missing, cut off, or holds something other than named arrays.
    """
    try:
        tree = serialization.msgpack_restore(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:  # msgpack, struct, numpy: a damaged file fails in many ways
        raise CheckpointError(f"{path} is not a Flax msgpack file or is damaged: {error}.") from error
    if not isinstance(tree, dict):
        raise CheckpointError(f"{path} holds a {type(tree).__name__} instead of named parameters.")
    flat = dict(_leaves(tree, ""))
    strays = [name for name, leaf in flat.items() if not isinstance(leaf, np.ndarray | np.generic)]
    if strays:
        raise CheckpointError(f"{path}: {strays[0]} is not an array.")
    return {name: np.asarray(leaf) for name, leaf in flat.items()}


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write a flat mapping of ``/``-joined paths to arrays in the same format."""
    tree: dict[str, Any] = {}
    for name, array in arrays.items():
        *owners, leaf = name.split("/")
        branch = tree
        for owner in owners:
            branch = branch.setdefault(owner, {})
        branch[leaf] = np.asarray(array)
    path.write_bytes(serialization.msgpack_serialize(tree))


def read_config(folder: Path) -> HybridCLIPConfig:
    """Read the ``config.json`` of a folder.

    Raises:
        CheckpointError: the file is missing, not JSON, or does not describe a model that can be built here.
    """
    path = folder / CONFIG_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds a {type(values).__name__} instead of named settings.")
    try:
        return HybridCLIPConfig.from_dict(values)
    except ConfigError as error:
        raise CheckpointError(f"{path} cannot be used: {error}.") from error


def parameter_arrays(model: HybridCLIP) -> dict[str, Array]:
    """Return the model's parameters as float32 arrays under their published paths, sorted."""
    found = published_parameters(model)
    return {name: np.asarray(found[name].get_value()) for name in sorted(found)}


def empty_model(config: HybridCLIPConfig) -> HybridCLIP:
    """Make a model whose parameters have shapes but no values yet.

    Raises:
        CheckpointError: the sizes in the config contradict each other.
    """
    try:
        model: HybridCLIP = nnx.eval_shape(lambda: HybridCLIP(config, nnx.Rngs(0)))
    except ValueError as error:
        raise CheckpointError(f"the config cannot be used: {error}.") from error
    return model


def load_hybrid_clip(folder: Path) -> HybridCLIP:
    """Load the model of a folder.

    Raises:
        CheckpointError: a file cannot be read, or a parameter is missing, unknown or of another shape.
    """
    model = empty_model(read_config(folder))
    path = folder / WEIGHTS_FILE
    assign(published_parameters(model), read_arrays(path), source=str(path))
    return model


def save_hybrid_clip(model: HybridCLIP, folder: Path) -> None:
    """Write a folder that `load_hybrid_clip` and the original read; it is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(model.config.to_dict(), indent=2, sort_keys=True)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
    write_arrays(folder / WEIGHTS_FILE, jax.device_get(parameter_arrays(model)))
