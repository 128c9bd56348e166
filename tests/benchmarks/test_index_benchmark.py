"""Made catalogues are like the pack, and a worker over one opens it without embedding anything."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import _vectors
from benchmarks._large_pack import forget_list, is_laid_out, lay_out
from benchmarks._memory import memory_of
from benchmarks._searches import Place, by_category, in_one_graph
from benchmarks._vectors import CHUNK, Pool, draw, like_the_pack, residuals
from benchmarks.index import build, compare, fill, judge
from inference.bundle import FusionSpec
from inference.catalogue import Catalogue
from inference.index import Progress
from inference.pack import PackGif, read_pack
from inference.vectors import unit

GIFS, DIM, CATEGORIES = 60, 16, 6


@pytest.fixture(scope="module")
def pool() -> Pool:
    rng = np.random.default_rng(0)
    primary = np.repeat(np.arange(CATEGORIES), GIFS // CATEGORIES)
    anchors = np.eye(CATEGORIES, DIM, dtype=np.float32)
    near = anchors[primary] + 0.2 * rng.normal(size=(3, GIFS, DIM))
    said, images = unit(near[0]), unit(near[1])
    return Pool(
        categories=anchors[primary],
        texts=unit(near[2]),
        images=images,
        primary=primary,
        text_residuals=residuals(said, primary, 2),
        image_residuals=residuals(images, primary, 2),
        weights=FusionSpec(image=0.35, text=0.25, category=1.0),
    )


def test_a_residual_is_what_lies_beside_the_mean_of_a_group() -> None:
    vectors = np.array([[1, 0], [3, 0], [9, 9]], np.float32)
    np.testing.assert_array_equal(residuals(vectors, np.array([0, 0, 1]), 2), [[-1, 0], [1, 0]])


def test_made_gifs_keep_their_category_and_differ(pool: Pool) -> None:
    vectors, origins = draw(pool, 500)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    nearest = (vectors @ np.eye(CATEGORIES, DIM, dtype=np.float32).T).argmax(1)
    assert (nearest == pool.primary[origins]).mean() > 0.95
    assert len(np.unique(vectors.round(5), axis=0)) > 490
    assert (vectors @ pool.vectors.T).max() < 0.9999


def test_a_smaller_catalogue_is_the_beginning_of_a_larger_one(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_vectors, "CHUNK", 100)
    calls: list[tuple[int, int]] = []
    larger, _ = draw(pool, 250, progress=lambda *call: calls.append(call))
    np.testing.assert_array_equal(draw(pool, 130)[0], larger[:130])
    assert calls == [(100, 250), (200, 250), (250, 250)]


def test_a_set_of_the_size_of_the_pack_is_like_it(pool: Pool) -> None:
    made = like_the_pack(pool)
    queries = unit(np.random.default_rng(1).normal(size=(50, DIM)))
    real, ours = (compare(vectors, pool.primary, queries) for vectors in (pool.vectors, made))
    assert real.keys() == ours.keys()
    for what, quantiles in real.items():
        assert quantiles == sorted(quantiles), what
        np.testing.assert_allclose(ours[what], quantiles, atol=0.12)


def test_recall_time_and_memory_are_measured(pool: Pool, tmp_path: Path) -> None:
    place = Place(tmp_path / "deep" / "a-2.5")
    fill(place, pool, 12_000)
    before = place.vectors.stat().st_mtime_ns
    fill(place, pool, 12_000)
    assert place.vectors.stat().st_mtime_ns == before
    queries = np.load(place.vectors)[:5]
    anchors = np.eye(CATEGORIES, DIM, dtype=np.float32)
    for work in (in_one_graph, by_category):
        measured = work(place, queries, anchors)
        assert {len(series) for series in measured.series.values()} == {5}
        assert all(recall > 0.98 for recall in measured.recalls.values())
        assert [verdict.value for verdict in judge("all", measured, 1.5)][-3] == 1.5
    assert judge("all", in_one_graph(place, queries, anchors), 1.5)[0].is_met


def test_a_build_is_timed_when_it_happens(tmp_path: Path) -> None:
    def opener(*, threads: int, progress: Progress) -> None:
        progress(threads, threads)

    took = tmp_path / "a.seconds"
    seconds = build(took, opener, 2, "a")
    assert build(took, lambda **_: None, 2, "a") == seconds == float(took.read_text())


def test_a_large_pack_opens_without_embedding(pool: Pool, tiny_pack: Path, tmp_path: Path) -> None:
    gifs = read_pack(tiny_pack).gifs
    vectors, origins = draw(pool, 25)
    assert not is_laid_out(tmp_path)
    lay_out(tmp_path, gifs, origins % len(gifs), vectors, "m")
    assert is_laid_out(tmp_path)
    (tmp_path / "data" / "catalogue.hnsw").touch()

    def refuse(_: Path, entry: PackGif) -> None:
        raise AssertionError(f"{entry.name} is embedded")

    for _ in range(2):
        catalogue = Catalogue(tmp_path / "data" / "catalogue.sqlite")
        snapshot = catalogue.sync([read_pack(tmp_path / "pack")], "m", DIM, refuse)  # type: ignore[arg-type]
        catalogue.close()
        np.testing.assert_array_equal(snapshot.vectors, vectors)
        assert len({gif.entry.name for gif in snapshot.gifs}) == 25
        forget_list(tmp_path)
    assert not (tmp_path / "data" / "catalogue.hnsw").exists()


def test_memory_is_that_of_the_process() -> None:
    before = memory_of()
    held = np.ones(25_000_000, np.float32)
    after = memory_of()
    assert 80 < after.own_mb - before.own_mb < 130
    assert after.peak_mb >= after.resident_mb > 80
    assert len(held) > CHUNK
