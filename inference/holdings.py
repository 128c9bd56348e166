"""All GIFs that an engine knows, a row each: those of the large index first, what came since after them.

Rows are only ever added: who is removed or changed is gone from its row, so that the large index, which is
made once, stays right. Nothing here changes; what has changed is a new object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.catalogue import CatalogueGif
from inference.fingerprints import Bits
from inference.said import Tags

SHARED = ""

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


class Addition(NamedTuple):
    """A GIF of an own pack, ready to be found by `scope`; `vector` is (dim,), `fingerprint` (BYTES,).

    `content` is the digest of its words, `row` that of its primary category among those of the bundle.
    """

    scope: str
    gif: CatalogueGif
    content: str
    row: int
    vector: Floats
    fingerprint: Bits


@dataclass(frozen=True)
class Holdings:
    """Columns with a row a GIF.

    Attributes:
        gifs: the GIFs.
        primary: (n,), the row of each one's primary category among those of the bundle.
        fingerprints: (n, BYTES) uint8.
        is_gone: (n,) bool, whether it was removed, or stands in a later row now.
        first: so many rows are in the large index.
        packed: so many of these, the first, are of packs that came with the program.
        scopes: who sees the rows after these; all see the rows of the large index.
        vectors: (n - first, dim) float32 of the rows after these.
        own: rows of living own GIFs by scope and id.
        layout: digest of which GIF stands in which row.
        tags: rows of own GIFs by scope and tag, as `inference.said` reads them; gone ones may be among them.
    """

    gifs: list[CatalogueGif]
    primary: NDArray[np.intp]
    fingerprints: Bits
    is_gone: NDArray[np.bool_]
    first: int
    packed: int
    scopes: list[str]
    vectors: Floats
    own: Mapping[tuple[str, str], int] = field(default_factory=dict)
    layout: str = ""
    tags: Tags = field(default_factory=Tags)

    @classmethod
    def of(
        cls, gifs: list[CatalogueGif], primary: NDArray[np.intp], fingerprints: Bits, dim: int
    ) -> Holdings:
        """Return the GIFs of a large index, nothing beside it yet."""
        count = len(gifs)
        digest = hashlib.sha256("\n".join(gif.entry.id for gif in gifs).encode()).hexdigest()
        nothing = np.empty((0, dim), np.float32)
        return cls(gifs, primary, fingerprints, np.zeros(count, bool), count, count, [], nothing, {}, digest)

    def __len__(self) -> int:
        """Return how many GIFs there are, whoever sees them."""
        return len(self.gifs) - int(self.is_gone.sum())

    def changed(self, gone: Iterable[tuple[str, str]], added: Sequence[Addition]) -> Holdings:
        """Return these without the GIFs of some scopes and ids; others are added, or replace their likes."""
        own, is_gone = dict(self.own), np.concatenate([self.is_gone, np.zeros(len(added), bool)])
        digest = hashlib.sha256(self.layout.encode())
        for key in [*gone, *((one.scope, one.gif.entry.id) for one in added)]:
            if (row := own.pop(key, None)) is not None:
                is_gone[row] = True
                digest.update(f"\0{row}".encode())
        own |= {(one.scope, one.gif.entry.id): len(self.gifs) + n for n, one in enumerate(added)}
        for one in added:
            digest.update(f"\0{one.scope}\0{one.gif.entry.id}\0{one.content}".encode())
        return replace(
            self,
            gifs=[*self.gifs, *(one.gif for one in added)],
            primary=np.concatenate([self.primary, np.array([one.row for one in added], np.intp)]),
            fingerprints=np.concatenate([self.fingerprints, *(one.fingerprint[None] for one in added)]),
            is_gone=is_gone,
            scopes=[*self.scopes, *(one.scope for one in added)],
            vectors=np.concatenate([self.vectors, *(one.vector[None] for one in added)]),
            own=own,
            layout=digest.hexdigest(),
            tags=self.tags.extended(
                (one.scope, len(self.gifs) + n, one.gif.entry) for n, one in enumerate(added)
            ),
        )

    @cached_property
    def layers(self) -> dict[str, Positions]:
        """The living rows after those of the large index, ascending, by who sees them."""
        found: dict[str, list[int]] = {}
        for row, scope in enumerate(self.scopes, start=self.first):
            if not self.is_gone[row]:
                found.setdefault(scope, []).append(row)
        return {scope: np.array(rows, np.int64) for scope, rows in found.items()}

    def visible(self, scope: str) -> Positions:
        """Return the living rows that a scope sees, each GIF once, ascending."""
        living = np.flatnonzero(~self.is_gone[: self.first])
        later = [self.layers[name] for name in dict.fromkeys((SHARED, scope)) if name in self.layers]
        rows = np.concatenate([living, *later]).astype(np.int64)
        twice = self.twice(scope)
        return np.sort(rows[~np.isin(rows, twice)] if len(twice) else rows)

    def row_of(self, scope: str, gif: str) -> int | None:
        """Return the row of the GIF of an id that a scope sees, None where it sees none."""
        places = (self.own.get((scope, gif)), self.own.get((SHARED, gif)), self._packs.get(gif))
        return next((row for row in places if row is not None), None)

    def twice(self, scope: str) -> Positions:
        """Return the rows of GIFs that are in a pack nearer to the scope too: its own, then that of all."""
        mine = [self.gifs[row].entry.id for row in self.layers.get(scope, ()) if scope != SHARED]
        rows = (row for gif in mine for row in (self.own.get((SHARED, gif)), self._packs.get(gif)))
        return np.array(sorted(self._replaced.union(row for row in rows if row is not None)), np.int64)

    def lifts(self, scope: str, message: str) -> dict[str, float]:
        """Return by id how far the GIFs that a scope sees are lifted by what a cleaned message says."""
        found = self.tags.lifts(message, dict.fromkeys((SHARED, scope)))
        return {self.gifs[row].entry.id: lift for row, lift in found.items() if not self.is_gone[row]}

    @cached_property
    def _packs(self) -> dict[str, int]:
        """Rows of the packs that came with the program, by id."""
        return {gif.entry.id: row for row, gif in enumerate(self.gifs[: self.packed])}

    @cached_property
    def _replaced(self) -> set[int]:
        """Rows of the packs whose GIFs somebody has added for everybody too."""
        return {self._packs[gif] for scope, gif in self.own if scope == SHARED and gif in self._packs}

    @property
    def later(self) -> int:
        """How many rows the large index lacks, or are there in vain."""
        return len(self.layers.get(SHARED, ())) + int(self.is_gone.sum())
