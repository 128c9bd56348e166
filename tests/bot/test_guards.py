from datetime import UTC, datetime
from typing import Any

import pytest

from bot.guards import (
    QUESTIONS_A_MINUTE,
    is_confident,
    is_pushy,
    is_quiet,
    is_used_up,
    is_wanted_here,
    may_remove,
)
from bot.records import CONFIDENCE, Boldness, ChannelSettings, Mode, QuietHours
from inference.protocol import Reaction, ReactReply


def reply(confidence: float, **options: Any) -> ReactReply:
    gif = Reaction(
        id="x",
        file="x.gif",
        name="x",
        categories=["hug"],
        alt_text="x",
        score=0.5,
        confidence=confidence,
        why="",
        code_point="",
    )
    return ReactReply(hold=0, reactions=[gif], bundle="b", catalogue="c", **options)


@pytest.mark.parametrize(
    ("mode", "is_top", "wanted"),
    [
        ("off", True, False),
        ("top", True, True),
        ("top", False, False),
        ("all", False, True),
        ("all", True, True),
    ],
)
def test_the_mode_says_which_messages_are_looked_at(mode: Mode, is_top: bool, wanted: bool) -> None:
    assert is_wanted_here(mode, is_top=is_top) is wanted


@pytest.mark.parametrize(
    ("hours", "quiet"),
    [
        (QuietHours(22, 7), {22, 23, 0, 3, 6}),
        (QuietHours(9, 17), {9, 12, 16}),
        (QuietHours(0, 0), set[int]()),
        (None, set[int]()),
    ],
)
def test_quiet_hours_may_go_over_midnight(hours: QuietHours | None, quiet: set[int]) -> None:
    day = [datetime(2026, 11, 24, hour, 30, tzinfo=UTC) for hour in range(24)]
    found = {now.hour for now in day if is_quiet(hours, now)}
    assert quiet <= found
    assert len(found) == {(22, 7): 9, (9, 17): 8}.get((hours.start, hours.end) if hours else (0, 0), 0)


@pytest.mark.parametrize("boldness", ["shy", "normal", "chatty"])
def test_confidence_is_asked_for_in_words(boldness: Boldness) -> None:
    edge = CONFIDENCE[boldness]
    assert is_confident(reply(edge), boldness)
    assert not is_confident(reply(edge - 0.001), boldness)


def test_the_shy_one_speaks_least() -> None:
    assert CONFIDENCE["shy"] > CONFIDENCE["normal"] > CONFIDENCE["chatty"]


def test_a_guess_never_comes_unasked() -> None:
    assert not is_confident(reply(1.0, is_foreign=True), "chatty")
    assert not is_confident(ReactReply(hold=0, reactions=[], bundle="b", catalogue="c"), "chatty")


def test_the_cap_counts_the_last_one_in() -> None:
    settings = ChannelSettings(daily_cap=2)
    assert [is_used_up(count, settings) for count in (1, 2, 3)] == [False, False, True]


def test_who_asks_on_and_on_goes_unheard() -> None:
    assert not is_pushy(QUESTIONS_A_MINUTE)
    assert is_pushy(QUESTIONS_A_MINUTE + 1)


def test_only_three_kinds_of_people_may_remove() -> None:
    assert may_remove("ann", asker="ann", author="bob", is_moderator=False)
    assert may_remove("bob", asker="ann", author="bob", is_moderator=False)
    assert may_remove("mod", asker="ann", author="bob", is_moderator=True)
    assert not may_remove("eve", asker="ann", author="bob", is_moderator=False)
    assert not may_remove("", asker="", author="", is_moderator=False)
