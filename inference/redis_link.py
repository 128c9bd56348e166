"""Connections to Redis or Valkey: how they are used, which failures pass, how long to wait after one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from inference.errors import UnavailableError

DEFAULT_PORT = 6379
CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 5.0  # longer than any blocking read lasts
BLOCK_MS = 1_000
FIRST_WAIT_S = 0.02
LONGEST_WAIT_S = 0.5
CANCEL_AGAIN_S = 0.02

PASSING = (ConnectionError, TimeoutError, ReadOnlyError, OSError)
"""Failures that a server which comes back cures."""

PASSING_ANSWERS = (ClusterDownError, MasterDownError, OutOfMemoryError)
PASSING_CODES = ("UNBLOCKED", "MISCONF", "NOREPLICAS", "TRYAGAIN", "BUSY ")
"""What a server answers that cannot serve right now: memory or disk is full, it moves, it is at a script."""

START = b"0"
"""The place before the first entry of every stream."""

NEW = b">"
"""In a group: what nobody has been handed out yet; any other place: what this member has been."""

StreamEntry = tuple[bytes, dict[bytes, bytes]]
"""Id and fields."""

BAD_URL = (
    "REDIS_URL is not the address of a Redis server: write redis://[:password@]host:port/0, and / ? # @ [ ] "
    "in the password as %2F %3F %23 %40 %5B %5D."
)
UNREACHABLE = "Redis at {place} cannot be reached ({reason}): start it, or mend REDIS_URL."
REFUSED = "Redis at {place} refuses the user or password of REDIS_URL: mend it there."


class Link:
    """Connections to one server, as many as are used at a time; failures are reported at once."""

    def __init__(self, url: str) -> None:
        """Prepare to connect.

        Raises:
            UnavailableError: the URL is none.
        """
        self.place = _place_of(url)
        options: dict[str, Any] = {} if url.startswith("unix:") else {"socket_keepalive": True}
        try:
            self._redis: Any = Redis.from_url(
                url,
                protocol=2,
                retry=Retry(NoBackoff(), 0),
                socket_connect_timeout=CONNECT_TIMEOUT_S,
                socket_timeout=SOCKET_TIMEOUT_S,
                **options,
            )
        except ValueError:
            raise UnavailableError(BAD_URL) from None  # the cause may quote the password

    async def check(self) -> None:
        """Ask the server for a sign of life.

        Raises:
            UnavailableError: there is none; says what to do.
        """
        try:
            await self.run("PING")
        except (AuthenticationError, AuthorizationError):
            raise UnavailableError(REFUSED.format(place=self.place)) from None
        except (RedisError, OSError) as error:
            if str(error).startswith(("NOAUTH", "WRONGPASS")):
                raise UnavailableError(REFUSED.format(place=self.place)) from None
            raise UnavailableError(UNREACHABLE.format(place=self.place, reason=error)) from error

    async def run(self, *command: Any) -> Any:
        """Run one command."""
        return await _cancellable(self._redis.execute_command(*command))

    async def run_script(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run one of `inference.scripts`."""
        return await self.run("EVAL", script, len(keys), *keys, *arguments)

    async def read(self, stream: str, last: bytes, *, block_ms: int, count: int = 256) -> list[StreamEntry]:
        """Return entries of a stream after `last`; wait up to `block_ms` for the first."""
        return _entries(await self.run("XREAD", "COUNT", count, "BLOCK", block_ms, "STREAMS", stream, last))

    async def trim(self, stream: str, last: bytes) -> None:
        """Strike off the entries of a stream up to `last`."""
        if last == START:
            return
        milliseconds, _, number = last.partition(b"-")
        await self.run("XTRIM", stream, "MINID", b"%s-%d" % (milliseconds, int(number) + 1))

    async def read_group(
        self,
        group: str,
        consumer: str,
        stream: str,
        *,
        count: int,
        block_ms: int | None,
        after: bytes = NEW,
    ) -> list[StreamEntry]:
        """Return new entries of a stream for a member of a group; wait `block_ms` for the first.

        Raises:
            ResponseError: NOGROUP, where the stream or its group is not there.
        """
        block = () if block_ms is None else ("BLOCK", block_ms)
        found = await self.run(
            "XREADGROUP", "GROUP", group, consumer, "COUNT", count, *block, "STREAMS", stream, after
        )
        return _entries(found)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()


async def _cancellable(work: Awaitable[Any]) -> Any:
    """Await a command; redis-py turns a cancellation in a blocking read into a failure of the connection."""
    try:
        result = await work
    except PASSING:
        _end_if_cancelled()
        raise
    except ResponseError as error:
        if isinstance(error, PASSING_ANSWERS) or str(error).startswith(PASSING_CODES):
            raise ConnectionError(str(error)) from error
        raise
    _end_if_cancelled()
    return result


def _end_if_cancelled() -> None:
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _place_of(url: str) -> str:
    """Name the server of a URL for people and logs, without user and password.

    Raises:
        UnavailableError: the URL is none, or its password holds a character that ends it early.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UnavailableError(BAD_URL) from None
    if parts.scheme == "unix":
        return parts.path
    if not host or parts.fragment or "@" in parts.path + parts.query:
        raise UnavailableError(BAD_URL)
    return f"{host}:{port or DEFAULT_PORT}"


def _entries(found: Any) -> list[StreamEntry]:
    return list(found[0][1]) if found else []


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks that may be in a command, and wait until they have ended.

    Again and again, as redis-py loses a cancellation that comes while it takes a connection out of its pool.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)


class Backoff:
    """Waits longer after each failure in a row, with jitter, up to half a second."""

    def __init__(self) -> None:
        self._wait_s = FIRST_WAIT_S

    async def wait(self) -> None:
        """Wait before the next attempt."""
        await asyncio.sleep(self._wait_s * random.uniform(0.5, 1.0))
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def reset(self) -> None:
        """Begin anew after a success."""
        self._wait_s = FIRST_WAIT_S
