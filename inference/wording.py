"""The alternative text of a GIF: made up where nobody described it, and fitted to what a place takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inference.pack import NAMELESS

ALT_CHARACTERS = 1000
UNKNOWN = "An animated picture"
ELLIPSIS = "…"

_WORD = re.compile(r"\w+")


def make_alt_text(name: str, tags: Sequence[str] = (), text: str = "", caption: str = "") -> str:
    """Describe a GIF for those who do not see it, in 1 to `ALT_CHARACTERS` characters.

    A caption opens the sentence, else the name does. A caption is a guess, so a name that says more than the
    caption stands behind it in brackets, before the tags: what people said is not lost.
    """
    name, text, caption = (" ".join(part.split()) for part in (name, text, caption))
    spoken = "" if name == NAMELESS else name
    opening = caption or f"{spoken[:1].upper()}{spoken[1:]}" or UNKNOWN
    further = list(dict.fromkeys(" ".join(tag.split()) for tag in tags))
    if caption and not _words(spoken) <= _words(" ".join((caption, text, *further))):
        further.insert(0, spoken)
    told = opening.casefold()
    added: list[str] = []
    for each in further:
        if each.casefold() not in told:
            added.append(each)
            told += f" {each.casefold()}"
    if added:
        opening = f"{opening.rstrip('.')} ({', '.join(added)})"
    parts = [opening if opening.endswith((".", "!", "?")) else f"{opening}."]
    if text:
        parts.append(f'Text in the picture: "{text}".')
    return shortened(" ".join(parts), ALT_CHARACTERS, ELLIPSIS)


def fitted_alt_text(alt_text: str, name: str, characters: int) -> str:
    """Return an alt text in 1 to so many characters; where it is blank, one is made of the GIF's name."""
    return shortened(alt_text.strip() or make_alt_text(name), characters, ELLIPSIS)


def shortened(text: str, characters: int, ending: str) -> str:
    """Return a text of at most so many characters, cut between words, with `ending` where it was cut.

    A last word that is longer than all before it is cut itself: some languages write no spaces.
    """
    if len(text) <= characters:
        return text
    room = characters - len(ending)
    whole = text[: room + 1].rsplit(" ", 1)[0].rstrip(" ,.(")
    return (whole if len(whole) > room / 2 else text)[:room] + ending


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
