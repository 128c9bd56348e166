"""The store in Redis or Valkey, shared by any number of bots."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from redis.exceptions import RedisError

from inference.errors import UnavailableError
from inference.redis_link import UNREACHABLE, Link

SCANNED = 1_000  # keys a step
_SPECIAL = re.compile(r"[\\*?\[\]^-]")
_INCREASE = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
"""
_PUSH = """
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""


class RedisStore:
    """Keys under `<namespace>:bot:`; no key has to lie beside another one."""

    def __init__(self, url: str, *, namespace: str = "repartee") -> None:
        """Prepare to connect.

        Raises:
            UnavailableError: the URL is none.
        """
        self._link = Link(url)
        self._prefix = f"{namespace}:bot:"

    async def __aenter__(self) -> Self:
        await self._link.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.close()

    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        with self._explained():
            value: bytes | None = await self._link.run("GET", self._prefix + key)
        return value

    async def put(self, key: str, value: bytes, *, life_s: float | None = None) -> None:
        """Set a value."""
        life = () if life_s is None else ("PX", _ms(life_s))
        with self._explained():
            await self._link.run("SET", self._prefix + key, value, *life)

    async def claim(self, key: str, *, life_s: float) -> bool:
        """Set a mark; whether it was not there before."""
        with self._explained():
            return bool(await self._link.run("SET", self._prefix + key, b"1", "NX", "PX", _ms(life_s)))

    async def drop(self, key: str) -> bool:
        """Forget a value, a table or a list; whether there was one."""
        with self._explained():
            return bool(await self._link.run("DEL", self._prefix + key))

    async def increase(self, key: str, *, life_s: float, by: int = 1) -> int:
        """Count `by` more and return the new count."""
        with self._explained():
            return int(await self._link.run_script(_INCREASE, [self._prefix + key], [_ms(life_s), by]))

    async def fields(self, key: str) -> dict[str, bytes]:
        """Return a table."""
        with self._explained():
            found = await self._link.run("HGETALL", self._prefix + key)
        pairs = found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True)
        return {field.decode(): value for field, value in pairs}

    async def names(self, prefix: str) -> list[str]:
        """List what comes after `prefix` in the keys of tables, in alphabetical order."""
        start, found, cursor = self._prefix + prefix, set[bytes](), b"0"
        pattern = _SPECIAL.sub(r"\\\g<0>", start) + "*"
        with self._explained():
            while True:
                options = ("MATCH", pattern, "COUNT", SCANNED, "TYPE", "hash")
                cursor, keys = await self._link.run("SCAN", cursor, *options)
                found.update(keys)
                if int(cursor) == 0:
                    break
        return sorted(key.decode()[len(start) :] for key in found)

    async def put_field(self, key: str, field: str, value: bytes) -> None:
        """Set a field of a table."""
        with self._explained():
            await self._link.run("HSET", self._prefix + key, field, value)

    async def drop_fields(self, key: str, *fields: str) -> int:
        """Forget fields of a table; how many there were."""
        if not fields:
            return 0
        with self._explained():
            return int(await self._link.run("HDEL", self._prefix + key, *fields))

    async def has_field(self, key: str, field: str) -> bool:
        """Whether a table has a field."""
        with self._explained():
            return bool(await self._link.run("HEXISTS", self._prefix + key, field))

    async def add(self, key: str, field: str, amount: float) -> None:
        """Add to a number in a table, 0 where there is none."""
        with self._explained():
            await self._link.run("HINCRBYFLOAT", self._prefix + key, field, amount)

    async def push(self, key: str, item: str, *, keep: int, life_s: float) -> None:
        """Put an item in front of a list, which keeps its newest `keep`."""
        with self._explained():
            await self._link.run_script(_PUSH, [self._prefix + key], [item, keep, _ms(life_s)])

    async def newest(self, key: str) -> list[str]:
        """Return a list, newest first."""
        with self._explained():
            return [item.decode() for item in await self._link.run("LRANGE", self._prefix + key, 0, -1)]

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            reason = type(error).__name__  # its text may quote what was to be stored
            raise UnavailableError(UNREACHABLE.format(place=self._link.place, reason=reason)) from None


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
