"""The settings of a channel as people type them and read them: hours, time zones, all of it in a sentence."""

from __future__ import annotations

import functools
import re
from zoneinfo import available_timezones

from bot import messages
from bot.records import CONFIDENCE, ChannelSettings, GuildSettings, QuietHours

NO_HOURS = "none"
HOURS = re.compile(r"(\d{1,2})\s*-\s*(\d{1,2})")


class SettingError(ValueError):
    """A setting cannot be used; its text says why to the person who made it."""


def describe_channel(channel: str, settings: ChannelSettings, guild: GuildSettings) -> str:
    """Put the settings of a channel into words."""
    quiet = ""
    if settings.quiet is not None:
        hours = settings.quiet
        quiet = messages.QUIET.format(start=hours.start, end=hours.end, timezone=guild.timezone)
    detail = messages.DETAIL.format(
        boldness=settings.boldness,
        share=CONFIDENCE[settings.boldness],
        pause=messages.PAUSE.format(span=messages.span(settings.cooldown_s)) if settings.cooldown_s else "",
        cap=settings.daily_cap,
        quiet=quiet,
        dry_run=messages.DRY_RUN if settings.is_dry_run else "",
    )
    return messages.CHANNEL_SETTINGS[settings.mode].format(channel=channel, detail=detail)


def parse_hours(said: str) -> QuietHours | None:
    """Read quiet hours, such as 22-7.

    Raises:
        SettingError: they are none.
    """
    if said.strip().lower() == NO_HOURS:
        return None
    found = HOURS.fullmatch(said.strip())
    hours = [int(hour) % 24 for hour in found.groups()] if found else []
    if found is None or max(map(int, found.groups())) > 24 or hours[0] == hours[1]:
        raise SettingError(messages.BAD_HOURS)
    return QuietHours(*hours)


def parse_timezone(said: str) -> str:
    """Return the name of a time zone.

    Raises:
        SettingError: there is none of that name.
    """
    name = _timezones().get(said.strip().lower().replace(" ", "_"))
    if name is None:
        raise SettingError(messages.BAD_TIMEZONE.format(name=re.sub(r"[^\w/+ -]", "", said[:50])))
    return name


def suggest_timezones(typed: str) -> list[str]:
    """List the time zones that have in their names what was typed so far."""
    said = typed.lower().replace(" ", "_")
    return sorted(name for name in _timezones().values() if said in name.lower())


@functools.cache
def _timezones() -> dict[str, str]:
    """Return the names of all time zones by their lower case; looking them up takes a while."""
    return {name.lower(): name for name in available_timezones()}
