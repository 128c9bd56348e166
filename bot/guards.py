"""The rules that keep a bot from loops, spam and bad moments: pure predicates, each tested alone."""

from __future__ import annotations

from datetime import datetime

from bot.records import CONFIDENCE, Boldness, ChannelSettings, Mode, QuietHours
from inference.protocol import ReactReply

QUESTIONS_A_MINUTE = 10


def is_wanted_here(mode: Mode, *, is_top: bool) -> bool:
    """Whether the automatic mode looks at a message at all."""
    return mode == "all" or (mode == "top" and is_top)


def is_quiet(quiet: QuietHours | None, now: datetime) -> bool:
    """Whether `now`, in the server's own time zone, is in the quiet hours."""
    if quiet is None or quiet.start == quiet.end:
        return False
    if quiet.start < quiet.end:
        return quiet.start <= now.hour < quiet.end
    return now.hour >= quiet.start or now.hour < quiet.end


def is_confident(reply: ReactReply, boldness: Boldness) -> bool:
    """Whether the best GIF is good enough to come unasked; a guess, or half of a message, never is."""
    if reply.is_foreign or reply.is_cut or not reply.reactions:
        return False
    return reply.reactions[0].confidence >= CONFIDENCE[boldness]


def is_pushy(count: int) -> bool:
    """Whether a person asked in a channel so often within a minute (`count` times) that it goes unheard."""
    return count > QUESTIONS_A_MINUTE


def is_used_up(count: int, settings: ChannelSettings) -> bool:
    """Whether the GIF that was counted as the `count`-th of the day is one too many."""
    return count > settings.daily_cap


def may_remove(person: str, *, asker: str, author: str, is_moderator: bool) -> bool:
    """Whether a person may take a posted GIF away."""
    return is_moderator or (person != "" and person in (asker, author))
