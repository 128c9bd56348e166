"""Compares the arrays of a checkpoint with the parameters of a model, and says readably what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from export.checkpoints.assign import mismatches
from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import Parameter

Array = npt.NDArray[Any]
Shapes = Mapping[str, tuple[int, ...]]

SHOWN = 20
"""How many parameters of one kind are listed before they are only counted."""


class MisfitError(CheckpointError):
    """A checkpoint that does not fit its model; `lines` lists parameters, to be shown with the sentence."""

    def __init__(self, source: str, summary: str, lines: list[str]) -> None:
        super().__init__(f"{source} does not fit the model. Parameters: {summary}.")
        self.lines = lines


def check(expected: Shapes, arrays: Mapping[str, Array], *, source: str) -> None:
    """Compare names, shapes and kinds.

    Raises:
        MisfitError: with counts in its sentence, and up to 20 parameters of each kind in its lines.
    """
    if problems := mismatches(expected, arrays):
        raise MisfitError(source, "; ".join(problems), describe_misfits(expected, arrays))


def describe_misfits(expected: Shapes, arrays: Mapping[str, Array]) -> list[str]:
    """List what is missing, extra, of the wrong shape or kind, a line each, each kind under its count."""
    missing = [f"{name} {expected[name]}" for name in expected if name not in arrays]
    extra = [f"{name} {arrays[name].shape}" for name in arrays if name not in expected]
    both = [name for name in expected if name in arrays]
    wrong = [
        f"{name} {arrays[name].shape}, expected {expected[name]}"
        for name in both
        if arrays[name].shape != expected[name]
    ]
    whole = [f"{n} {arrays[n].dtype}" for n in both if not jnp.issubdtype(arrays[n].dtype, jnp.floating)]
    groups = {"missing": missing, "extra": extra, "of the wrong shape": wrong, "not floating point": whole}
    lines = [f"{len(expected)} parameters expected, {len(arrays)} found"]
    for what, found in groups.items():
        if found:
            lines += [f"{len(found)} {what}:", *(f"  {line}" for line in sorted(found)[:SHOWN])]
        if len(found) > SHOWN:
            lines.append(f"  and {len(found) - SHOWN} more")
    return lines


def fill(parameters: Mapping[str, Parameter], arrays: MutableMapping[str, Array], *, source: str) -> None:
    """Set every parameter to the float32 array of its name, and empty `arrays` on the way to save memory.

    Raises:
        MisfitError: names, shapes or kinds differ; no parameter is set then.
    """
    check({name: tuple(p.shape) for name, p in parameters.items()}, arrays, source=source)
    for name, parameter in parameters.items():
        parameter.set_value(jnp.asarray(np.asarray(arrays.pop(name), np.float32)))
