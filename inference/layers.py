"""The large index, and beside it a small exact one for each scope's own GIFs.

No scope is ever looked into by another. What is new is searched here until the large index is made anew; what
is gone is left out of what is found.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from inference.groups import Found, GroupedIndex
from inference.holdings import SHARED, Floats, Holdings, Positions
from inference.index import VectorIndex

RANKED = 2_048  # of a scope's own GIFs at least: few packs have more, and then all of it is ranked


class LayeredIndex:
    """Cosine search over the rows of `Holdings` that a scope sees."""

    def __init__(self, main: GroupedIndex, holdings: Holdings) -> None:
        """Put the layers on top of each other.

        Args:
            main: over the first rows of the holdings.
            holdings: says which rows there are, who sees them, and which are gone.
        """
        self.main = main
        self._holdings = holdings
        self._layers = {
            scope: (rows, VectorIndex(holdings.vectors[rows - holdings.first]))
            for scope, rows in holdings.layers.items()
        }
        self._twice = {scope: holdings.twice(scope) for scope in {SHARED, *holdings.layers}}
        self._has_gaps = bool(holdings.is_gone[: holdings.first].any() or len(self._twice[SHARED]))

    def search(self, query: Floats, size: int, groups: Iterable[int], scope: str = SHARED) -> Found:
        """Return about `size` rows near to `query`, (dim,) float32 of unit norm, and own GIFs of the scope.

        Of the large index the parts of `groups` are searched, the likeliest first; own GIFs whatever group
        they are of.
        """
        found = self.main.search(query, size, groups)
        layers = [self._layers[name] for name in dict.fromkeys((SHARED, scope)) if name in self._layers]
        if not layers and not self._has_gaps:
            return found
        positions, cosines, is_whole = [found.positions], [found.cosines], found.is_whole
        for rows, index in layers:
            near, values = index.search(query, max(RANKED, size))
            positions.append(rows[near])
            cosines.append(values)
            is_whole &= len(near) == len(rows)
        return self._living(Found(np.concatenate(positions), np.concatenate(cosines), is_whole), scope)

    def compare(self, query: Floats, positions: Positions) -> Floats:
        """Return the cosines (m,) float32 of given rows to `query`, (dim,) float32 of unit norm."""
        is_main = positions < self._holdings.first
        cosines = np.empty(len(positions), np.float32)
        cosines[is_main] = self.main.compare(query, positions[is_main])
        later = positions[~is_main] - self._holdings.first
        cosines[~is_main] = np.vecdot(self._holdings.vectors[later], query)
        return cosines

    def is_whole(self, scope: str) -> bool:
        """Whether a search gives all own GIFs that the scope sees, however far off."""
        return all(len(self._layers[name][0]) <= RANKED for name in {SHARED, scope} if name in self._layers)

    def _living(self, found: Found, scope: str) -> Found:
        """Leave out what is gone, and what the scope sees in a pack nearer to it too."""
        lives = ~self._holdings.is_gone[found.positions]
        twice = self._twice.get(scope, self._twice[SHARED])
        if len(twice):
            lives &= ~np.isin(found.positions, twice)
        return Found(found.positions[lives], found.cosines[lives], found.is_whole)
