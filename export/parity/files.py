"""Reads the files of a case; whatever is wrong with one becomes one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.errors import ReparteeError

Array = npt.NDArray[Any]


class CaseError(ReparteeError, ValueError):
    """A file of a case is missing, damaged, or lacks what its layout promises."""


def read_npz(path: Path) -> dict[str, Array]:
    """Read every array of a file.

    Raises:
        CaseError: the file is missing or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError as error:
        raise CaseError(f"{path.name} is missing") from error
    except Exception as error:  # zip, zlib, numpy: a damaged file fails in many ways
        raise CaseError(f"{path.name} cannot be read: {error}") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        CaseError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CaseError(f"{path.name} is missing") from error
    except (OSError, ValueError) as error:
        raise CaseError(f"{path.name} cannot be read: {error}") from error


def read_param_tree(path: Path) -> dict[str, tuple[int, ...]]:
    """Read a list of ``{path, shape, dtype}``.

    Raises:
        CaseError: the file is missing or has another layout.
    """
    try:
        return {leaf["path"]: tuple(leaf["shape"]) for leaf in read_json(path)}
    except (TypeError, KeyError) as error:
        raise CaseError(f"{path.name} is not a list of paths and shapes") from error
