"""The alternative text of a GIF: made up where nobody described it, and fitted to what a place takes.

The bots also take from here what of a text is legible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from inference.legible import BREAKS as BREAKS
from inference.legible import NAMELESS
from inference.legible import is_steering as is_steering
from inference.legible import legible as legible

ALT_CHARACTERS = 1000
TEXT_CHARACTERS = 400  # of the picture's words in an alt text: what the picture shows has room beside them
NAME_CHARACTERS = 60
TAGS_OF_NAME = 3
UNKNOWN = "An animated picture"
ELLIPSIS = "…"

_WORD = re.compile(r"\w+")


def make_alt_text(name: str, tags: Sequence[str] = (), text: str = "", caption: str = "") -> str:
    """Describe a GIF for those who do not see it, in 1 to `ALT_CHARACTERS` characters.

    A caption opens the sentence, else the name does. A caption is a guess, so a name that says more than the
    caption stands behind it in brackets, before the tags: what people said is not lost. The words in the
    picture keep their room, however long all else is.
    """
    name, text, caption = (" ".join(legible(part).split()) for part in (name, text, caption))
    spoken = "" if name == NAMELESS else name
    opening = caption or f"{spoken[:1].upper()}{spoken[1:]}" or UNKNOWN
    further = list(dict.fromkeys(" ".join(legible(tag).split()) for tag in tags))
    if caption and not _words(spoken) <= _words(" ".join((caption, text, *further))):
        further.insert(0, spoken)
    told = _phrase(opening)
    added: list[str] = []
    for each in filter(None, further):
        if _phrase(each) not in told:
            added.append(each)
            told += _phrase(each)
    if added:
        opening = f"{opening.rstrip('.')} ({', '.join(added)})"
    opening = opening if opening.endswith((".", "!", "?", ELLIPSIS)) else f"{opening}."
    words = f' Text in the picture: "{shortened(text, TEXT_CHARACTERS, ELLIPSIS)}".' if text else ""
    return shortened(opening, ALT_CHARACTERS - len(words), ELLIPSIS) + words


def fitted_alt_text(alt_text: str, name: str, characters: int) -> str:
    """Return an alt text in 1 to so many characters; where it says nothing, one is made of the GIF's name."""
    return shortened(legible(alt_text) or make_alt_text(name), characters, ELLIPSIS)


def made_name(tags: Sequence[str] = (), text: str = "", caption: str = "") -> str:
    """Name a GIF by its first tags, else the words in the picture, the caption, or what it is."""
    said = (short_name(legible(known)) for known in (" ".join(tags[:TAGS_OF_NAME]), text))
    return next(filter(None, said), "") or caption_name(caption) or NAMELESS


def caption_name(caption: str) -> str:
    """Return the name that a GIF gets by its caption alone, empty where that says nothing."""
    return short_name(legible(caption).rstrip(".!?"))


def short_name(text: str) -> str:
    """Return a text on one line, as long as a name may be."""
    return shortened(" ".join(text.split()), NAME_CHARACTERS, "")


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


def _phrase(text: str) -> str:
    """Return the words of a text between spaces, so that one is found in another by whole words."""
    return f" {' '.join(_WORD.findall(text.casefold())) or text.casefold()} "
