"""The catalogue: every GIF and its vectors in one SQLite file. It is the truth, indexes are caches of it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.errors import CatalogueError, PackError
from inference.pack import Pack, PackGif

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0
WRITE_EVERY = 16  # vectors a transaction while a pack is embedded: the most that a kill can cost

Floats = NDArray[np.float32]
Embed = Callable[[Path, PackGif], Floats]
Progress = Callable[[int, int], None]

_SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE packs (folder TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL)",
    "CREATE TABLE gifs (id TEXT PRIMARY KEY, position INTEGER NOT NULL, pack TEXT NOT NULL,"
    " content TEXT NOT NULL, entry BLOB NOT NULL)",
    "CREATE TABLE vectors (gif TEXT NOT NULL, model TEXT NOT NULL, content TEXT NOT NULL,"
    " vector BLOB NOT NULL, PRIMARY KEY (gif, model)) WITHOUT ROWID",
)
PAGE_BYTES = 16_384  # a vector of up to 1,000 numbers fits; in SQLite's 4,096 each takes a page of its own
_GIFS = "SELECT id, position, pack, content, entry FROM gifs ORDER BY rowid"  # in the order of insertion
_VECTORS = "SELECT gif, content, vector FROM vectors WHERE model = ?"


@dataclass(frozen=True, slots=True)
class CatalogueGif:
    """A GIF and the folder of the pack that it lies in."""

    pack: Path
    entry: PackGif

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.pack / self.entry.file

    @property
    def content(self) -> str:
        """Digest of the words that go into its vector, beside the picture that the id stands for."""
        entry = self.entry
        return _digest([entry.name, *entry.tags, "", *entry.categories])


@dataclass(frozen=True)
class Snapshot:
    """All GIFs with their (n, dim) float32 vectors of one model; `version` names this content."""

    gifs: list[CatalogueGif]
    vectors: Floats
    version: str


class Catalogue:
    """One SQLite file that processes may share; a change of its list of GIFs is one transaction."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            CatalogueError: the place cannot be written, or what lies there is no catalogue.
        """
        self.path = path
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def sync(
        self, packs: Sequence[Pack], model: str, dim: int, embed: Embed, progress: Progress | None = None
    ) -> Snapshot:
        """Make the catalogue hold exactly the GIFs of `packs`, each with a (dim,) vector of `model`.

        What is already there is kept, what is damaged there is made again. Vectors are stored as they
        are made, so that work that was cut short goes on where it stopped; the list of GIFs changes in
        one transaction at the end. `progress` is called with the numbers of GIFs embedded and to embed.

        Raises:
            PackError: a GIF is missing, or `embed` refuses it.
            CatalogueError: the file cannot be used.
        """
        version = _digest([model, *(f"{pack.folder.resolve()} {pack.digest}" for pack in packs)])
        gifs = _merge(packs)
        with self._explained():
            vectors = self._read(gifs, model, dim, version)
            if vectors is None:
                self._embed_missing(gifs, model, dim, embed, progress)
                self._replace(packs, gifs, version)
                vectors = self._read(gifs, model, dim, version)
            if vectors is None:
                raise CatalogueError(
                    f"The catalogue {self.path} is being changed by a process with other packs or another "
                    "model: run again when it is done, or give each its own REPARTEE_DATA_DIR."
                )
            _check_presence(gifs)
        return Snapshot(gifs, vectors, version)

    def forget(self, model: str) -> None:
        """Drop the vectors of a model, so that the next `sync` makes them again.

        Raises:
            CatalogueError: the file cannot be used.
        """
        with self._explained(), self._transaction():
            self._db.execute("DELETE FROM vectors WHERE model = ?", (model,))
            self._db.execute("DELETE FROM meta WHERE key = 'synced'")

    def _prepare(self) -> None:
        self._db.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file only
        _retry_while_locked(lambda: self._db.execute("PRAGMA journal_mode = WAL"))
        self._db.execute("PRAGMA synchronous = NORMAL")
        if self._schema() == 0:
            with self._transaction():
                if self._schema() == 0:
                    for statement in _SCHEMA:
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        if self._schema() != SCHEMA_VERSION:
            raise CatalogueError(
                f"The catalogue {self.path} has schema {self._schema()}, this program reads schema "
                f"{SCHEMA_VERSION}: move it away, or name another folder in REPARTEE_DATA_DIR."
            )

    def _schema(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _synced(self) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = 'synced'").fetchone()
        return "" if row is None else str(row[0])

    def _embed_missing(
        self, gifs: Sequence[CatalogueGif], model: str, dim: int, embed: Embed, progress: Progress | None
    ) -> None:
        rows = self._db.execute(_VECTORS, (model,))
        read = np.empty(dim, dtype="<f4")
        known = {
            (gif, content) for gif, content, vector in rows if _fill(read, vector) and np.isfinite(read).all()
        }
        missing = [gif for gif in gifs if (gif.entry.id, gif.content) not in known]
        made: list[tuple[str, str, str, bytes]] = []
        for done, gif in enumerate(missing, start=1):
            vector = np.asarray(embed(gif.path, gif.entry), dtype="<f4")
            made.append((gif.entry.id, model, gif.content, vector.tobytes()))
            if len(made) == WRITE_EVERY or done == len(missing):
                with self._transaction():
                    self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", made)
                made.clear()
            if progress is not None:
                progress(done, len(missing))

    def _replace(self, packs: Sequence[Pack], gifs: Sequence[CatalogueGif], version: str) -> None:
        named = [(str(pack.folder.resolve()), pack.name, pack.digest) for pack in packs]
        with self._transaction():
            self._db.execute("DELETE FROM gifs")
            self._db.executemany("INSERT INTO gifs VALUES (?, ?, ?, ?, ?)", _rows(gifs))
            self._db.execute("DELETE FROM vectors WHERE gif NOT IN (SELECT id FROM gifs)")
            self._db.execute("DELETE FROM packs")
            self._db.executemany("INSERT INTO packs VALUES (?, ?, ?)", named)
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('synced', ?)", (version,))

    def _read(self, gifs: Sequence[CatalogueGif], model: str, dim: int, version: str) -> Floats | None:
        """Return the (n, dim) vectors of `gifs`, None where the catalogue does not hold just these.

        The mark alone proves nothing about rows that were lost or damaged after it was set.
        """
        self._db.execute("BEGIN")
        try:
            places = self._places(gifs) if self._synced() == version else None
            return None if places is None else self._vectors(places, model, dim)
        finally:
            self._db.execute("ROLLBACK")

    def _places(self, gifs: Sequence[CatalogueGif]) -> dict[str, tuple[int, str]] | None:
        """Return position and content by id, None where the list of GIFs is not this one."""
        places: dict[str, tuple[int, str]] = {}
        for found, row in itertools.zip_longest(self._db.execute(_GIFS), _rows(gifs)):
            if found != row:
                return None
            places[row[0]] = row[1], row[3]
        return places

    def _vectors(self, places: dict[str, tuple[int, str]], model: str, dim: int) -> Floats | None:
        """Return the (n, dim) vectors of a model, None where one is missing, outdated or damaged."""
        vectors, count = np.empty((len(places), dim), dtype="<f4"), 0
        for gif, content, blob in self._db.execute(_VECTORS, (model,)):
            position, wanted = places.get(gif, (0, None))
            count += content == wanted and _fill(vectors[position], blob)
        return vectors if count == len(places) and np.isfinite(vectors).all() else None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CatalogueError(
                f"The catalogue {self.path} cannot be used ({error}): name a folder that can be written in "
                "REPARTEE_DATA_DIR, or move a damaged file away."
            ) from error


def _merge(packs: Sequence[Pack]) -> list[CatalogueGif]:
    """List the GIFs of all packs; one that is in several counts for the first."""
    gifs: dict[str, CatalogueGif] = {}
    for pack in packs:
        folder = pack.folder.resolve()
        for entry in pack.gifs:
            gifs.setdefault(entry.id, CatalogueGif(folder, entry))
    return list(gifs.values())


def _rows(gifs: Iterable[CatalogueGif]) -> Iterator[tuple[str, int, str, str, bytes]]:
    """Give the rows of the table `gifs`, one at a time: all at once would double the start's memory."""
    for position, gif in enumerate(gifs):
        yield gif.entry.id, position, str(gif.pack), gif.content, msgspec.json.encode(gif.entry)


def _fill(vector: Floats, blob: object) -> bool:
    """Read a stored vector into a (dim,) row; False where it is no vector of that size."""
    if not isinstance(blob, bytes) or len(blob) != vector.nbytes:
        return False
    vector[:] = np.frombuffer(blob, dtype="<f4")
    return True


def _check_presence(gifs: Iterable[CatalogueGif]) -> None:
    """Look files up in listings of their folders, which is faster than to ask for each."""
    listed: dict[tuple[Path, str], set[str]] = {}
    for gif in gifs:
        folder, _, name = gif.entry.file.rpartition("/")
        files = listed.get((gif.pack, folder))
        if files is None:
            files = listed[gif.pack, folder] = _files_in(gif.pack / folder)
        if name not in files and not gif.path.is_file():
            raise PackError(f"The GIF {gif.path} is missing: rebuild the pack or remove its line.")


def _files_in(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _retry_while_locked(action: Callable[[], object]) -> None:
    """Repeat what SQLite refuses at once, without its busy timeout, while another process does the same."""
    give_up = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
