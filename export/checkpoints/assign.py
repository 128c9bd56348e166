"""Puts named arrays into parameters, or says exactly which names and shapes do not fit."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import Parameter

Array = npt.NDArray[Any]

SHOWN = 5
"""How many names of one kind a message lists before it only counts."""


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def mismatches(expected: Mapping[str, tuple[int, ...]], arrays: Mapping[str, Array]) -> list[str]:
    """Say what is missing, unknown, of another shape or not floating point, one part of a sentence each."""
    common = expected.keys() & arrays.keys()
    shapes = {name: arrays[name].shape for name in common}
    wrong = [f"{n} {s} instead of {expected[n]}" for n, s in shapes.items() if s != expected[n]]
    found: dict[str, Collection[str]] = {
        "missing": expected.keys() - arrays.keys(),
        "unknown": arrays.keys() - expected.keys(),
        "of the wrong shape": wrong,
        "not floating point": [n for n in common if not jnp.issubdtype(arrays[n].dtype, jnp.floating)],
    }
    return [f"{len(names)} {what} ({_listed(names)})" for what, names in found.items() if names]


def assign(parameters: Mapping[str, Parameter], arrays: Mapping[str, Array], *, source: str) -> None:
    """Set every parameter to the float32 array of its name; where anything does not fit, set none.

    Raises:
        CheckpointError: names, shapes or kinds differ; the message lists them.
    """
    expected = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    problems = mismatches(expected, arrays)
    if problems:
        raise CheckpointError(f"{source} does not fit the model. Parameters: {'; '.join(problems)}.")
    for name, parameter in parameters.items():
        parameter.set_value(jnp.asarray(np.asarray(arrays[name]), jnp.float32))
