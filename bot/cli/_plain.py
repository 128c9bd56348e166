"""Text that others wrote, such as names of GIFs and files, made fit for a terminal."""

from __future__ import annotations

import unicodedata

BREAKS = "\t\n\r\x0b\x0c\x85\u2028\u2029"
STEERING = frozenset({"Cc", "Cs"})  # controls, with which escape sequences begin, and what is no character
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # the text around, too
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def plain(text: str) -> str:
    """Return a line of text that cannot steer the terminal; what could is shown as �."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in BREAKS:
        return " "
    is_shown = unicodedata.category(character) not in STEERING and character not in TURNING
    return character if is_shown else UNKNOWN
