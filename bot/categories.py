"""Categories that a person names for a GIF, checked before any work starts."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from bot.errors import NoMoodError
from bot.moods import find_mood, spoken
from inference.errors import MessageError
from inference.metrics import POPULAR

MOST = 3
UNKNOWN = 'There is no category "{said}"{hint}.'
HINT = ": did you mean {names}?"
ALL = ". There are: {names}"
TOO_MANY = f"A GIF has {MOST} categories at most: name the ones that fit best, the best first."


def read_categories(said: Sequence[str]) -> list[str]:
    """Return the categories that somebody means, each once.

    Raises:
        MessageError: there is none of that name (close ones are named), or there are too many.
    """
    names = list(dict.fromkeys(_category(one) for one in said if one.strip()))
    if len(names) > MOST:
        raise MessageError(TOO_MANY)
    return names


def _category(said: str) -> str:
    try:
        return find_mood(said)
    except NoMoodError:
        raise MessageError(_unknown(said)) from None


def _unknown(said: str) -> str:
    close = get_close_matches(said.lower().replace("_", " ").strip(), [spoken(name) for name in POPULAR])
    if close:
        return UNKNOWN.format(said=said.strip(), hint=HINT.format(names=" or ".join(close))).rstrip(".")
    return UNKNOWN.format(said=said.strip(), hint=ALL.format(names=", ".join(map(spoken, POPULAR))))
