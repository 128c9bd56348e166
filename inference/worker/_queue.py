"""The worker's side of the request stream: reading, answering, taking over, and the clock that all share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from inference.errors import DuplicateError
from inference.protocol import encode
from inference.redis_link import START, Link
from inference.scripts import CLAIM, FINISH, HEARTBEAT, LEAVE, STANDING
from inference.wire import (
    GRACE_MS,
    GROUP,
    REPLY_LENGTH,
    REPLY_LIFE_MS,
    WORKER_LIFE_MS,
    WORKER_TRACE_MS,
    Entry,
    Keys,
    error_reply,
    read_entry,
)

IDLE_MS = 200  # what has been owed for less is left alone: two workers do not take over from each other
STALE_MS = 15_000  # what a living worker has owed for so long is taken from it
CLAIM_COUNT = 64
DUPLICATE = "A message of this id has been answered already; nothing more is sent."


class Standing(IntEnum):
    """Whether somebody still waits for a request."""

    WITHDRAWN = 0
    OPEN = 1
    ANSWERED = 2


class Outcome(NamedTuple):
    """What becomes of a request: a reply as MessagePack, or None where it is dropped.

    After an answer its id is not answered again, after an error it may be asked anew.
    """

    entry: Entry
    payload: bytes | None
    is_answer: bool = False


class Tally(NamedTuple):
    """How outcomes fared: answered, duplicates, answered before, too late."""

    answered: int
    duplicates: int
    before: int
    late: int


class RequestQueue:
    """The request stream as one worker sees it."""

    def __init__(self, link: Link, keys: Keys, name: str) -> None:
        """Bind the worker of this name to the stream."""
        self.name = name
        self._link = link
        self._keys = keys
        self._duplicate = encode(error_reply(DuplicateError(DUPLICATE)))
        self._offset_ms = 0

    async def join(self) -> None:
        """Make the consumer group where there is none, and give a first sign of life."""
        try:
            await self._link.run("XGROUP", "CREATE", self._keys.requests, GROUP, "0", "MKSTREAM")
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        await self.beat()

    async def beat(self) -> int:
        """Give a sign of life, set the clock by that of Redis, return how many workers live."""
        before = time.monotonic()
        now, alive = await self._link.run_script(
            HEARTBEAT, [self._keys.workers], [self.name, WORKER_LIFE_MS, WORKER_TRACE_MS]
        )
        self._offset_ms = int(now) - int((before + time.monotonic()) * 500)
        return int(alive)

    def now_ms(self) -> int:
        """Return the time by the clock of Redis."""
        return int(time.monotonic() * 1000) + self._offset_ms

    async def read(self, count: int, block_ms: int | None) -> list[Entry]:
        """Take at most `count` new requests; wait for the first of them for at most `block_ms`.

        Raises:
            ResponseError: NOGROUP, where the stream was lost or has expired; `join` makes it anew.
        """
        found = await self._link.read_group(
            GROUP, self.name, self._keys.requests, count=count, block_ms=block_ms
        )
        return [read_entry(entry, fields) for entry, fields in found]

    async def pending(self, count: int) -> list[Entry]:
        """Return what Redis has handed out to this worker and seen no reply to, the oldest first."""
        found = await self._link.read_group(
            GROUP, self.name, self._keys.requests, count=count, block_ms=None, after=START
        )
        return [read_entry(entry, fields) for entry, fields in found if fields]

    async def claim(self) -> list[Entry]:
        """Take over what dead or stuck workers owe."""
        found = await self._link.run_script(
            CLAIM,
            [self._keys.requests, self._keys.workers],
            [GROUP, self.name, IDLE_MS, STALE_MS, CLAIM_COUNT, WORKER_TRACE_MS, WORKER_LIFE_MS],
        )
        return [read_entry(entry, _pairs(fields), deliveries) for deliveries, entry, fields in found]

    async def standing(self, entries: Sequence[Entry]) -> list[Standing]:
        """Say of each request how it stands now."""
        marks = [self._keys.answered(entry.id) for entry in entries]
        flags = await self._link.run_script(
            STANDING, [self._keys.requests, *marks], [entry.entry for entry in entries]
        )
        return [Standing(flag) for flag in flags]

    async def finish(self, outcomes: Sequence[Outcome]) -> Tally:
        """Send replies and strike the requests off, each once whoever else answers it."""
        keys = [self._keys.requests]
        arguments: list[Any] = [GROUP, GRACE_MS, REPLY_LIFE_MS, REPLY_LENGTH, self._duplicate]
        for entry, payload, is_answer in outcomes:
            can_reply = entry.reply.startswith(self._keys.replies(""))  # and not some other key
            keys += [entry.reply if can_reply else self._keys.replies(""), self._keys.answered(entry.id)]
            sent = payload if can_reply and payload is not None else b""
            arguments += [entry.entry, entry.deadline_ms, entry.call, sent, int(is_answer)]
        return Tally(*await self._link.run_script(FINISH, keys, arguments))

    async def depth(self) -> int:
        """Return how many requests are in the stream, those in work included."""
        return int(await self._link.run("XLEN", self._keys.requests))

    async def leave(self) -> None:
        """Go: no longer count as living, nor as a consumer unless something is still owed."""
        await self._link.run_script(LEAVE, [self._keys.requests, self._keys.workers], [GROUP, self.name])


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
