"""What `benchmarks/index.py` measures in processes of their own, whose matrix products have one thread."""

import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._memory import memory_of
from benchmarks._vectors import Floats
from inference.groups import EACH, GroupedIndex, open_groups
from inference.index import Progress, VectorIndex, open_index
from inference.picker import FIRST_CANDIDATES

PICKS = 10

Series = dict[str, list[float]]


@dataclass(frozen=True)
class Place:
    """Where the files of one catalogue lie: its vectors, the group of each, and what is made of them."""

    stem: Path

    @property
    def vectors(self) -> Path:
        """File of the vectors, (n, dim) float32."""
        return self._file(".npy")

    @property
    def groups(self) -> Path:
        """File of each GIF's primary category, (n,)."""
        return self._file("-groups.npy")

    def seconds(self, kind: str) -> Path:
        """File of how long a kind of index took to build."""
        return self._file(f"-{kind.replace(' ', '-')}.seconds")

    def _file(self, suffix: str) -> Path:
        return self.stem.with_name(self.stem.name + suffix)

    def open_graph(self, *, threads: int = 1, progress: Progress | None = None) -> VectorIndex:
        """Load one graph of all GIFs, built where there is none."""
        vectors, cache = np.load(self.vectors), self._file(".hnsw")
        return open_index(vectors, self.stem.name, cache, threads=threads, progress=progress)

    def open_categories(
        self, *, threads: int = 1, progress: Progress | None = None, **options: int
    ) -> GroupedIndex:
        """Load an index of each category, built where there is none."""
        vectors, groups, cache = np.load(self.vectors), np.load(self.groups), self._file(".hnsw")
        count, name = int(groups.max()) + 1, self.stem.name
        return open_groups(vectors, groups, count, name, cache, threads=threads, progress=progress, **options)


@dataclass(frozen=True)
class Measured:
    """What searching showed.

    Attributes:
        series: milliseconds of each query, by kind of search.
        recalls: mean share of what exact search finds that was found, by what was asked for.
        memory_mb: what loading left in memory, in units of 1e6 bytes.
        load_s: seconds to verify and load.
    """

    series: Series
    recalls: dict[str, float]
    memory_mb: float
    load_s: float


Work = Callable[[Place, Floats, Floats], Measured]


def alone(work: Work, place: Place, queries: Floats, anchors: Floats) -> Measured:
    """Do the work in a fresh process."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(work, (place, queries, anchors))


def in_one_graph(place: Place, queries: Floats, _: Floats) -> Measured:
    """Search among all GIFs with each message, (n, dim) float32: exactly and in the graph, in turns."""
    before, started = memory_of().own_mb, time.perf_counter()
    graph = place.open_graph()
    load_s, memory_mb = time.perf_counter() - started, memory_of().own_mb - before
    exact = VectorIndex(np.load(place.vectors))
    series: Series = defaultdict(list)
    shares: Series = defaultdict(list)
    for query in queries:
        for k in (PICKS, FIRST_CANDIDATES):
            truth = _note(series[f"{k} of all, exact"], partial(exact.search, query, k))
            found = _note(series[f"{k} of all, graph"], partial(graph.search, query, k))
            shares[f"recall@{k}"].append(len(set(truth) & set(found)) / k)
    return Measured(dict(series), _means(shares), memory_mb, load_s)


def by_category(place: Place, queries: Floats, anchors: Floats) -> Measured:
    """Search the categories with each message, those with the nearest (categories, dim) anchors first."""
    before, started = memory_of().own_mb, time.perf_counter()
    index = place.open_categories()
    load_s, memory_mb = time.perf_counter() - started, memory_of().own_mb - before
    exact = place.open_categories(exact_limit=len(index))
    series: Series = defaultdict(list)
    shares: Series = defaultdict(list)
    for query in queries:
        groups = np.argsort(-(anchors @ query)).tolist()
        size = FIRST_CANDIDATES
        truth = _note(series[f"{size} by category, exact"], partial(exact.search, query, size, groups))
        found = _note(series[f"{size} by category"], partial(index.search, query, size, groups))
        shares[f"recall@{size}"].append(len(set(truth) & set(found)) / len(truth))
        best = zip(truth[::EACH], found[::EACH], strict=True)  # as each category has more than these
        shares["share of categories with the same nearest GIF"].append(
            float(np.mean([a == b for a, b in best]))
        )
    return Measured(dict(series), _means(shares), memory_mb, load_s)


def _note(series: list[float], search: Callable[[], Sequence[Any]]) -> list[int]:
    """Search, note the milliseconds and return the positions."""
    started = time.perf_counter()
    positions = search()[0]
    series.append((time.perf_counter() - started) * 1e3)
    found: list[int] = positions.tolist()
    return found


def _means(shares: Series) -> dict[str, float]:
    return {what: float(np.mean(found)) for what, found in shares.items()}
