"""The store in one SQLite file, for a bot on one host without Redis."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosqlite

from inference.errors import UnavailableError

BUSY_TIMEOUT_S = 5.0
SWEEP_EVERY_S = 600.0
UNUSABLE = "{path} cannot be used ({reason}): name a folder that can be written in REPARTEE_DATA_DIR."

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (key TEXT PRIMARY KEY, value BLOB NOT NULL, ends REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fields (key TEXT, field TEXT, value BLOB NOT NULL, PRIMARY KEY (key, field))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lists (number INTEGER PRIMARY KEY, key TEXT NOT NULL, item TEXT NOT NULL,
    ends REAL NOT NULL);
CREATE INDEX IF NOT EXISTS lists_by_key ON lists (key, number);
"""
_PUT = "INSERT OR REPLACE INTO items VALUES (?, ?, ?)"
_ADD = (
    "INSERT INTO fields VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
    "SET value = CAST(value AS REAL) + CAST(excluded.value AS REAL)"
)
_KEEP = (
    "DELETE FROM lists WHERE key = ?1 AND number NOT IN "
    "(SELECT number FROM lists WHERE key = ?1 ORDER BY number DESC LIMIT ?2)"
)


class SqliteStore:
    """The tables `items`, `fields` and `lists`; one connection, whose thread does one thing after another."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._lock = asyncio.Lock()
        self._swept = -SWEEP_EVERY_S
        self._db: aiosqlite.Connection

    async def __aenter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = await aiosqlite.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise UnavailableError(UNUSABLE.format(path=self.path, reason=error)) from error
        try:
            await self._db.execute("PRAGMA journal_mode = WAL")
            await self._db.execute("PRAGMA synchronous = NORMAL")
            await self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            await self._db.close()
            raise UnavailableError(UNUSABLE.format(path=self.path, reason=error)) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._db.close()

    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        async with self._step() as now:
            return await self._item(key, now)

    async def put(self, key: str, value: bytes, *, life_s: float | None = None) -> None:
        """Set a value."""
        async with self._step() as now:
            await self._db.execute(_PUT, (key, value, None if life_s is None else now + life_s))

    async def claim(self, key: str, *, life_s: float) -> bool:
        """Set a mark; whether it was not there before."""
        async with self._change() as now:
            if await self._item(key, now) is not None:
                return False
            await self._db.execute(_PUT, (key, b"1", now + life_s))
            return True

    async def drop(self, key: str) -> bool:
        """Forget a value, a table or a list; whether there was one."""
        async with self._change() as now:
            await self._db.execute("DELETE FROM items WHERE key = ? AND ends <= ?", (key, now))
            before = self._db.total_changes
            for table in ("items", "fields", "lists"):
                await self._db.execute(f"DELETE FROM {table} WHERE key = ?", (key,))
            return self._db.total_changes > before

    async def increase(self, key: str, *, life_s: float, by: int = 1) -> int:
        """Count `by` more and return the new count."""
        async with self._change() as now:
            row = await self._row("SELECT value, ends FROM items WHERE key = ? AND ends > ?", key, now)
            count, ends = (int(row[0]) + by, row[1]) if row else (by, now + life_s)
            await self._db.execute(_PUT, (key, str(count).encode(), ends))
            return count

    async def fields(self, key: str) -> dict[str, bytes]:
        """Return a table."""
        async with self._step():
            rows = await self._db.execute_fetchall("SELECT field, value FROM fields WHERE key = ?", (key,))
        return {field: _bytes(value) for field, value in rows}

    async def names(self, prefix: str) -> list[str]:
        """List what comes after `prefix` in the keys of tables, in alphabetical order."""
        query = "SELECT DISTINCT substr(key, ?2) FROM fields WHERE substr(key, 1, ?2 - 1) = ?1 ORDER BY key"
        async with self._step():
            return [name for (name,) in await self._db.execute_fetchall(query, (prefix, len(prefix) + 1))]

    async def put_field(self, key: str, field: str, value: bytes) -> None:
        """Set a field of a table."""
        async with self._step():
            await self._db.execute("INSERT OR REPLACE INTO fields VALUES (?, ?, ?)", (key, field, value))

    async def drop_fields(self, key: str, *fields: str) -> int:
        """Forget fields of a table; how many there were."""
        async with self._change():
            places = [(key, field) for field in fields]
            before = self._db.total_changes
            await self._db.executemany("DELETE FROM fields WHERE key = ? AND field = ?", places)
            return self._db.total_changes - before

    async def has_field(self, key: str, field: str) -> bool:
        """Whether a table has a field."""
        async with self._step():
            return bool(await self._row("SELECT 1 FROM fields WHERE key = ? AND field = ?", key, field))

    async def add(self, key: str, field: str, amount: float) -> None:
        """Add to a number in a table, 0 where there is none."""
        async with self._step():
            await self._db.execute(_ADD, (key, field, amount))

    async def push(self, key: str, item: str, *, keep: int, life_s: float) -> None:
        """Put an item in front of a list, which keeps its newest `keep`."""
        async with self._change() as now:
            ends = now + life_s
            await self._db.execute("INSERT INTO lists (key, item, ends) VALUES (?, ?, ?)", (key, item, ends))
            await self._db.execute("UPDATE lists SET ends = ? WHERE key = ?", (ends, key))
            await self._db.execute(_KEEP, (key, keep))

    async def newest(self, key: str) -> list[str]:
        """Return a list, newest first."""
        query = "SELECT item FROM lists WHERE key = ? AND ends > ? ORDER BY number DESC"
        async with self._step() as now:
            return [item for (item,) in await self._db.execute_fetchall(query, (key, now))]

    async def _item(self, key: str, now: float) -> bytes | None:
        query = "SELECT value FROM items WHERE key = ? AND (ends IS NULL OR ends > ?)"
        row = await self._row(query, key, now)
        return None if row is None else _bytes(row[0])

    async def _row(self, query: str, *values: object) -> Any:
        async with self._db.execute(query, values) as found:
            return await found.fetchone()

    @contextlib.asynccontextmanager
    async def _step(self) -> AsyncIterator[float]:
        """Hold the connection for one statement; gives the time."""
        async with self._lock:
            try:
                yield self._clock()
            except sqlite3.Error as error:
                raise UnavailableError(UNUSABLE.format(path=self.path, reason=error)) from error

    @contextlib.asynccontextmanager
    async def _change(self) -> AsyncIterator[float]:
        """Hold the connection for a transaction; now and then what has ended is swept away first."""
        async with self._step() as now:
            await self._db.execute("BEGIN IMMEDIATE")
            try:
                if now - self._swept > SWEEP_EVERY_S:
                    self._swept = now
                    await self._db.execute("DELETE FROM items WHERE ends <= ?", (now,))
                    await self._db.execute("DELETE FROM lists WHERE ends <= ?", (now,))
                yield now
            except BaseException:
                await self._db.execute("ROLLBACK")
                raise
            await self._db.execute("COMMIT")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
