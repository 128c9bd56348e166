import math
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.errors import MessageError
from inference.ranker import vary
from inference.shifts import check_shifts, is_settled

CATEGORIES = 4
NAMES = [str(row) for row in range(CATEGORIES)]


@pytest.mark.parametrize("shift", [math.nan, math.inf, -math.inf, 1.001, -2.0])
def test_a_shift_that_is_no_number_or_too_large_gets_a_sentence(shift: float) -> None:
    with pytest.raises(MessageError, match="from -1 to 1"):
        check_shifts({"a": 0.5, "b": shift})


def test_shifts_up_to_one_are_fine() -> None:
    check_shifts({})
    check_shifts({"a": 1.0, "b": -1.0, "c": 0.0})


def settled(*, shifts: list[float], rise: float = 0.0, outside: bool = True) -> bool:
    """Choose of two categories, ranked .9 .8 and .7 .6, the best of each; one GIF of the first is left."""
    rows, scores = np.array([0, 0, 1, 1]), np.array([0.9, 0.8, 0.7, 0.6])
    added = np.array(shifts)
    order = np.argsort(-(scores + added), kind="stable").tolist()
    chosen = vary(order, [str(row) for row in rows], 2)
    return is_settled(rows, scores, added, chosen, np.array([outside, False]), np.array([rise, 0.0]))


def test_without_a_shift_that_matters_the_best_ranked_stay() -> None:
    assert settled(shifts=[0, 0, 0, 0])
    assert settled(shifts=[0, -0.5, 0, 0])
    assert settled(shifts=[0, 0, 0.1, -0.2])


def test_a_gif_outside_may_rise_above_the_one_of_its_category() -> None:
    assert settled(shifts=[0, 0, 0, 0], rise=0.09)
    assert not settled(shifts=[0, 0, 0, 0], rise=0.11)
    assert settled(shifts=[0, 0, 0, 0], rise=0.11, outside=False)


def test_what_sinks_may_make_room_for_a_gif_outside() -> None:
    assert settled(shifts=[-0.2, 0, 0, 0])
    assert not settled(shifts=[-0.2, -0.2, 0, 0])


def test_a_gif_that_was_ranked_for_its_shift_tells_nothing_of_others() -> None:
    """The second one has 0.5 and is there as it was asked for: what is outside may have up to 0.9."""
    rows, scores = np.array([0, 1, 0]), np.array([0.9, 0.7, 0.5])
    outside, rises = np.array([True, False]), np.array([0.05, 0.0])
    assert not is_settled(rows, scores, np.array([0, 0, 0.3]), [0, 1], outside, rises)
    assert is_settled(rows, scores, np.array([0, 0, 0.0]), [0, 1], outside, rises)


def test_another_gif_of_a_category_that_has_fewer_may_enter() -> None:
    """Of two kinds the first has two; another of the second may take the last place."""
    rows, scores, none = np.array([0, 1, 0]), np.array([0.9, 0.8, 0.5]), np.zeros(3)
    assert best(rows, scores, 3, kinds=2) == [0, 1, 2]
    assert not is_settled(rows, scores, none, [0, 1, 2], np.array([False, True]), np.zeros(2))
    assert is_settled(rows, scores, none, [0, 1, 2], np.array([True, False]), np.zeros(2))


@pytest.mark.parametrize("k", range(1, 6))
@pytest.mark.parametrize("kinds", range(1, CATEGORIES + 1))
def test_what_is_called_settled_is_what_all_gifs_give(k: int, kinds: int) -> None:
    rng, settled_ones, others = np.random.default_rng(k), 0, 0
    for _ in range(600):
        size = int(rng.integers(6, 16))
        rows = rng.integers(0, CATEGORIES, size)
        scores = -np.sort(-rng.integers(0, 40, size)) / 40
        shifts = rng.integers(-8, 9, size) / 40 * rng.integers(0, 2, size)
        count = int(rng.integers(k, size))
        chosen = best(rows[:count], (scores + shifts)[:count], k, kinds)
        counts = Counter(rows[chosen].tolist()).values()
        if len(chosen) < k or len(counts) < min(k, kinds) or max(counts) - min(counts) > 1:
            continue  # then the ranking is too short anyhow
        outside, rises = np.zeros(CATEGORIES, np.bool_), np.zeros(CATEGORIES)
        outside[rows[count:]] = True
        np.maximum.at(rises, rows[count:], shifts[count:])
        if is_settled(rows[:count], scores[:count], shifts[:count], chosen, outside, rises):
            settled_ones += 1
            all_of_them = best(rows, scores + shifts, k, kinds)
            np.testing.assert_array_equal((scores + shifts)[chosen], (scores + shifts)[all_of_them])
        else:
            others += 1
    assert settled_ones > 5
    assert others > 5


def best(rows: NDArray[np.int64], shifted: NDArray[np.float64], k: int, kinds: int) -> list[int]:
    order = np.argsort(-shifted, kind="stable").tolist()
    return vary(order, [NAMES[row] for row in rows], k, kinds=kinds)
