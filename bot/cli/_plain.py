"""Text that others wrote, such as names of GIFs and files, made fit for a terminal."""

from __future__ import annotations

from inference.wording import BREAKS, is_steering

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def plain(text: str) -> str:
    """Return a line of text that cannot steer the terminal; what could is shown as �."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in BREAKS:
        return " "
    return UNKNOWN if is_steering(character) else character
