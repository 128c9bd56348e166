"""The SQLite file of a catalogue: its tables, its transactions, what is said when it cannot be used."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from inference.errors import CatalogueError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0
PAGE_BYTES = 16_384  # a vector of up to 1,000 numbers fits; in SQLite's 4,096 each takes a page of its own

_SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE packs (folder TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL)",
    "CREATE TABLE gifs (id TEXT PRIMARY KEY, position INTEGER NOT NULL, pack TEXT NOT NULL,"
    " content TEXT NOT NULL, entry BLOB NOT NULL)",
    "CREATE TABLE vectors (gif TEXT NOT NULL, model TEXT NOT NULL, content TEXT NOT NULL,"
    " vector BLOB NOT NULL, PRIMARY KEY (gif, model)) WITHOUT ROWID",
)
# Came later within schema 1: who does not know them leaves them alone.
_ADDED = (
    "CREATE TABLE IF NOT EXISTS fingerprints (gif TEXT PRIMARY KEY, kind TEXT NOT NULL,"
    " fingerprint BLOB NOT NULL) WITHOUT ROWID",
    # A removed GIF keeps its line, without an entry, until everybody who follows has seen that it is gone.
    "CREATE TABLE IF NOT EXISTS own_gifs (scope TEXT NOT NULL, gif TEXT NOT NULL, pack TEXT NOT NULL,"
    " entry BLOB, content TEXT NOT NULL, origin TEXT NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " revision INTEGER NOT NULL, kind TEXT NOT NULL, fingerprint BLOB NOT NULL, PRIMARY KEY (scope, gif))",
    "CREATE INDEX IF NOT EXISTS own_revisions ON own_gifs (revision)",
    "CREATE INDEX IF NOT EXISTS own_origins ON own_gifs (origin)",
    "CREATE TABLE IF NOT EXISTS own_vectors (scope TEXT NOT NULL, gif TEXT NOT NULL, model TEXT NOT NULL,"
    " content TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (scope, gif, model)) WITHOUT ROWID",
)


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, or make it, in autocommit mode.

    Raises:
        CatalogueError: the place cannot be written, or what lies there is no catalogue.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
        return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Write all of the block or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has SQLite take everything back by itself
            db.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what goes wrong with the file into a sentence.

    Raises:
        CatalogueError: the file cannot be used.
    """
    try:
        yield
    except (sqlite3.Error, msgspec.DecodeError, OSError) as error:
        raise CatalogueError(
            f"The catalogue {path} cannot be used ({error}): name a folder that can be written in "
            "REPARTEE_DATA_DIR, or move a damaged file away."
        ) from error


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file only
    _retry_while_locked(lambda: db.execute("PRAGMA journal_mode = WAL"))
    db.execute("PRAGMA synchronous = NORMAL")
    if _schema(db) == 0:
        with transaction(db):
            if _schema(db) == 0:
                for statement in _SCHEMA:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    if _schema(db) != SCHEMA_VERSION:
        raise CatalogueError(
            f"The catalogue {path} has schema {_schema(db)}, this program reads schema "
            f"{SCHEMA_VERSION}: move it away, or name another folder in REPARTEE_DATA_DIR."
        )
    for statement in _ADDED:
        db.execute(statement)


def _schema(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


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
