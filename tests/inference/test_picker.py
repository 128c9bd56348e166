"""Rankings that are cut short and yet answered as if all GIFs had been looked at."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.bundle import Bundle, load_bundle
from inference.catalogue import CatalogueGif, Snapshot
from inference.fingerprints import BYTES
from inference.groups import open_groups
from inference.holdings import Holdings
from inference.layers import LayeredIndex
from inference.pack import PackGif
from inference.picker import FIRST_CANDIDATES, Picker, primary_rows
from inference.protocol import ReactRequest
from inference.vectors import unit
from tests import tiny

COUNT = 3_000
EXACT = 10_000


def entry(number: int) -> PackGif:
    identity = hashlib.sha256(f"{number}".encode()).hexdigest()
    category = tiny.CATEGORIES[number % len(tiny.CATEGORIES)]
    return PackGif(
        id=identity,
        file=f"{number}.gif",
        name=f"{number}",
        categories=[category],
        tags=[],
        alt_text="A GIF.",
        licence="CC0-1.0",
    )


IDS = [entry(number).id for number in range(COUNT)]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """Return many GIFs around the anchors of their categories, no two of which look alike."""
    rng = np.random.default_rng(5)
    gifs = [CatalogueGif(Path("/p"), entry(number)) for number in range(COUNT)]
    rows = np.arange(COUNT) % len(tiny.CATEGORIES)
    noisy = tiny.anchors()[rows] + rng.normal(scale=0.12, size=(COUNT, tiny.DIM))
    vectors = np.stack([unit(vector.astype(np.float32)) for vector in noisy])
    return Snapshot(gifs, vectors, rng.integers(0, 256, (COUNT, BYTES), np.uint8), "v")


@pytest.fixture(scope="module")
def picker(tiny_bundle: Path, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Picker:
    bundle = load_bundle(tiny_bundle)
    return opened(bundle, snapshot, tmp_path_factory.mktemp("index") / "c.hnsw")


def opened(bundle: Bundle, snapshot: Snapshot, cache: Path) -> Picker:
    rows = primary_rows(bundle, snapshot.gifs)
    holdings = Holdings.of(snapshot.gifs, rows, snapshot.fingerprints, tiny.DIM)
    index = open_groups(snapshot.vectors, rows, len(tiny.CATEGORIES), "v", cache, exact_limit=EXACT)
    return Picker(bundle, holdings, LayeredIndex(index, holdings))


def message(seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return unit(
        (rng.normal(size=8) @ tiny.anchors() + rng.normal(scale=0.1, size=tiny.DIM)).astype(np.float32)
    )


def picked(picker: Picker, vector: NDArray[np.float32], request: ReactRequest) -> list[tuple[str, float]]:
    ranking, chosen = picker.pick(vector, picker.rank(vector), request)
    return [(reaction.id, round(reaction.score, 5)) for reaction in picker.finish(ranking, chosen, "hi")]


def picked_of_all(
    picker: Picker, vector: NDArray[np.float32], request: ReactRequest
) -> list[tuple[str, float]]:
    whole = picker.rank(vector, COUNT * len(tiny.CATEGORIES))
    assert whole.is_whole
    chosen = picker.choose(whole, request)
    assert chosen is not None
    return [(reaction.id, round(reaction.score, 5)) for reaction in picker.finish(whole, chosen, "hi")]


@pytest.mark.parametrize("spread", [0.02, 0.2, 1.0])
@pytest.mark.parametrize(
    "wish",
    [{}, {"k": 1}, {"k": 8}, {"k": 5, "kinds": 2}, {"k": 5, "categories": ["cry"]}],
    ids=str,
)
def test_shifts_among_many_gifs_give_what_all_of_them_give(
    picker: Picker, spread: float, wish: dict[str, object]
) -> None:
    changed = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        liked = rng.choice(COUNT, 200, replace=False).tolist()
        shifts = {IDS[number]: float(rng.uniform(-spread, spread)) for number in liked}
        request = ReactRequest(text="hi", shifts=shifts | {"unknown": spread}, **wish)  # type: ignore[arg-type]
        vector = message(seed)
        found = picked(picker, vector, request)
        assert found == picked_of_all(picker, vector, request)
        changed += found != picked(picker, vector, ReactRequest(text="hi", **wish))  # type: ignore[arg-type]
    assert changed or spread < 0.1


def test_a_gif_far_off_comes_first_where_it_is_liked_that_much(picker: Picker) -> None:
    vector = message(1)
    ranked = picker.rank(vector)
    assert not ranked.is_whole
    assert len(ranked.positions) >= FIRST_CANDIDATES
    far = picker.rank(vector, COUNT * 8).positions[-1]
    request = ReactRequest(text="hi", shifts={IDS[far]: 1.0})
    assert picker.choose(ranked, request) is None
    assert picked(picker, vector, request) == picked_of_all(picker, vector, request)
    near = ReactRequest(text="hi", k=1, shifts={IDS[picker.rank(vector).positions[3]]: 1.0})
    assert picked(picker, vector, near)[0][0] == next(iter(near.shifts))


def test_a_liked_gif_that_is_not_allowed_needs_no_longer_ranking(picker: Picker) -> None:
    vector = message(1)
    ranked = picker.rank(vector)
    far = IDS[picker.rank(vector, COUNT * 8).positions[-1]]
    plain = picker.choose(ranked, ReactRequest(text="hi"))
    assert picker.choose(ranked, ReactRequest(text="hi", shifts={far: 1.0}, avoid=[far])) == plain
    assert picker.choose(ranked, ReactRequest(text="hi", shifts={"unknown": 1.0})) == plain


def test_when_all_that_are_near_are_disliked_others_are_found(picker: Picker) -> None:
    vector = message(2)
    near = picker.rank(vector)
    request = ReactRequest(text="hi", shifts={IDS[position]: -1.0 for position in near.positions.tolist()})
    assert picker.choose(near, request) is None
    found = picked(picker, vector, request)
    assert found == picked_of_all(picker, vector, request)
    assert not {identity for identity, _ in found} & request.shifts.keys()


def test_banned_looks_stay_out_of_many(picker: Picker, snapshot: Snapshot) -> None:
    vector = message(3)
    best = [identity for identity, _ in picked(picker, vector, ReactRequest(text="hi"))]
    looks = [snapshot.fingerprints[IDS.index(identity)] for identity in best[:2]]
    nearly = [look ^ np.packbits(np.arange(BYTES * 8) % 40 == 0) for look in looks]
    left = picked(picker, vector, ReactRequest(text="hi", banned=[look.tobytes().hex() for look in nearly]))
    assert len(left) == 3
    assert {identity for identity, _ in left}.isdisjoint(best[:2])
    assert best[2] in {identity for identity, _ in left}


def test_a_catalogue_without_fingerprints_bans_nothing(tiny_bundle: Path, snapshot: Snapshot) -> None:
    few = Snapshot(snapshot.gifs[:8], snapshot.vectors[:8], np.empty((8, 0), np.uint8), "v")
    picker = opened(load_bundle(tiny_bundle), few, Path("unused"))
    ban = snapshot.fingerprints[0].tobytes().hex()
    ranking = picker.rank(message(1))
    chosen = picker.choose(ranking, ReactRequest(text="hi", k=8, banned=[ban]))
    assert chosen is not None
    assert {reaction.fingerprint for reaction in picker.finish(ranking, chosen, "hi")} == {""}
    assert len(chosen) == 8
