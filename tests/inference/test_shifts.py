import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


Cut = tuple[list[int], list[float], list[float], int]


@st.composite
def cuts(draw: st.DrawFn) -> Cut:
    """Categories, scores and shifts of GIFs, best first, and how many of them are in the ranking."""
    count = draw(st.integers(4, 20))
    numbers = st.lists(st.integers(-20, 20), min_size=count, max_size=count)
    rows = draw(st.lists(st.integers(0, CATEGORIES - 1), min_size=count, max_size=count))
    scores = sorted((number / 20 for number in draw(numbers)), reverse=True)
    shifts = [number / 20 for number in draw(numbers)]
    return rows, scores, shifts, draw(st.integers(1, count))


@given(cuts(), st.integers(1, CATEGORIES))
def test_what_is_called_settled_is_what_all_gifs_give(cut: Cut, k: int) -> None:
    rows, scores, shifts = (np.array(part) for part in cut[:3])
    count = cut[3]
    chosen = best(rows[:count], scores[:count] + shifts[:count], k)
    if len({rows[place] for place in chosen}) < k:
        return
    outside, rises = np.zeros(CATEGORIES, np.bool_), np.zeros(CATEGORIES)
    outside[rows[count:]] = True
    np.maximum.at(rises, rows[count:], shifts[count:])
    if is_settled(rows[:count], scores[:count], shifts[:count], chosen, outside, rises):
        found, all_of_them = (scores + shifts)[chosen], best(rows, scores + shifts, k)
        np.testing.assert_array_equal(found, (scores + shifts)[all_of_them])


def best(rows: NDArray[np.int64], shifted: NDArray[np.float64], k: int) -> list[int]:
    order = np.argsort(-shifted, kind="stable").tolist()
    return vary(order, [NAMES[row] for row in rows], k)
