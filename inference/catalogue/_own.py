"""GIFs that people added themselves: in packs of one server or workspace, or of everybody.

The file is written before its line, the line is removed before the file: whatever is cut short, each line has
its file. Every change has a number of its own, the revision, by which running engines find what is new.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator

import msgspec
import numpy as np

from inference.catalogue._database import explained, transaction
from inference.catalogue._files import place
from inference.catalogue._gifs import content_of
from inference.catalogue._reader import ALREADY, OwnReader
from inference.catalogue._records import (
    OWN_COLUMNS,
    Floats,
    GifChange,
    NewGif,
    OwnGif,
    own_gif,
    reworded,
)
from inference.errors import DuplicateGifError, PackFullError
from inference.fingerprints import KIND
from inference.pack import PackGif

TOMBSTONE_LIFE_S = 30 * 86_400
FULL = "{count} GIFs are as many as there may be: remove one first."


class OwnGifs(OwnReader):
    """The own packs of a catalogue; each thread needs one of its own."""

    def add(self, new: NewGif, *, limit: int = 0) -> OwnGif:
        """Store a GIF; it is found by running engines shortly after.

        Args:
            new: what is to be stored.
            limit: of GIFs in this scope, 0 for none.

        Raises:
            DuplicateGifError: the scope sees it, or one that looks like it.
            PackFullError: the scope is full.
            CatalogueError: the file cannot be used.
        """
        file = ""
        with explained(self.catalogue):
            try:
                with transaction(self._db):
                    self.check_room(new.scope, limit)
                    self._check_new(new)
                    # In here, so that nobody who removes the same GIF elsewhere takes the file away.
                    file = self.files.write(new.data)
                    entry = msgspec.structs.replace(new.entry, file=file)
                    self._put(new, entry)
                    return self._get(new.scope, entry.id)
            except sqlite3.Error:  # a full disk, on which the file would be in the way of what is to come
                if file:
                    with contextlib.suppress(sqlite3.Error):
                        self._drop_file(new.entry.id)
                raise

    def check_room(self, scope: str, limit: int) -> None:
        """Refuse what comes on top of a limit.

        Raises:
            PackFullError: the scope is full.
        """
        if not limit:
            return
        count = self._one("SELECT count(*) FROM own_gifs WHERE scope = ? AND entry IS NOT NULL", scope)
        if count >= limit:
            raise PackFullError(FULL.format(count=count))

    def edit(self, scope: str, gif: str, change: GifChange) -> OwnGif:
        """Change what is said of a GIF.

        Raises:
            UnknownGifError: there is none of this id in the scope.
            CatalogueError: the file cannot be used.
        """
        with explained(self.catalogue), transaction(self._db):
            old = self._get(scope, gif)
            wanted = {name: value for name, value in msgspec.to_builtins(change).items() if value is not None}
            pack = wanted.pop("pack", old.pack)
            entry = reworded(old.entry, wanted)
            self._db.execute(
                "UPDATE own_gifs SET pack = ?, entry = ?, content = ?, revision = ?"
                " WHERE scope = ? AND gif = ?",
                (pack, msgspec.json.encode(entry), content_of(entry), self._next(), scope, gif),
            )
            return self._get(scope, gif)

    def remove(self, scope: str, gif: str) -> OwnGif:
        """Remove a GIF, and its file where no other scope has it.

        Raises:
            UnknownGifError: there is none of this id in the scope.
            CatalogueError: the file cannot be used.
        """
        with explained(self.catalogue):
            with transaction(self._db):
                old = self._get(scope, gif)
                self._bury(scope, gif)
            self._drop_file(gif)
        return old

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing be added, changed or removed during the block, which is to be short.

        Raises:
            CatalogueError: the file cannot be used.
        """
        with explained(self.catalogue), transaction(self._db):
            yield

    def settle(self, gif: OwnGif, categories: list[str], model: str, vector: Floats) -> None:
        """Store the categories that a model chose, and the vector, unless its words have changed."""
        with explained(self.catalogue), transaction(self._db):
            row = self._db.execute(
                f"SELECT {OWN_COLUMNS} FROM own_gifs WHERE entry IS NOT NULL"
                " AND scope = ? AND gif = ? AND content = ?",
                (gif.scope, gif.id, content_of(gif.entry)),
            ).fetchone()
            if row is None:
                return
            # Of the line as it is now: a rating or an alt text may have been edited while vectors were made.
            entry = msgspec.structs.replace(own_gif(row).entry, categories=categories)
            self._db.execute(
                "UPDATE own_gifs SET entry = ?, content = ? WHERE scope = ? AND gif = ?",
                (msgspec.json.encode(entry), content_of(entry), gif.scope, gif.id),
            )
            self._put_vector(gif.scope, entry, model, vector)

    def keep_vector(self, gif: OwnGif, model: str, vector: Floats) -> None:
        """Store the vector of a GIF; without effect where the GIF has changed meanwhile."""
        with explained(self.catalogue), transaction(self._db):
            self._put_vector(gif.scope, gif.entry, model, vector)

    def forget(self, model: str) -> None:
        """Drop the vectors of a model, so that engines make them again."""
        with explained(self.catalogue), transaction(self._db):
            self._db.execute("DELETE FROM own_vectors WHERE model = ?", (model,))

    def _drop_file(self, gif: str) -> None:
        """Remove a file that no scope has; one that cannot be removed is left to `check`, which names it."""
        with transaction(self._db):
            if not self._one("SELECT count(*) FROM own_gifs WHERE gif = ? AND entry IS NOT NULL", gif):
                with contextlib.suppress(OSError):
                    self.files.remove(place(gif))

    def _check_new(self, new: NewGif) -> None:
        row = self._db.execute(
            "SELECT gif, json_extract(entry, '$.name') FROM own_gifs"
            " WHERE scope = ?1 AND gif = ?2 AND entry IS NOT NULL UNION ALL"
            " SELECT gif, json_extract(entry, '$.name') FROM own_gifs"
            " WHERE origin = ?3 AND scope = ?1 AND entry IS NOT NULL",
            (new.scope, new.entry.id, new.origin),
        ).fetchone()
        if row is not None:
            raise DuplicateGifError(ALREADY.format(name=row[1]), row[0], row[1])
        if not new.takes_alike:
            self.check_alike(new.scope, new.fingerprint)

    def _put(self, new: NewGif, entry: PackGif) -> None:
        self._forget_old()
        self._db.execute(
            "INSERT OR REPLACE INTO own_gifs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                new.scope,
                entry.id,
                new.pack,
                msgspec.json.encode(entry),
                content_of(entry),
                new.origin,
                int(time.time()),
                len(new.data),
                self._next(),
                KIND,
                np.asarray(new.fingerprint, np.uint8).tobytes(),
            ),
        )
        if new.vector is not None:
            self._put_vector(new.scope, entry, new.model, new.vector)

    def _put_vector(self, scope: str, entry: PackGif, model: str, vector: Floats) -> None:
        content = content_of(entry)
        self._db.execute(
            "INSERT OR REPLACE INTO own_vectors SELECT scope, gif, ?, content, ? FROM own_gifs"
            " WHERE scope = ? AND gif = ? AND content = ? AND entry IS NOT NULL",
            (model, np.asarray(vector, "<f4").tobytes(), scope, entry.id, content),
        )

    def _bury(self, scope: str, gif: str) -> None:
        """Leave a tombstone, which says no more than that the GIF is gone."""
        self._db.execute(
            "UPDATE own_gifs SET pack = '', entry = NULL, content = '', origin = '', bytes = 0, at = ?,"
            " revision = ?, fingerprint = x'' WHERE scope = ? AND gif = ?",
            (int(time.time()), self._next(), scope, gif),
        )
        self._db.execute("DELETE FROM own_vectors WHERE scope = ? AND gif = ?", (scope, gif))
        self._forget_old()

    def _forget_old(self) -> None:
        """Drop old tombstones, and note up to which revision that was done."""
        before = int(time.time()) - TOMBSTONE_LIFE_S
        old = "FROM own_gifs WHERE entry IS NULL AND at < ?"
        if (last := self._one(f"SELECT max(revision) {old}", before)) is not None:
            self._set_meta("forgotten", last)
            self._db.execute(f"DELETE {old}", (before,))

    def _next(self) -> int:
        revision = self._meta("revision") + 1
        self._set_meta("revision", revision)
        return revision

    def _set_meta(self, key: str, value: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(value)))
