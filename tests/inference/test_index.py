import weakref
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.index import ADDED_AT_ONCE, BUILD, VectorIndex, open_index
from inference.vectors import unit

Floats = NDArray[np.float32]


def clustered(n: int, dim: int = 32, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, dim))
    points = centres[rng.integers(0, 40, n)] + 0.4 * rng.normal(size=(n, dim))
    unit: Floats = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.mark.parametrize("n", [500, 4000])
def test_exact_search_is_the_sorted_cosine(n: int) -> None:
    vectors = clustered(n)
    query = clustered(1, seed=1)[0]
    cosines = vectors.astype(np.float64) @ query
    for k in (1, 3, 64, 400, 500, 9000):
        found, scores = VectorIndex(vectors).search(query, k)
        np.testing.assert_array_equal(found, np.argsort(-cosines, kind="stable")[:k])
        np.testing.assert_allclose(scores, cosines[found], atol=1e-6)


def test_equal_cosines_come_in_row_order() -> None:
    vectors = np.repeat(clustered(2), [30, 30], axis=0)
    found, _ = VectorIndex(vectors).search(vectors[0], 5)
    assert found.tolist() == [0, 1, 2, 3, 4]


def test_graph_and_matrix_agree_through_the_same_call(tmp_path: Path) -> None:
    vectors = clustered(2500)
    exact = open_index(vectors, "v", tmp_path / "a.hnsw")
    graph = open_index(vectors, "v", tmp_path / "a.hnsw", exact_limit=1000, threads=2)
    assert exact.is_exact
    assert not graph.is_exact
    hits = 0
    for query in clustered(100, seed=3):
        truth, true_scores = exact.search(query, 10)
        found, scores = graph.search(query, 10)
        assert list(scores) == sorted(scores, reverse=True)
        assert scores[0] == pytest.approx(true_scores[0], abs=1e-5)
        hits += len(set(truth.tolist()) & set(found.tolist()))
    assert hits / 1000 >= 0.98


def test_a_graph_of_vectors_sorted_by_cluster_finds_its_way_between_clusters(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(5, 32))
    vectors = unit(np.repeat(centres, 800, axis=0) + 0.05 * rng.normal(size=(4000, 32)))
    exact = VectorIndex(vectors)
    graph = open_index(vectors, "v", tmp_path / "a.hnsw", exact_limit=10)
    hits = 0
    for query in unit(centres[rng.integers(0, 5, 100)] + rng.normal(size=(100, 32))):
        hits += len(set(exact.search(query, 10)[0].tolist()) & set(graph.search(query, 10)[0].tolist()))
    assert hits / 1000 >= 0.99  # 0.95 where they are added in this order


def test_a_graph_that_is_asked_for_more_than_it_holds_gives_all(tmp_path: Path) -> None:
    vectors = clustered(300)
    graph = open_index(vectors, "v", tmp_path / "a.hnsw", exact_limit=10)
    found, scores = graph.search(vectors[7], 1000)
    assert sorted(found.tolist()) == list(range(300))
    assert found[0] == 7
    assert scores[0] == pytest.approx(1.0, abs=1e-5)


def test_a_graph_that_cannot_fill_k_is_answered_exactly() -> None:
    class Starved:
        def set_ef(self, ef: int) -> None: ...

        def knn_query(self, *_: object, **__: object) -> None:
            raise RuntimeError("Cannot return the results in a contiguous 2D array")

    vectors = clustered(300)
    found, _ = VectorIndex(vectors, Starved()).search(vectors[9], 3)
    assert found[0] == 9


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    path = tmp_path / "a.hnsw"
    open_index(clustered(300), "v1", path, exact_limit=10)
    return path


def stamp(cache: Path) -> bytes:
    return cache.with_name("a.hnsw.json").read_bytes()


def test_a_fitting_cache_is_used_as_it_is(cache: Path) -> None:
    before = cache.stat().st_mtime_ns
    index = open_index(clustered(300), "v1", cache, exact_limit=10)
    assert cache.stat().st_mtime_ns == before
    assert index.search(clustered(300)[5], 1)[0].tolist() == [5]


@pytest.mark.parametrize(
    "damage", ["flip", "cut", "empty", "gone", "stamp", "no stamp", "other build", "matrix", "no matrix"]
)
def test_a_damaged_cache_is_rebuilt(cache: Path, damage: str) -> None:
    good, raw = stamp(cache), cache.read_bytes()
    flipped = raw[:500] + bytes([raw[500] ^ 255]) + raw[501:]
    if damage in ("flip", "cut", "empty"):
        cache.write_bytes({"flip": flipped, "cut": raw[:999], "empty": b""}[damage])
    elif damage == "gone":
        cache.unlink()
    elif damage == "stamp":
        cache.with_name("a.hnsw.json").write_text("{")
    elif damage == "other build":
        cache.with_name("a.hnsw.json").write_bytes(good.replace(BUILD.encode(), b"M 4"))
    elif damage == "matrix":
        cache.with_name("a.hnsw.npy").write_bytes(b"no matrix")
    elif damage == "no matrix":
        cache.with_name("a.hnsw.npy").unlink()
    else:
        cache.with_name("a.hnsw.json").unlink()
    vectors = clustered(300)
    index = open_index(vectors, "v1", cache, exact_limit=10)
    assert index.search(vectors[5], 1)[0].tolist() == [5]
    assert (cache.read_bytes(), stamp(cache)) == (raw, good)


@pytest.mark.parametrize(("n", "dim", "version"), [(300, 32, "v2"), (301, 32, "v1"), (300, 16, "v1")])
def test_a_cache_of_another_model_or_size_is_rebuilt(cache: Path, n: int, dim: int, version: str) -> None:
    before = stamp(cache)
    vectors = clustered(n, dim, seed=9)
    index = open_index(vectors, version, cache, exact_limit=10)
    assert index.search(vectors[-1], 1)[0].tolist() == [n - 1]
    assert stamp(cache) != before


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    vectors = clustered(50)
    index = open_index(vectors, "v", tmp_path / "file" / "a.hnsw", exact_limit=10)
    assert index.search(vectors[3], 1)[0].tolist() == [3]


@pytest.mark.parametrize("is_cached", [True, False])
def test_the_vectors_that_a_graph_was_made_from_can_be_freed(tmp_path: Path, is_cached: bool) -> None:
    if is_cached:
        open_index(clustered(300), "v", tmp_path / "a.hnsw", exact_limit=10)
    vectors = clustered(300)
    query, held = vectors[7].copy(), weakref.ref(vectors)
    index = open_index(vectors, "v", tmp_path / "a.hnsw", exact_limit=10)
    del vectors
    assert held() is None
    for k in (3, 300):  # by the graph, by the matrix
        assert index.search(query, k)[0][0] == 7


def test_a_build_tells_how_far_it_is(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    vectors = clustered(ADDED_AT_ONCE + 50, dim=4)
    for _ in range(2):
        open_index(
            vectors, "v", tmp_path / "a.hnsw", exact_limit=10, progress=lambda *call: calls.append(call)
        )
    assert calls == [(ADDED_AT_ONCE, len(vectors)), (len(vectors), len(vectors))]


def test_no_half_written_file_is_left(cache: Path) -> None:
    assert sorted(path.name for path in cache.parent.iterdir()) == ["a.hnsw", "a.hnsw.json", "a.hnsw.npy"]
