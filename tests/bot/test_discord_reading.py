"""What Discord's texts and the settings that people type mean."""

from __future__ import annotations

import pytest

from bot import errors as wishes
from bot.discord._reading import link_of, plain
from bot.messages import refusal, span
from bot.records import ChannelSettings, GuildSettings, QuietHours
from bot.schedule import SettingError, describe_channel, parse_hours, parse_timezone
from inference import errors as failures
from inference.errors import RefusedError, ReparteeError


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("I got the job!!", "I got the job!!"),
        ("<@123> <@!45> congratulations!!", "congratulations!!"),
        ("<@&9> in <#77>: standup", "in : standup"),
        ("so <:party_parrot:42> now <a:blob:7>", "so party parrot now blob"),
        ("see you <t:1700000000:R>", "see you"),
        ("  two\n lines ", "two lines"),
        ("a < b > c, <3", "a < b > c, <3"),
        ("try </react:123>", "try"),
        ("<@1>", ""),
    ],
)
def test_only_what_a_person_said_is_read(content: str, said: str) -> None:
    assert plain(content) == said


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ("22-7", QuietHours(22, 7)),
        (" 9 - 17 ", QuietHours(9, 17)),
        ("22-24", QuietHours(22, 0)),
        ("none", None),
        ("None", None),
    ],
)
def test_quiet_hours_as_people_write_them(said: str, hours: QuietHours | None) -> None:
    assert parse_hours(said) == hours


@pytest.mark.parametrize("said", ["", "22", "22-25", "7-7", "0-24", "22:30-7:00", "late", "-1-3"])
def test_what_is_no_span_of_hours_is_refused(said: str) -> None:
    with pytest.raises(SettingError):
        parse_hours(said)


def test_time_zones_are_found_whatever_their_case() -> None:
    assert parse_timezone("america/new york") == "America/New_York"
    with pytest.raises(SettingError, match="Atlantis"):
        parse_timezone("Atlantis")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (45, "45 seconds"),
        (60, "1 minute"),
        (300, "5 minutes"),
        (3600, "1 hour"),
        (90, "90 seconds"),
    ],
)
def test_spans_of_time_in_words(seconds: int, words: str) -> None:
    assert span(seconds) == words


def test_settings_in_words() -> None:
    guild = GuildSettings(timezone="Europe/Berlin")
    off = describe_channel("<#1>", ChannelSettings(), guild)
    assert off.startswith("**<#1>:** I react only when asked (once switched on: normal")
    settings = ChannelSettings(mode="top", quiet=QuietHours(22, 7), is_dry_run=True)
    said = describe_channel("<#1>", settings, guild)
    assert "normal (when at least 65% sure), at most every 5 minutes, at most 20 times a day" in said
    assert "quiet from 22:00 to 7:00 (Europe/Berlin)" in said
    assert "dry run" in said


def test_links_lead_to_servers_and_direct_messages() -> None:
    assert link_of("1", "2", "3") == "https://discord.com/channels/1/2/3"
    assert link_of("", "2", "3") == "https://discord.com/channels/@me/2/3"


def test_every_refusal_has_words_of_its_own() -> None:
    kinds = [
        kind
        for kind in vars(wishes).values()
        if isinstance(kind, type) and issubclass(kind, wishes.WishError)
    ]
    said = {refusal(kind()) for kind in kinds if kind is not wishes.WishError}
    assert len(said) == len(kinds) - 1
    others = [
        kind
        for kind in vars(failures).values()
        if isinstance(kind, type) and issubclass(kind, ReparteeError) and not issubclass(kind, RefusedError)
    ]
    assert refusal(RefusedError("It flashes.")) == "It flashes."  # written for who sent the file
    assert all(
        refusal(kind("xylophone")) and "xylophone" not in refusal(kind("xylophone")) for kind in others
    )
