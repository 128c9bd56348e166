"""Tags that a message says word for word: who gave a GIF the tag "finally friday" expects it just there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from inference.pack import NAMELESS, PackGif
from inference.preprocess import clean_text

# Of a tag that is the whole message; of one that is a part of it, as large a part. With 200 GIFs among 415
# whose tags were not written to be said, that costs 0.003 to 0.005 nDCG@5; tags that were bring theirs first.
LIFT = 0.5
LONGEST = 6  # words of a tag
MOST = 100  # GIFs of one tag: what more have says little
SHORTEST = 2  # letters of a tag

Key = tuple[str, str]
_WORDS = re.compile(r"\w+(?:['\u2019]\w+)*")


def words_of(text: str) -> list[str]:
    """Return the words of a cleaned text, in lower case."""
    return _WORDS.findall(text.lower())


def tags_of(entry: PackGif) -> set[str]:
    """Return name and tags of a GIF as `words_of` gives them, joined by a space."""
    named = [] if entry.name == NAMELESS else [entry.name]
    said = {_spoken(tag) for tag in (*named, *entry.tags)}
    return {tag for tag in said if len(tag) >= SHORTEST}


def _spoken(tag: str) -> str:
    """Return a tag as messages are read, empty where it has too many words."""
    if tag.isascii() and tag.isalnum():  # most are
        return tag.lower()
    words = words_of(tag if tag.isascii() else clean_text(tag))
    return " ".join(words) if len(words) <= LONGEST else ""


def with_tags(
    known: Mapping[Key, Sequence[int]], added: Iterable[tuple[str, int, PackGif]]
) -> dict[Key, Sequence[int]]:
    """Return the rows by scope and tag, those of more GIFs (scope, row, entry) among them."""
    new: dict[Key, list[int]] = {}
    for scope, row, entry in added:
        for tag in tags_of(entry):
            new.setdefault((scope, tag), []).append(row)
    return {**known, **{key: (*known.get(key, ()), *rows)[-MOST:] for key, rows in new.items()}}


def lifts(message: str, known: Mapping[Key, Sequence[int]], scopes: Collection[str]) -> dict[int, float]:
    """Return by row how far GIFs are lifted: the more of a cleaned message their tag is, the further."""
    words, found = words_of(message), dict[int, float]()
    if not known or not words:
        return found
    for length in range(1, min(LONGEST, len(words)) + 1):
        lift = LIFT * length / len(words)
        for start in range(len(words) - length + 1):
            tag = " ".join(words[start : start + length])
            for scope in scopes:
                for row in known.get((scope, tag), ()):
                    found[row] = max(lift, found.get(row, 0.0))
    return found
