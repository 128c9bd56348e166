"""What of a text people can read: names, captions and alt texts come from files, models and strangers."""

from __future__ import annotations

import unicodedata

NAMELESS = "GIF"  # the name of a GIF that nobody has given one; the command line starts without packs
BREAKS = "\t\n\r\x0b\x0c\x85\u2028\u2029"
STEERING = frozenset({"Cc", "Cs"})  # controls, with which escape sequences begin, and what is no character
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # the text around, too
_INVISIBLE = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and a symbol by their category only


def legible(text: str) -> str:
    """Return a text without spaces around, empty where it says nothing: no letter, digit or symbol."""
    return text.strip() if any(map(_is_telling, text)) else ""


def is_steering(character: str) -> bool:
    """Whether a character does something to a terminal, or to the text around, instead of being read."""
    return character in TURNING or unicodedata.category(character) in STEERING


def tidy(text: str) -> str:
    """Return a text on one line without characters that steer."""
    return " ".join("".join(map(_tidied, text)).split())


def _tidied(character: str) -> str:
    if character in BREAKS:
        return " "
    return "" if is_steering(character) else character


def _is_telling(character: str) -> bool:
    if character in _INVISIBLE:
        return False
    return character.isalnum() or unicodedata.category(character)[0] in "LNS"
