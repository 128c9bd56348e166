"""Nearest GIFs within each of several groups: what a ranking by category needs of a large catalogue.

The more GIFs there are, the fewer categories are among the 512 nearest: one to three at 100,000. An answer,
however, shows the best GIF of each of the best categories. So each category is searched by itself, the
likeliest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.index import EXACT_LIMIT, Floats, Positions, Progress, VectorIndex, open_index

WHOLE_LIMIT = 1_000  # up to so many vectors one search among all is faster than several
EACH = 48  # GIFs of a group at least: 512 come out of eleven groups, and an answer shows three to five


class Found(NamedTuple):
    """Positions (m,) int64 and cosines (m,) float32; `is_whole` says that there are no more to find."""

    positions: Positions
    cosines: Floats
    is_whole: bool


class GroupedIndex:
    """Cosine search over (n, dim) float32 unit vectors in groups; positions are rows of that matrix."""

    def __init__(self, parts: Sequence[tuple[Positions, VectorIndex]], part_of: Sequence[int]) -> None:
        """Put the parts together.

        Args:
            parts: positions (m,) int64, ascending, and an index over these vectors in this order; no two
                overlap.
            part_of: the part that each group lies in.
        """
        self._parts = parts
        self._part_of = part_of

    def __len__(self) -> int:
        return sum(len(rows) for rows, _ in self._parts)

    def search(self, query: Floats, size: int, groups: Iterable[int]) -> Found:
        """Return about `size` vectors near to `query`, (dim,) float32 of unit norm: the nearest of each part.

        The parts of `groups`, the likeliest of which come first, are searched until there are enough. Where a
        part holds other groups too, these come along.
        """
        parts = [self._parts[part] for part in dict.fromkeys(self._part_of[group] for group in groups)]
        each = max(EACH, -(-size // max(1, len(parts))))
        positions, cosines = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        left = size
        for rows, index in parts:
            if left <= 0:
                break
            found, near = index.search(query, each)
            positions.append(rows[found])
            cosines.append(near)
            left -= len(found)
        is_whole = size - left == sum(len(rows) for rows, _ in parts)
        return Found(np.concatenate(positions), np.concatenate(cosines), is_whole)

    def compare(self, query: Floats, positions: Positions) -> Floats:
        """Return the cosines (m,) float32 of given vectors to `query`, (dim,) float32 of unit norm."""
        cosines = np.zeros(len(positions), np.float32)
        for rows, index in self._parts:
            places = np.searchsorted(rows, positions)
            is_here = rows.take(places, mode="clip") == positions if len(rows) else places < 0
            cosines[is_here] = index.compare(query, places[is_here])
        return cosines


def open_groups(
    vectors: Floats,
    groups: NDArray[np.integer],
    count: int,
    version: str,
    cache: Path,
    *,
    exact_limit: int = EXACT_LIMIT,
    threads: int = 1,
    progress: Progress | None = None,
) -> GroupedIndex:
    """Return an index over (n, dim) float32 `vectors`, each in one of `count` groups.

    A thousand vectors, or `exact_limit` where that is less, are one part. Of more each group is a part: an
    exact one up to `exact_limit` vectors of its own, else a graph, which is cached beside `cache` as
    `open_index` says. `progress` is called with the numbers of vectors added to graphs that are built, and to
    add if all have to be.
    """
    if len(vectors) <= min(WHOLE_LIMIT, exact_limit):
        return GroupedIndex([(np.arange(len(vectors)), VectorIndex(vectors))], [0] * count)
    rows = [np.flatnonzero(groups == group) for group in range(count)]
    total = sum(len(part) for part in rows if len(part) > exact_limit)
    parts, before = [], 0
    for group, part in enumerate(rows):
        place = cache.with_name(f"{cache.stem}-{group:02}{cache.suffix}")
        step = None if progress is None else partial(_shifted, progress, before, total)
        index = open_index(
            vectors[part], version, place, exact_limit=exact_limit, threads=threads, progress=step
        )
        parts.append((part, index))
        before += 0 if index.is_exact else len(part)
    return GroupedIndex(parts, range(count))


def _shifted(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)
