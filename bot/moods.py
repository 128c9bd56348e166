"""The moods that a person can ask for: the reaction categories, in words."""

from __future__ import annotations

from bot.errors import NoMoodError
from inference.metrics import POPULAR

CHOICES = 25  # as many as Discord shows


def spoken(mood: str) -> str:
    """Put the name of a category into words."""
    return mood.replace("_", " ")


def find_mood(said: str) -> str:
    """Return the category that somebody means.

    Raises:
        NoMoodError: there is none of that name.
    """
    name = "_".join(said.lower().replace("_", " ").split())
    if name and name not in POPULAR:
        raise NoMoodError
    return name


def suggest(typed: str) -> list[str]:
    """List categories for what was typed so far, those that begin with it first, the commoner ones before."""
    said = " ".join(typed.lower().replace("_", " ").split())
    fitting = [mood for mood in POPULAR if said in spoken(mood)]
    return sorted(fitting, key=lambda mood: not spoken(mood).startswith(said))[:CHOICES]
