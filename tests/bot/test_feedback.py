from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.feedback import (
    COUNTED,
    FORGOTTEN_AFTER,
    HALF_LIFE_PERIODS,
    PERIOD,
    WEIGHT,
    Tally,
    counted,
    field_of,
    forgotten,
    shifts,
    tallies,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
counts = st.floats(0, 1e6)


def test_without_votes_nothing_is_shifted() -> None:
    assert Tally().shift == 0
    assert shifts({}, NOW) == {}


@given(counts, counts)
def test_a_shift_is_bounded_and_fair(ups: float, downs: float) -> None:
    shift = Tally(ups, downs).shift
    assert abs(shift) < WEIGHT
    assert Tally(downs, ups).shift == pytest.approx(-shift)
    assert Tally(ups + 1, downs).shift > shift > Tally(ups, downs + 1).shift or max(ups, downs) > 1e4


def test_one_vote_says_less_than_many_of_the_same() -> None:
    assert 0 < Tally(1, 0).shift < Tally(5, 0).shift < Tally(50, 0).shift


def test_votes_fade() -> None:
    counters = {field_of("cat", 1, NOW): 8.0}
    later = NOW + HALF_LIFE_PERIODS * PERIOD
    assert tallies(counters, later)["cat"].ups == pytest.approx(4)
    assert 0 < shifts(counters, later)["cat"] < shifts(counters, NOW)["cat"]
    assert forgotten(counters, NOW + FORGOTTEN_AFTER * PERIOD) == []
    assert forgotten(counters, NOW + (FORGOTTEN_AFTER + 1) * PERIOD) == list(counters)


def test_a_campaign_counts_no_more_than_a_few() -> None:
    few, many = {field_of("cat", -1, NOW): COUNTED}, {field_of("cat", -1, NOW): 100 * COUNTED}
    assert shifts(few, NOW) == shifts(many, NOW)


def test_counts_do_not_fade_but_are_forgotten_some_day() -> None:
    counters = {
        field_of("cat", 1, NOW): 3.0,
        field_of("cat", 1, NOW - PERIOD): 100.0,
        field_of("cat", -1, NOW): 1.0,
        field_of("owl", 1, NOW): -1.0,  # taken back in a later period than it was given
        field_of("old", 1, NOW - 13 * PERIOD): 5.0,
    }
    assert counted(counters, NOW) == {"cat": Tally(103.0, 1.0)}


def test_kinds_and_gifs_are_told_apart() -> None:
    month = timedelta(days=31)
    counters = {
        field_of("cat", 1, NOW): 3.0,
        field_of("cat", 1, NOW - month): 1.0,
        field_of("cat", -1, NOW): 1.0,
        field_of("dog", -1, NOW): 2.0,
        field_of("owl", 1, NOW): -1.0,  # taken back in a later period than it was given
    }
    found = tallies(counters, NOW)
    assert 3 < found["cat"].ups < 4
    assert found["cat"].downs == 1
    assert shifts(counters, NOW).keys() == {"cat", "dog"}
    assert shifts(counters, NOW)["dog"] < 0
