"""Puts named arrays into a module, or says exactly which names and shapes do not fit."""

from collections.abc import Collection, Iterable, Mapping

import jax.numpy as jnp
import numpy as np
from flax import nnx

from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import parameters

SHOWN = 5
"""How many names of one kind a message lists before it only counts."""


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def mismatches(expected: Mapping[str, tuple[int, ...]], arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Say what is missing, extra, of another shape, or not a finite float, a sentence part for each kind."""
    common = expected.keys() & arrays.keys()
    shapes = {name: arrays[name].shape for name in common}
    found: dict[str, Collection[str]] = {
        "missing": expected.keys() - arrays.keys(),
        "unknown": arrays.keys() - expected.keys(),
        "of the wrong shape": [
            f"{n} {s} instead of {expected[n]}" for n, s in shapes.items() if s != expected[n]
        ],
        "not floating point": [n for n in common if not np.issubdtype(arrays[n].dtype, np.floating)],
    }
    return [f"{len(names)} {what} ({_listed(names)})" for what, names in found.items() if names]


def assign(module: nnx.Module, arrays: Mapping[str, np.ndarray], *, source: str) -> None:
    """Set every parameter of the module, by its path, as float32; nothing is set where anything does not fit.

    Raises:
        CheckpointError: names or shapes differ; the message lists them.
    """
    variables = dict(parameters(module))
    expected = {path: tuple(variable.shape) for path, variable in variables.items()}
    problems = mismatches(expected, arrays)
    if problems:
        raise CheckpointError(f"{source} does not fit the model, parameters {'; '.join(problems)}")
    for path, variable in variables.items():
        variable.set_value(jnp.asarray(arrays[path], jnp.float32))
