"""Reads the arrays of a checkpoint of any format, and names them as Flax does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import read_arrays
from export.checkpoints.safetensors import read_safetensors
from export.checkpoints.torch_state import load_torch_state

Array = npt.NDArray[Any]

BUFFERS = ("position_ids", "token_type_ids")
"""Last parts of names of constant tables that PyTorch files may have beside the parameters."""

TURNED = {2: (1, 0), 4: (2, 3, 1, 0)}
"""Axes of a linear layer and of a convolution from PyTorch's order to Flax's, by their number."""


def read_weights(path: Path) -> dict[str, Array]:
    """Read every array of a file, under the names that it has there.

    Raises:
        CheckpointError: the file cannot be read, or holds anything but arrays.
    """
    if path.suffix == ".msgpack":
        arrays = read_arrays(path)
    elif path.suffix == ".safetensors":
        arrays = read_safetensors(path)
    else:
        arrays = _read_torch(path)
    if not arrays:
        raise CheckpointError(f"{path} holds no arrays.")
    return arrays


def _read_torch(path: Path) -> dict[str, Array]:
    try:
        return load_torch_state(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}; only weights are read, no other objects.") from error


def flax_arrays(arrays: MutableMapping[str, Array], paths: Iterable[str]) -> dict[str, Array]:
    """Move arrays under Flax's names and into its order of axes, whatever framework wrote them.

    Args:
        arrays: the file's arrays; it is emptied, so that none is held twice.
        paths: the ``/``-joined paths of the model that they are for.

    Returns:
        Path to array. What has no place in the model keeps its name; PyTorch's constant tables are left out.
    """
    if all(name.startswith("params/") for name in arrays):
        return {name.removeprefix("params/"): arrays.pop(name) for name in list(arrays)}
    if any(name.replace("/", ".").endswith(".kernel") for name in arrays):
        return {name.replace(".", "/"): arrays.pop(name) for name in list(arrays)}
    names = {torch_name(path): path for path in paths}
    found: dict[str, Array] = {}
    for name in list(arrays):
        path, array = names.get(name, name), arrays.pop(name)
        if name.rpartition(".")[2] in BUFFERS and path == name:
            continue
        turned = path.endswith("/kernel") and array.ndim in TURNED
        found[path] = array.transpose(TURNED[array.ndim]) if turned else array
    return found


def torch_name(path: str) -> str:
    """Return what PyTorch calls a parameter: ``pooler/dense/kernel`` is ``pooler.dense.weight``."""
    owner, _, leaf = path.replace("/", ".").rpartition(".")
    renamed = "weight" if leaf in ("kernel", "embedding", "scale") else leaf
    return f"{owner}.{renamed}" if owner else renamed


def without_copies(state: Mapping[str, Array], copy: str, original: str) -> dict[str, Array]:
    """Leave out an array that is in a file a second time under another name.

    Raises:
        CheckpointError: the two differ.
    """
    if copy in state and original in state and not np.array_equal(state[copy], state[original]):
        raise CheckpointError(f"{copy} and {original} should be the same array, but differ")
    return {name: array for name, array in state.items() if name != copy or original not in state}
