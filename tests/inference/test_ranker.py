import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.bundle import CalibrationSpec
from inference.ranker import confidence, explain, vary

PRIMARY = ["hug", "hug", "cry", "hug", "laugh", "cry"]


def test_categories_come_in_the_order_of_their_best_gif() -> None:
    assert vary([0, 1, 2, 3, 4, 5], PRIMARY, 3) == [0, 2, 4]
    assert vary([5, 4, 3, 2, 1, 0], PRIMARY, 3) == [5, 4, 3]


def test_a_category_comes_again_only_when_no_other_is_left() -> None:
    assert vary([0, 1, 2, 3, 4, 5], PRIMARY, 5) == [0, 2, 4, 1, 5]
    assert vary([0, 1, 3], PRIMARY, 3) == [0, 1, 3]


def test_no_gif_comes_twice() -> None:
    assert vary([0, 0, 2, 0, 2], PRIMARY, 4) == [0, 2]


def test_only_wanted_categories_are_picked() -> None:
    assert vary([0, 2, 4, 5], PRIMARY, 3, {"cry"}) == [2, 5]


@given(st.lists(st.integers(0, 39)), st.integers(1, 12), st.integers(1, 10))
def test_variety_holds_for_any_candidates(candidates: list[int], k: int, categories: int) -> None:
    primary = [str(i % categories) for i in range(40)]
    chosen = vary(candidates, primary, k)
    assert len(chosen) == len(set(chosen)) == min(k, len(set(candidates)))
    distinct = len({primary[position] for position in chosen})
    assert distinct == min(k, len({primary[position] for position in candidates}))
    if candidates:
        assert chosen[0] == candidates[0]


def test_confidence_is_the_calibrated_logistic_of_the_score() -> None:
    calibration = CalibrationSpec(slope=6.0, intercept=-3.0)
    assert confidence(0.5, calibration) == pytest.approx(0.5)
    assert confidence(1.0, calibration) == pytest.approx(0.9526, abs=1e-4)
    assert confidence(-1.0, CalibrationSpec(slope=1e6, intercept=0)) == pytest.approx(0, abs=1e-9)


def test_the_reason_names_category_share_and_a_shared_word() -> None:
    assert explain("mic drop", 0.413, " boom ", []) == "mic drop has 41 % of the category vote"
    assert explain("hug", 0.2, " i miss you ", [" love ", " miss "]).endswith('the message says "miss"')
    assert explain("hug", 0.2, " dismissed ", [" miss "]).endswith("vote")
    assert "under 1 %" in explain("hug", 0.004, "", [])


def test_only_the_best_kinds_come_each_again_before_another() -> None:
    primary = ["a", "b", "a", "c", "b", "c", "a"]
    assert vary(range(7), primary, 5, kinds=2) == [0, 1, 2, 4, 6]
    assert vary(range(7), primary, 3, kinds=2) == [0, 1, 2]
    assert vary(range(7), primary, 3, ["c", "b"], kinds=1) == [1, 4]
    assert vary(range(7), primary, 3, kinds=9) == vary(range(7), primary, 3) == [0, 1, 3]
