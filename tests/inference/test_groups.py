from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.groups import EACH, WHOLE_LIMIT, GroupedIndex, open_groups
from inference.vectors import unit

COUNT, DIM, SIZE = 5, 16, 3_000

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def groups() -> NDArray[np.int64]:
    """Group 3 is empty, group 4 small."""
    groups = np.random.default_rng(0).choice(3, SIZE)
    groups[:20] = 4
    return groups


@pytest.fixture(scope="module")
def vectors(groups: NDArray[np.int64]) -> Floats:
    rng = np.random.default_rng(1)
    return unit(np.eye(COUNT, DIM)[groups] + 0.1 * rng.normal(size=(SIZE, DIM)))


@pytest.fixture(scope="module")
def query() -> Floats:
    return unit(np.eye(COUNT, DIM)[0] + 0.1 * np.random.default_rng(2).normal(size=DIM))


def opened(vectors: Floats, groups: NDArray[np.int64], folder: Path) -> GroupedIndex:
    return open_groups(vectors, groups, COUNT, "v", folder / "a.hnsw")


@pytest.fixture(scope="module")
def index(
    vectors: Floats, groups: NDArray[np.int64], tmp_path_factory: pytest.TempPathFactory
) -> GroupedIndex:
    return opened(vectors, groups, tmp_path_factory.mktemp("groups"))


def nearest(vectors: Floats, groups: NDArray[np.int64], query: Floats, group: int, k: int) -> list[int]:
    rows = np.flatnonzero(groups == group)
    found: list[int] = rows[np.argsort(-(vectors[rows] @ query), kind="stable")[:k]].tolist()
    return found


def test_each_group_gives_its_nearest_the_likeliest_first(
    index: GroupedIndex, vectors: Floats, groups: NDArray[np.int64], query: Floats
) -> None:
    found = index.search(query, EACH + 1, [2, 0, 1])
    wanted = [row for group in (2, 0) for row in nearest(vectors, groups, query, group, EACH)]
    assert found.positions.tolist() == wanted
    np.testing.assert_allclose(found.cosines, vectors[wanted] @ query, atol=1e-6)
    assert not found.is_whole


def test_far_groups_are_found_although_many_nearer_vectors_are_in_others(
    index: GroupedIndex, groups: NDArray[np.int64], query: Floats
) -> None:
    found = index.search(query, 4 * EACH, [0, 4, 2, 1])
    assert set(groups[found.positions].tolist()) == {0, 1, 2, 4}


def test_more_of_few_groups_are_given_where_more_are_wanted(
    index: GroupedIndex, groups: NDArray[np.int64], query: Floats
) -> None:
    found = index.search(query, 300, [1, 0])
    assert np.bincount(groups[found.positions]).tolist() == [150, 150]


def test_whole_is_what_leaves_nothing_out(
    index: GroupedIndex, groups: NDArray[np.int64], query: Floats
) -> None:
    assert index.search(query, 10, [4]).is_whole
    assert index.search(query, 10, [4, 3]).is_whole
    assert not index.search(query, 10, [0]).is_whole
    everything = index.search(query, SIZE * COUNT, range(COUNT))
    assert everything.is_whole
    assert sorted(everything.positions.tolist()) == list(range(SIZE)) == list(range(len(index)))


@pytest.mark.parametrize("nothing", [[], [3]])
def test_an_empty_group_gives_nothing(index: GroupedIndex, query: Floats, nothing: list[int]) -> None:
    found = index.search(query, 5, nothing)
    assert (found.positions.tolist(), found.cosines.tolist(), found.is_whole) == ([], [], True)


def test_few_vectors_are_searched_all_together(
    vectors: Floats, groups: NDArray[np.int64], query: Floats, tmp_path: Path
) -> None:
    few = vectors[:WHOLE_LIMIT]
    small = opened(few, groups[:WHOLE_LIMIT], tmp_path)
    found = small.search(query, 100, [2, 1])
    assert found.positions.tolist() == np.argsort(-(few @ query), kind="stable")[:100].tolist()
    assert not found.is_whole
    assert small.search(query, WHOLE_LIMIT, [0]).is_whole


def test_large_groups_get_graphs_of_their_own(
    vectors: Floats, groups: NDArray[np.int64], query: Floats, tmp_path: Path
) -> None:
    calls: list[tuple[int, int]] = []
    total = int((groups < 3).sum())
    for _ in range(2):
        graphs = open_groups(
            vectors,
            groups,
            COUNT,
            "v",
            tmp_path / "a.hnsw",
            exact_limit=100,
            progress=lambda *call: calls.append(call),
        )
        found = graphs.search(query, 3 * EACH, [0, 1, 2])
        wanted = [row for group in range(3) for row in nearest(vectors, groups, query, group, EACH)]
        assert len(set(wanted) & set(found.positions.tolist())) / len(wanted) > 0.95
    assert [path.name for path in sorted(tmp_path.glob("*.hnsw"))] == [f"a-0{n}.hnsw" for n in range(3)]
    assert calls[-1] == (total, total)
    assert len(calls) == 3


@pytest.mark.parametrize("exact_limit", [10, 100_000])
def test_given_vectors_are_compared_wherever_they_lie(
    vectors: Floats, groups: NDArray[np.int64], query: Floats, tmp_path: Path, exact_limit: int
) -> None:
    index = open_groups(vectors, groups, COUNT, "v", tmp_path / "a.hnsw", exact_limit=exact_limit)
    wanted = np.random.default_rng(3).permutation(SIZE)[:200]
    np.testing.assert_allclose(index.compare(query, wanted), vectors[wanted] @ query, atol=1e-6)
    assert index.compare(query, wanted[:0]).shape == (0,)
