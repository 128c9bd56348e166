"""Tags that a message says word for word: who gave a GIF the tag "finally friday" expects it just there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from inference.pack import NAMELESS, PackGif
from inference.preprocess import clean_text

# Of a tag that is the whole message; of one that is a part of it, as large a part. With 200 GIFs among 415
# whose tags were not written to be said, that costs 0.003 to 0.005 nDCG@5; tags that were bring theirs first.
LIFT = 0.5
LONGEST = 6  # words of a tag
MOST = 100  # GIFs of one tag: what more have says little
SHORTEST = 2  # letters of a tag
AT_ONCE = 1_000  # GIFs

Known = Mapping[str, Mapping[str, Sequence[int]]]
Tagged = tuple[str, int, PackGif]
"""Who sees a GIF, its row, and what is said of it."""

_WORDS = re.compile(r"\w+(?:['\u2019]\w+)*")


def words_of(text: str) -> list[str]:
    """Return the words of a cleaned text, in lower case."""
    return _WORDS.findall(text.lower())


def tags_of(entry: PackGif) -> set[str]:
    """Return name and tags of a GIF as `words_of` gives them, joined by a space."""
    said = set(map(_spoken, entry.tags))
    if entry.name != NAMELESS:
        said.add(_spoken(entry.name))
    said.discard("")
    return said


@lru_cache(maxsize=65_536)  # many GIFs have the same
def _spoken(tag: str) -> str:
    """Return a tag as messages are read, empty where it is too short or too long to be looked for."""
    words = words_of(tag if tag.isascii() else clean_text(tag))
    said = " ".join(words)
    return said if len(said) >= SHORTEST and len(words) <= LONGEST else ""


class Tags:
    """Which GIFs have a tag, by scope; of many GIFs they are read when a message first needs them."""

    def __init__(self, known: Known | None = None, pending: Sequence[Tagged] = ()) -> None:
        self._known: Known = known or {}
        self._pending = pending

    def extended(self, added: Iterable[Tagged]) -> Tags:
        """Return these and those of further GIFs."""
        pending = [*self._pending, *added]
        return Tags(self._known, pending) if len(pending) > AT_ONCE else Tags(_with(self._known, pending))

    def lifts(self, message: str, scopes: Iterable[str]) -> dict[int, float]:
        """Return by row how far GIFs are lifted: the more of a cleaned message their tag is, the further."""
        known = self._read()
        places = [known[scope] for scope in scopes if scope in known]
        words, found = words_of(message) if places else [], dict[int, float]()
        for length in range(1, min(LONGEST, len(words)) + 1):
            lift = LIFT * length / len(words)
            for start in range(len(words) - length + 1):
                tag = " ".join(words[start : start + length])
                for row in chain.from_iterable(rows_of.get(tag, ()) for rows_of in places):
                    found[row] = max(lift, found.get(row, 0.0))
        return found

    def _read(self) -> Known:
        if self._pending:  # two threads may both do it, to the same end
            self._known, self._pending = _with(self._known, self._pending), ()
        return self._known


def _with(known: Known, added: Iterable[Tagged]) -> Known:
    new: dict[str, dict[str, list[int]]] = {}
    for scope, row, entry in added:
        rows_of = new.setdefault(scope, {})
        for tag in tags_of(entry):
            rows_of.setdefault(tag, []).append(row)
    return {**known, **{scope: _joined(known.get(scope, {}), rows_of) for scope, rows_of in new.items()}}


def _joined(
    known: Mapping[str, Sequence[int]], more: Mapping[str, Sequence[int]]
) -> dict[str, Sequence[int]]:
    joined = dict(known)
    for tag, rows in more.items():
        joined[tag] = (*joined.get(tag, ()), *rows)[-MOST:]
    return joined
