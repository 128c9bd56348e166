"""The command line run as a person runs it, for the tests of all commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


def names(ranked: dict[str, Any]) -> list[str]:
    return [Path(gif["file"]).name for gif in ranked["gifs"]]


def with_root() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
