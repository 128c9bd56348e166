"""Nearest GIFs to a message: exact for small catalogues, an HNSW graph for large ones, one interface."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.bundle import sha256_of

EXACT_LIMIT = 10_000
NEIGHBOURS = 16  # HNSW's M
CONSTRUCTION_EF = 200
SEARCH_EF = 256  # recall 0.99 on 100,000 clustered vectors; at least 2 * k, below which recall falls
SORTED_WHOLE = 2_000  # up to so many scores sorting them all is faster than selecting first
EXACT_SHARE = 8  # asking for more than an eighth of all, the graph is slower than the matrix

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


class GraphStamp(msgspec.Struct, frozen=True):
    """What a cached graph was made from; it is used only where all of it fits."""

    sha256: str
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
        self._graph.set_ef(max(SEARCH_EF, 2 * k))  # not stored with the graph
        try:
            labels, distances = self._graph.knn_query(query[None], k=k, num_threads=1)
        except RuntimeError:  # hnswlib raises where the graph cannot reach k vectors
            return self._search_exactly(query, k)
        found, scores = labels[0].astype(np.int64), 1.0 - distances[0]
        order = np.lexsort((found, -scores))
        return found[order], scores[order].astype(np.float32)

    def _search_exactly(self, query: Floats, k: int) -> tuple[Positions, Floats]:
        scores: Floats = self._vectors @ query
        if len(scores) > SORTED_WHOLE and k < len(scores) // 4:
            edge = np.partition(scores, len(scores) - k)[len(scores) - k]
            found = np.flatnonzero(scores >= edge)
            found = found[(-scores[found]).argsort(kind="stable")[:k]]
        else:
            found = (-scores).argsort(kind="stable")[:k]
        return found, scores[found]


def open_index(
    vectors: Floats, version: str, cache: Path, *, exact_limit: int = EXACT_LIMIT, threads: int = 1
) -> VectorIndex:
    """Return an index over `vectors`, from the graph cached at `cache` where it fits.

    Up to `exact_limit` vectors no graph is needed and the cache is left alone. A cache whose checksum,
    `version` (of model and catalogue together) or size does not fit is rebuilt; one that cannot be
    written is done without.
    """
    if len(vectors) <= exact_limit:
        return VectorIndex(vectors)
    graph = _load_graph(vectors, version, cache)
    if graph is None:
        graph = _build_graph(vectors, threads)
        with contextlib.suppress(OSError, RuntimeError):
            _save_graph(graph, vectors, version, cache)
    return VectorIndex(vectors, graph)


def _stamp_path(cache: Path) -> Path:
    return cache.with_name(cache.name + ".json")


def _empty_graph(dim: int) -> Any:
    import hnswlib

    return hnswlib.Index(space="ip", dim=dim)


def _build_graph(vectors: Floats, threads: int) -> Any:
    graph = _empty_graph(vectors.shape[1])
    graph.init_index(len(vectors), M=NEIGHBOURS, ef_construction=CONSTRUCTION_EF, random_seed=1)
    graph.add_items(vectors, np.arange(len(vectors)), num_threads=threads)
    return graph


def _load_graph(vectors: Floats, version: str, cache: Path) -> Any:
    try:
        stamp = msgspec.json.decode(_stamp_path(cache).read_bytes(), type=GraphStamp)
        if stamp != GraphStamp(sha256_of(cache), version, *vectors.shape):
            return None
        graph = _empty_graph(vectors.shape[1])
        graph.load_index(str(cache), max_elements=len(vectors))
    except (OSError, RuntimeError, msgspec.DecodeError):
        return None
    return graph if graph.get_current_count() == len(vectors) else None


def _save_graph(graph: Any, vectors: Floats, version: str, cache: Path) -> None:
    """Write graph, then stamp, each by a rename: whoever reads in between sees a stamp that does not fit."""
    part = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    try:
        graph.save_index(str(part))
        stamp = GraphStamp(sha256_of(part), version, *vectors.shape)
        part.replace(cache)
        part.write_bytes(msgspec.json.encode(stamp))
        part.replace(_stamp_path(cache))
    finally:
        part.unlink(missing_ok=True)
