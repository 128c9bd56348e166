"""In which order a person leafs through GIFs: the best kinds first, and again before they grow tiresome."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from bot.records import SHOWN
from inference.protocol import Reaction

AGAIN = 4  # a kind that was shown comes again before a new kind so many places further down


def in_pages(reactions: Iterable[Reaction]) -> list[Reaction]:
    """Order GIFs so that each page of `SHOWN` has different kinds, as far as there are some.

    Args:
        reactions: best first; the first GIF of each primary category says how good that category is.
    """
    kinds: dict[str, deque[Reaction]] = {}
    for reaction in reactions:
        kinds.setdefault(reaction.categories[0], deque()).append(reaction)
    places = {kind: place for place, kind in enumerate(kinds)}
    ordered: list[Reaction] = []
    while kinds:
        for kind in sorted(kinds, key=places.__getitem__)[:SHOWN]:
            ordered.append(kinds[kind].popleft())
            places[kind] += AGAIN
            if not kinds[kind]:
                del kinds[kind]
    return ordered
