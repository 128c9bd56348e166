"""Keeps the file in step with the packs, and hands out what is in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.catalogue._database import explained, open_database, transaction
from inference.catalogue._gifs import CatalogueGif, check_presence, digest, merge, rows
from inference.errors import CatalogueError
from inference.fingerprints import BYTES, KIND, Bits
from inference.pack import Pack, PackGif

WRITE_EVERY = 16  # GIFs a transaction while a pack is looked at: the most that a kill can cost

Floats = NDArray[np.float32]
Embed = Callable[[Path, PackGif], Floats]
Fingerprint = Callable[[Path, PackGif], Bits]
Progress = Callable[[int, int], None]

_GIFS = "SELECT id, position, pack, content, entry FROM gifs ORDER BY rowid"  # in the order of insertion
_VECTORS = "SELECT gif, content, vector FROM vectors WHERE model = ?"
_FINGERPRINTS = "SELECT gif, fingerprint FROM fingerprints WHERE kind = ?"


@dataclass(frozen=True)
class Snapshot:
    """All GIFs with their (n, dim) float32 vectors of one model; `version` names this content.

    `fingerprints` are (n, BYTES) uint8, or (n, 0) where none were asked for.
    """

    gifs: list[CatalogueGif]
    vectors: Floats
    fingerprints: Bits
    version: str


class _Makers(NamedTuple):
    """What makes of a GIF what the file shall have of it: a (dim,) vector of `model`, a fingerprint."""

    model: str
    dim: int
    embed: Embed
    fingerprint: Fingerprint | None


class Catalogue:
    """One SQLite file that processes may share; a change of its list of GIFs is one transaction."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            CatalogueError: the place cannot be written, or what lies there is no catalogue.
        """
        self.path = path
        self._db = open_database(path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def sync(
        self,
        packs: Sequence[Pack],
        model: str,
        dim: int,
        embed: Embed,
        progress: Progress | None = None,
        fingerprint: Fingerprint | None = None,
    ) -> Snapshot:
        """Make the catalogue hold exactly the GIFs of `packs`, each with a (dim,) vector of `model`.

        What is already there is kept, what is damaged there is made again. Vectors are stored as they
        are made, so that work that was cut short goes on where it stopped; the list of GIFs changes in
        one transaction at the end. `progress` is called with the numbers of GIFs looked at and to look at.
        With `fingerprint`, called right after `embed` where both are due, each GIF has one of these too.

        Raises:
            PackError: a GIF is missing, or `embed` or `fingerprint` refuses it.
            CatalogueError: the file cannot be used.
        """
        version = digest([model, *(f"{pack.folder.resolve()} {pack.digest}" for pack in packs)])
        gifs = merge(packs)
        makers = _Makers(model, dim, embed, fingerprint)
        with explained(self.path):
            found = self._read(gifs, makers, version)
            if found is None:
                self._make_missing(gifs, makers, progress)
                self._replace(packs, gifs, version)
                found = self._read(gifs, makers, version)
            if found is None:
                raise CatalogueError(
                    f"The catalogue {self.path} is being changed by a process with other packs or another "
                    "model: run again when it is done, or give each its own REPARTEE_DATA_DIR."
                )
            check_presence(gifs)
        return Snapshot(gifs, *found, version)

    def forget(self, model: str) -> None:
        """Drop the vectors of a model and all fingerprints, so that the next `sync` makes them again.

        Raises:
            CatalogueError: the file cannot be used.
        """
        with explained(self.path), transaction(self._db):
            self._db.execute("DELETE FROM vectors WHERE model = ?", (model,))
            self._db.execute("DELETE FROM fingerprints")
            self._db.execute("DELETE FROM meta WHERE key = 'synced'")

    def _synced(self) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = 'synced'").fetchone()
        return "" if row is None else str(row[0])

    def _make_missing(self, gifs: Sequence[CatalogueGif], makers: _Makers, progress: Progress | None) -> None:
        embedded, seen = self._embedded(makers), self._seen()
        unembedded = [(gif.entry.id, gif.content) not in embedded for gif in gifs]
        unseen = [makers.fingerprint is not None and gif.entry.id not in seen for gif in gifs]
        missing = [due for due in zip(gifs, unembedded, unseen, strict=True) if any(due[1:])]
        vectors: list[tuple[str, str, str, bytes]] = []
        fingerprints: list[tuple[str, str, bytes]] = []
        for done, (gif, is_unembedded, is_unseen) in enumerate(missing, start=1):
            if is_unembedded:
                vector = np.asarray(makers.embed(gif.path, gif.entry), dtype="<f4")
                vectors.append((gif.entry.id, makers.model, gif.content, vector.tobytes()))
            if is_unseen and makers.fingerprint is not None:
                look = makers.fingerprint(gif.path, gif.entry)
                fingerprints.append((gif.entry.id, KIND, look.tobytes()))
            if done % WRITE_EVERY == 0 or done == len(missing):
                self._store(vectors, fingerprints)
            if progress is not None:
                progress(done, len(missing))

    def _store(
        self, vectors: list[tuple[str, str, str, bytes]], fingerprints: list[tuple[str, str, bytes]]
    ) -> None:
        """Write rows and empty the lists of them."""
        with transaction(self._db):
            self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", vectors)
            self._db.executemany("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", fingerprints)
        vectors.clear()
        fingerprints.clear()

    def _embedded(self, makers: _Makers) -> set[tuple[str, str]]:
        """Return id and content of all that has a sound vector."""
        read = np.empty(makers.dim, dtype="<f4")
        return {
            (gif, content)
            for gif, content, vector in self._db.execute(_VECTORS, (makers.model,))
            if _fill(read, vector) and np.isfinite(read).all()
        }

    def _seen(self) -> set[str]:
        """Return the ids of all that has a fingerprint."""
        read = np.empty(BYTES, np.uint8)
        return {gif for gif, look in self._db.execute(_FINGERPRINTS, (KIND,)) if _fill(read, look)}

    def _replace(self, packs: Sequence[Pack], gifs: Sequence[CatalogueGif], version: str) -> None:
        named = [(str(pack.folder.resolve()), pack.name, pack.digest) for pack in packs]
        with transaction(self._db):
            self._db.execute("DELETE FROM gifs")
            self._db.executemany("INSERT INTO gifs VALUES (?, ?, ?, ?, ?)", rows(gifs))
            self._db.execute("DELETE FROM vectors WHERE gif NOT IN (SELECT id FROM gifs)")
            self._db.execute("DELETE FROM fingerprints WHERE gif NOT IN (SELECT id FROM gifs)")
            self._db.execute("DELETE FROM packs")
            self._db.executemany("INSERT INTO packs VALUES (?, ?, ?)", named)
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('synced', ?)", (version,))

    def _read(
        self, gifs: Sequence[CatalogueGif], makers: _Makers, version: str
    ) -> tuple[Floats, Bits] | None:
        """Return vectors and fingerprints of `gifs`, None where the catalogue does not hold just these.

        The mark alone proves nothing about rows that were lost or damaged after it was set.
        """
        self._db.execute("BEGIN")
        try:
            places = self._places(gifs) if self._synced() == version else None
            vectors = None if places is None else self._vectors(places, makers)
            if places is None or vectors is None:
                return None
            if makers.fingerprint is None:
                return vectors, np.empty((len(places), 0), np.uint8)
            fingerprints = self._fingerprints(places)
            return None if fingerprints is None else (vectors, fingerprints)
        finally:
            self._db.execute("ROLLBACK")

    def _places(self, gifs: Sequence[CatalogueGif]) -> dict[str, tuple[int, str]] | None:
        """Return position and content by id, None where the list of GIFs is not this one."""
        places: dict[str, tuple[int, str]] = {}
        for found, row in itertools.zip_longest(self._db.execute(_GIFS), rows(gifs)):
            if found != row:
                return None
            places[row[0]] = row[1], row[3]
        return places

    def _vectors(self, places: dict[str, tuple[int, str]], makers: _Makers) -> Floats | None:
        """Return the (n, dim) vectors of a model, None where one is missing, outdated or damaged."""
        vectors, count = np.empty((len(places), makers.dim), dtype="<f4"), 0
        for gif, content, blob in self._db.execute(_VECTORS, (makers.model,)):
            position, wanted = places.get(gif, (0, None))
            count += content == wanted and _fill(vectors[position], blob)
        return vectors if count == len(places) and np.isfinite(vectors).all() else None

    def _fingerprints(self, places: dict[str, tuple[int, str]]) -> Bits | None:
        """Return the (n, BYTES) fingerprints, None where one is missing or damaged."""
        looks, count = np.empty((len(places), BYTES), np.uint8), 0
        for gif, blob in self._db.execute(_FINGERPRINTS, (KIND,)):
            if gif in places:
                count += _fill(looks[places[gif][0]], blob)
        return looks if count == len(places) else None


def _fill(row: NDArray[Any], blob: object) -> bool:
    """Read stored numbers into a row; False where they are none of that size."""
    if not isinstance(blob, bytes) or len(blob) != row.nbytes:
        return False
    row[:] = np.frombuffer(blob, row.dtype)
    return True
