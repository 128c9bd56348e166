"""Paths in a narrow column: folded where a folder ends, so that the file name stays in one piece."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text


def fold_path(path: str, width: int) -> list[str]:
    """Share a path out among lines of at most `width` cells; only a wider name makes a longer line."""
    lines = [""]
    for part in _parts(path):
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return lines


@dataclass(frozen=True)
class FoldedPath:
    """A path for a table cell."""

    path: str
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Fold the path to the width of the cell."""
        yield Text("\n".join(fold_path(self.path, options.max_width)), style=self.style, overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Ask for one line, be content with the widest name."""
        narrowest = max(map(cell_len, _parts(self.path)))
        return Measurement(narrowest, cell_len(self.path)).with_maximum(options.max_width)


def _parts(path: str) -> list[str]:
    """Split after each separator."""
    *folders, name = path.split(os.sep)
    return [f"{folder}{os.sep}" for folder in folders] + [name]
