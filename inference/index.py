"""Nearest GIFs to a message: exact for small catalogues, an HNSW graph for large ones, one interface."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.bundle import sha256_of

EXACT_LIMIT = 10_000
# Messages are no GIFs: their cosines to all GIFs are small, and a graph loses its way more easily than among
# vectors of one kind (benchmarks/index.py). With M 16, ef 256 recall@10 is 0.90 at 100,000 GIFs, here 0.99.
NEIGHBOURS = 32  # HNSW's M
CONSTRUCTION_EF = 400
SEARCH_EF = 512  # at least 2 * k too, below which recall falls,
SEARCH_SHARE = 200  # and a 200th of all vectors: recall 0.98 at 1,000,000
ADDED_AT_ONCE = 10_000
BUILD = f"M {NEIGHBOURS}, ef {CONSTRUCTION_EF}, random order"  # a graph of another kind is made anew
EXACT_SHARE = 8  # asking for more than an eighth of all, the graph is slower than the matrix

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]
Progress = Callable[[int, int], None]


class GraphStamp(msgspec.Struct, frozen=True):
    """What a cached graph was made from and how; it is used only where all of it fits."""

    sha256: str
    vectors_sha256: str
    build: str
    version: str
    count: int
    dim: int


class VectorIndex:
    """Cosine search over (n, dim) float32 unit vectors; positions are rows of that matrix."""

    def __init__(self, vectors: Floats, graph: Any = None) -> None:
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._graph = graph

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def is_exact(self) -> bool:
        """Whether every search compares with every vector."""
        return self._graph is None

    def search(self, query: Floats, k: int) -> tuple[Positions, Floats]:
        """Return positions (m,) int64 and cosines (m,) float32 of the nearest, best first.

        m is `k`, or the number of vectors where there are fewer. Equal cosines come in row order.
        """
        k = min(k, len(self))
        if self._graph is None or k * EXACT_SHARE > len(self):
            return self._search_exactly(query, k)
        self._graph.set_ef(max(SEARCH_EF, 2 * k, len(self) // SEARCH_SHARE))  # not stored with the graph
        try:
            labels, distances = self._graph.knn_query(query[None], k=k, num_threads=1)
        except RuntimeError:  # hnswlib raises where the graph cannot reach k vectors
            return self._search_exactly(query, k)
        found, scores = labels[0].astype(np.int64), 1.0 - distances[0]
        order = np.lexsort((found, -scores))
        return found[order], scores[order].astype(np.float32)

    def compare(self, query: Floats, rows: Positions) -> Floats:
        """Return the cosines (m,) float32 of given rows."""
        cosines: Floats = np.vecdot(self._vectors[rows], query)
        return cosines

    def _search_exactly(self, query: Floats, k: int) -> tuple[Positions, Floats]:
        # Not `vectors @ query`: OpenBLAS shares that out among threads, which wait for each other on a busy
        # machine (0.1 s instead of 3 ms); it is no faster where the vectors are not in the cache.
        scores: Floats = np.vecdot(self._vectors, query)
        if 2 * k < len(scores):  # then it is faster to select before sorting
            edge = np.partition(scores, len(scores) - k)[len(scores) - k]
            found = np.flatnonzero(scores >= edge)
            found = found[(-scores[found]).argsort(kind="stable")[:k]]
        else:
            found = (-scores).argsort(kind="stable")[:k]
        return found, scores[found]


def open_index(
    vectors: Floats,
    version: str,
    cache: Path,
    *,
    exact_limit: int = EXACT_LIMIT,
    threads: int = 1,
    progress: Progress | None = None,
) -> VectorIndex:
    """Return an index over `vectors`, from the graph cached at `cache` where it fits.

    Up to `exact_limit` vectors no graph is needed and the cache is left alone. A cache whose checksums,
    `version` (of model and catalogue together), build or size does not fit is rebuilt, and `progress` called
    with the numbers of vectors added and to add; a cache that cannot be written is done without.

    A graph has a copy of the vectors of its own. The matrix, which is then seldom looked at, lies in a
    memory-mapped file beside it, so that the caller's can be freed.
    """
    if len(vectors) <= exact_limit:
        return VectorIndex(vectors)
    index = _load(vectors, version, cache)
    if index is None:
        graph = _build_graph(vectors, threads, progress)
        index = VectorIndex(vectors, graph)
        with contextlib.suppress(OSError, RuntimeError):
            index = VectorIndex(_save(graph, vectors, version, cache), graph)
    return index


def _stamp_path(cache: Path) -> Path:
    return cache.with_name(cache.name + ".json")


def _matrix_path(cache: Path) -> Path:
    return cache.with_name(cache.name + ".npy")


def _empty_graph(dim: int) -> Any:
    import hnswlib

    return hnswlib.Index(space="ip", dim=dim)


def _build_graph(vectors: Floats, threads: int, progress: Progress | None) -> Any:
    """Add the vectors in random order.

    Sorted by category, as a manifest may well be, the first ones all lie in one place and the graph hardly
    leads out of it: recall 0.84 instead of 0.99.
    """
    count, dim = vectors.shape
    graph = _empty_graph(dim)
    graph.init_index(count, M=NEIGHBOURS, ef_construction=CONSTRUCTION_EF, random_seed=1)
    order = np.random.default_rng(1).permutation(count)
    for start in range(0, count, ADDED_AT_ONCE):
        rows = order[start : start + ADDED_AT_ONCE]
        graph.add_items(vectors[rows], rows, num_threads=threads)
        if progress is not None:
            progress(start + len(rows), count)
    return graph


def _load(vectors: Floats, version: str, cache: Path) -> VectorIndex | None:
    try:
        stamp = msgspec.json.decode(_stamp_path(cache).read_bytes(), type=GraphStamp)
        if stamp != _stamp(cache, _matrix_path(cache), version, vectors):
            return None
        graph = _empty_graph(vectors.shape[1])
        graph.load_index(str(cache), max_elements=len(vectors))
        matrix = np.load(_matrix_path(cache), mmap_mode="r")
    except (OSError, RuntimeError, ValueError, msgspec.DecodeError):
        return None
    return VectorIndex(matrix, graph) if graph.get_current_count() == len(vectors) else None


def _stamp(graph: Path, matrix: Path, version: str, vectors: Floats) -> GraphStamp:
    return GraphStamp(sha256_of(graph), sha256_of(matrix), BUILD, version, *vectors.shape)


def _save(graph: Any, vectors: Floats, version: str, cache: Path) -> Floats:
    """Write graph and matrix, then the stamp, by renames: who reads in between finds that it does not fit.

    Returns the matrix as it lies on the disk, opened before somebody else can put another in its place.
    """
    name = f"{cache.name}.{secrets.token_hex(4)}.part"
    part, matrix = (cache.with_name(f"{name}{suffix}") for suffix in ("", ".npy"))
    try:
        graph.save_index(str(part))
        np.save(matrix, vectors)
        stamp = _stamp(part, matrix, version, vectors)
        mapped: Floats = np.load(matrix, mmap_mode="r")
        part.replace(cache)
        matrix.replace(_matrix_path(cache))
        part.write_bytes(msgspec.json.encode(stamp))
        part.replace(_stamp_path(cache))
        return mapped
    finally:
        part.unlink(missing_ok=True)
        matrix.unlink(missing_ok=True)
