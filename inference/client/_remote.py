"""The service of workers behind Redis: requests go into their stream, replies come out of the client's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from inference.client._calls import Call, Calls
from inference.client._service import CLOSED, LATE, completed
from inference.errors import (
    DeadlineError,
    ReparteeError,
    ServiceError,
    UnavailableError,
    VersionError,
)
from inference.protocol import SCHEMA_VERSION, ErrorReply, ReactReply, ReactRequest, decode_reply
from inference.scripts import SUBMIT
from inference.wire import GRACE_MS, LONGEST_NUMBER, MAX_LIFE_MS, Keys, to_error, unique_name

if TYPE_CHECKING:
    from inference.redis_link import Link

QUEUE_LIMIT = 512
SUBMITTED_AT_ONCE = 128
YIELDS = 3  # turns of the loop in which who was answered may go on, ask and be sent, before the next read
TRIMMED_AFTER = 64  # replies that were handed out, or a quiet second

LOST = "Redis could not be reached within {timeout_s:g} s."
NO_WORKER = LATE + " No worker is running: start one with repartee worker."
DIED = "The connection to the workers died of a fault ({error}): start this process again."
UNREADABLE = "The worker's reply cannot be read: give worker and client the same version of Repartee."


class RedisService:
    """Asks workers over Redis; made and used in one event loop, as an async context manager.

    Requests that are made while others are on their way to Redis go there together. After an outage what is
    still waited for is asked again; the id sees to it that it is answered once.
    """

    def __init__(self, url: str, *, namespace: str = "repartee", queue_limit: int = QUEUE_LIMIT) -> None:
        """Prepare a client.

        Args:
            url: redis://[:password@]host:port/0, rediss:// or unix://.
            namespace: prefix of all keys; workers must have the same.
            queue_limit: with so many requests in the stream a further one is refused as busy.
        """
        self._url = url
        self._keys = Keys(namespace)
        self._queue_limit = queue_limit
        self._replies = self._keys.replies(unique_name())
        self._calls = Calls()
        self._tasks: list[asyncio.Task[None]] = []
        self._link: Link | None = None
        self._untrimmed = 0

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UnavailableError: there is no Redis at the URL, or it refuses the password.
        """
        from inference.redis_link import Link  # a process that asks itself does without redis-py

        link = Link(self._url)
        try:
            await link.check()
        except BaseException:
            await link.close()
            raise
        self._link = link
        self._tasks = [self._start(self._submit(link)), self._start(self._receive(link))]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def react(self, request: ReactRequest) -> ReactReply:
        """Rank GIFs for a message.

        Raises:
            MessageError: the request cannot be answered.
            BusyError: too many requests wait already.
            DeadlineError: it was not answered within its `timeout_s`.
            DuplicateError: a request of this id was answered already, here or elsewhere.
            UnavailableError: Redis cannot be reached.
            StageError: the worker failed at this message.
            ServiceError: the service is closed, or its two sides do not understand each other.
        """
        if self._link is None:
            raise ServiceError(CLOSED)
        request = completed(request)
        call = self._calls.add(request)
        is_answered = False
        try:
            async with asyncio.timeout(request.timeout_s):
                reply = await call.future
            is_answered = True
            return reply
        except TimeoutError:
            raise _too_late(call) from None
        except ReparteeError:
            is_answered = True
            raise
        finally:
            self._calls.end(call, is_answered=is_answered)

    async def close(self) -> None:
        """Withdraw what is still asked and disconnect; who waits gets a `ServiceError`."""
        link, self._link = self._link, None
        if self._tasks:
            from inference.redis_link import end

            await end(self._tasks)
            self._tasks.clear()
        withdrawn = self._calls.fail_all(ServiceError(CLOSED))
        if link is not None:
            with contextlib.suppress(Exception):  # the server may be gone; then there is nothing to clear
                await self._take_back(link, withdrawn)
                await link.run("DEL", self._replies)
            await link.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run one of the two loops; should it end by a bug, all who wait are told."""
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._fail_if_dead)
        return task

    def _fail_if_dead(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._calls.fail_all(ServiceError(DIED.format(error=type(error).__name__)))

    async def _submit(self, link: Link) -> None:
        """Send what waits in the outbox, all of it at once, and take back what nobody waits for."""
        from inference.redis_link import PASSING, Backoff

        backoff = Backoff()
        while True:
            calls, withdrawn = await self._calls.next_outgoing(SUBMITTED_AT_ONCE)
            try:
                await self._take_back(link, withdrawn)
                await self._send(link, calls)
            except PASSING:
                self._calls.put_back(calls, withdrawn)
                await backoff.wait()
            else:
                backoff.reset()

    async def _send(self, link: Link, calls: list[Call]) -> None:
        if not calls:
            return
        arguments: list[Any] = [self._queue_limit, MAX_LIFE_MS, GRACE_MS]
        for call in calls:
            arguments += self._fields(call)
        alive, *entries = await link.run_script(SUBMIT, [self._keys.requests, self._keys.workers], arguments)
        self._calls.sent(calls, entries, has_worker=alive > 0)

    async def _take_back(self, link: Link, entries: list[bytes]) -> None:
        if entries:
            await link.run("XDEL", self._keys.requests, *entries)

    def _fields(self, call: Call) -> list[Any]:
        request, left_ms = call.request, max(1, int(call.left_s * 1000))
        return [SCHEMA_VERSION, request.id, request.trace, left_ms, self._replies, call.number, call.payload]

    async def _receive(self, link: Link) -> None:
        """Hand out replies as they come."""
        from inference.redis_link import PASSING, START, Backoff

        backoff, last = Backoff(), START
        while True:
            try:
                last = await self._read(link, last)
                backoff.reset()
            except PASSING:
                await backoff.wait()
                last, self._untrimmed = START, 0  # the server may have lost the stream and count anew
                self._calls.ask_again()

    async def _read(self, link: Link, last: bytes) -> bytes:
        """Hand out the replies after `last` and return the last; strike off those of before."""
        from inference.redis_link import BLOCK_MS

        replies = await link.read(self._replies, last, block_ms=BLOCK_MS)
        self._untrimmed += len(replies)
        for entry, fields in replies:
            last = entry
            self._deliver(fields)
        for _ in range(YIELDS if replies else 0):
            await asyncio.sleep(0)
        if self._untrimmed > (TRIMMED_AFTER if replies else 0):
            await link.trim(self._replies, last)
            self._untrimmed = 0
        return last

    def _deliver(self, fields: dict[bytes, bytes]) -> None:
        number = fields.get(b"call", b"")
        call = self._calls.get(int(number)) if number.isdigit() and len(number) < LONGEST_NUMBER else None
        if call is None:  # too late, answered before, or nonsense
            return
        try:
            reply = decode_reply(fields.get(b"payload", b""))
        except (msgspec.DecodeError, UnicodeDecodeError):
            call.fail(VersionError(UNREADABLE))
            return
        if isinstance(reply, ErrorReply):
            call.fail(to_error(reply))
        else:
            call.answer(reply)


def _too_late(call: Call) -> ServiceError:
    """Say why there was no answer in time."""
    timeout_s = call.request.timeout_s
    if not call.entries:
        return UnavailableError(LOST.format(timeout_s=timeout_s))
    sentence = LATE if call.has_met_worker else NO_WORKER
    return DeadlineError(sentence.format(timeout_s=timeout_s))
