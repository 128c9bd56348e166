"""What can be asked of own packs; nothing here writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from inference.catalogue._database import explained, open_database
from inference.catalogue._files import GifFiles
from inference.catalogue._records import (
    OWN_COLUMNS,
    Change,
    Changes,
    OwnGif,
    PackSummary,
    own_gif,
    stored_vector,
)
from inference.errors import DuplicateGifError, UnknownGifError
from inference.fingerprints import ALIKE_BITS, BYTES, KIND, Bits, distances

SHORTEST_PREFIX = 4
ALIKE_SHARE = 0.35  # of the bits that are set

UNKNOWN = 'There is no GIF "{wanted}" here: repartee gifs list shows those that can be named.'
AMBIGUOUS = 'Several GIFs are called "{wanted}": name one by its id ({ids}).'
ALREADY = 'It is there already, as "{name}".'


class OwnReader:
    """Reads the own packs of a catalogue; each thread needs one of its own."""

    def __init__(self, catalogue: Path) -> None:
        """Open the catalogue's file, or make it.

        Raises:
            CatalogueError: it cannot be used.
        """
        self.catalogue = catalogue
        self.files = GifFiles(catalogue.parent / "gifs")
        self._db = open_database(catalogue)
        # What somebody added is in no pack to read it from again.
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.create_function("fold", 1, str.casefold, deterministic=True)  # SQLite lowers ASCII only

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.files.folder

    def path(self, gif: OwnGif) -> Path:
        """Return where the file of a GIF lies."""
        return self.folder / gif.entry.file

    def gifs(self, scope: str | None = None, pack: str = "") -> list[OwnGif]:
        """List the GIFs of a scope (None: of all), of one pack where it is named, the oldest first."""
        with explained(self.catalogue):
            found = self._db.execute(
                f"SELECT {OWN_COLUMNS} FROM own_gifs WHERE entry IS NOT NULL AND (?1 IS NULL OR scope = ?1)"
                " AND (?2 = '' OR pack = ?2) ORDER BY at, rowid",
                (scope, pack),
            )
            return [own_gif(row) for row in found]

    def find(self, scope: str, wanted: str) -> OwnGif:
        """Return the GIF of an id, of the beginning of one, or of a name.

        Raises:
            UnknownGifError: there is none, or there are several.
            CatalogueError: the file cannot be used.
        """
        wanted = wanted.encode(errors="replace").decode()  # of a terminal, it may be no text
        with explained(self.catalogue):
            found = self._db.execute(
                f"SELECT {OWN_COLUMNS} FROM own_gifs WHERE entry IS NOT NULL AND scope = ?1 AND"
                " (length(?2) >= ?3 AND substr(gif, 1, length(?2)) = ?2"
                " OR fold(json_extract(entry, '$.name')) = fold(?2)) ORDER BY at, rowid",
                (scope, wanted, SHORTEST_PREFIX),
            ).fetchall()
        if len(found) > 1:
            ids = ", ".join(own_gif(row).id[:8] for row in found[:5])
            raise UnknownGifError(AMBIGUOUS.format(wanted=wanted, ids=ids))
        if not found:
            raise UnknownGifError(UNKNOWN.format(wanted=wanted))
        return own_gif(found[0])

    def has_origin(self, scope: str, origin: str) -> OwnGif | None:
        """Return the GIF that was made of a file, where this scope has it."""
        with explained(self.catalogue):
            row = self._db.execute(
                f"SELECT {OWN_COLUMNS} FROM own_gifs WHERE origin = ? AND scope = ? AND entry IS NOT NULL",
                (origin, scope),
            ).fetchone()
        return None if row is None else own_gif(row)

    def packs(self, scope: str | None = None) -> list[PackSummary]:
        """List the packs of a scope (None: of all) that have GIFs."""
        with explained(self.catalogue):
            found = self._db.execute(
                "SELECT scope, pack, count(*), sum(bytes), max(revision) FROM own_gifs"
                " WHERE entry IS NOT NULL AND (?1 IS NULL OR scope = ?1)"
                " GROUP BY scope, pack ORDER BY scope, pack",
                (scope,),
            )
            return [
                PackSummary(scope=place, name=name, gifs=gifs, bytes=size, version=version)
                for place, name, gifs, size, version in found
            ]

    def revision(self) -> int:
        """Return the number of the last change."""
        with explained(self.catalogue):
            return self._meta("revision")

    def changes(self, since: int, model: str, dim: int) -> Changes:
        """Return the lines that changed after a revision, with their (dim,) vectors of a model.

        All living ones, where that is too long ago to know what was removed since, or yet to come, as where
        an older file has been put back.
        """
        with explained(self.catalogue):
            self._db.execute("BEGIN")
            try:
                revision = self._meta("revision")
                is_whole = not self._meta("forgotten") <= since <= revision or not since
                lines = list(self._lines(0 if is_whole else since, model, dim))
                if is_whole:
                    lines = [line for line in lines if line.gif is not None]
                return Changes(revision, lines, is_whole)
            finally:
                self._db.execute("ROLLBACK")

    def fingerprints(self, scope: str) -> tuple[list[str], Bits]:
        """Return the ids of all GIFs that a scope sees, and their fingerprints (n, BYTES) uint8."""
        with explained(self.catalogue):
            found = self._db.execute(
                "SELECT f.gif, f.fingerprint FROM fingerprints f JOIN gifs g ON g.id = f.gif"
                " WHERE f.kind = ?1 AND length(f.fingerprint) = ?2"
                " UNION ALL SELECT gif, fingerprint FROM own_gifs"
                " WHERE scope IN ('', ?3) AND kind = ?1 AND length(fingerprint) = ?2",
                (KIND, BYTES, scope),
            ).fetchall()
        prints = np.frombuffer(b"".join(look for _, look in found), np.uint8).reshape(-1, BYTES)
        return [gif for gif, _ in found], prints

    def check_alike(self, scope: str, fingerprint: Bits) -> None:
        """Refuse a GIF that looks like one that the scope sees; `fingerprint` is (BYTES,) uint8.

        Raises:
            DuplicateGifError: it does.
        """
        gifs, prints = self.fingerprints(scope)
        if not gifs:
            return
        look = np.asarray(fingerprint, np.uint8)
        near = distances(prints, look[None])[:, 0]
        # A picture with hardly an edge has few bits set, and so have all others of that kind.
        if near.min() <= min(ALIKE_BITS, ALIKE_SHARE * int(np.bitwise_count(look).sum())):
            gif = gifs[int(near.argmin())]
            name = self._name(scope, gif)
            raise DuplicateGifError(ALREADY.format(name=name), gif, name)

    def _name(self, scope: str, gif: str) -> str:
        return str(
            self._one(
                "SELECT json_extract(entry, '$.name') FROM gifs WHERE id = ?1 UNION ALL"
                " SELECT json_extract(entry, '$.name') FROM own_gifs WHERE gif = ?1 AND scope IN ('', ?2)"
                " AND entry IS NOT NULL",
                gif,
                scope,
            )
        )

    def _lines(self, since: int, model: str, dim: int) -> Iterator[Change]:
        vectors = self._vectors(since, model)
        found = self._db.execute(
            f"SELECT gif, content, kind, fingerprint, {OWN_COLUMNS} FROM own_gifs WHERE revision > ?"
            " ORDER BY rowid",
            (since,),
        )
        nothing = bytes(BYTES)
        for gif, content, kind, look, *row in found:
            scope, entry = row[0], row[2]
            living = None if entry is None else own_gif(row)
            made_of, vector = vectors.get((scope, gif)) or ("", None)
            bits = np.frombuffer(look if kind == KIND and len(look) == BYTES else nothing, np.uint8)
            fitting = stored_vector(vector, dim) if made_of == content else None
            yield Change(scope, gif, content, living, fitting, bits)

    def _vectors(self, since: int, model: str) -> dict[tuple[str, str], tuple[str, bytes]]:
        """Return content and vector by scope and id: in one go, as to look each up takes far longer."""
        changed = " AND (scope, gif) IN (SELECT scope, gif FROM own_gifs WHERE revision > ?)" if since else ""
        found = self._db.execute(
            f"SELECT scope, gif, content, vector FROM own_vectors WHERE model = ?{changed}",
            (model, since) if since else (model,),
        )
        return {(scope, gif): (content, vector) for scope, gif, content, vector in found}

    def _get(self, scope: str, gif: str) -> OwnGif:
        row = self._db.execute(
            f"SELECT {OWN_COLUMNS} FROM own_gifs WHERE entry IS NOT NULL AND scope = ? AND gif = ?",
            (scope, gif),
        ).fetchone()
        if row is None:
            raise UnknownGifError(UNKNOWN.format(wanted=gif[:8]))
        return own_gif(row)

    def _meta(self, key: str) -> int:
        return int(self._one("SELECT value FROM meta WHERE key = ?", key) or 0)

    def _one(self, question: str, *values: object) -> Any:
        row: sqlite3.Row | tuple[Any, ...] | None = self._db.execute(question, values).fetchone()
        return None if row is None else row[0]
