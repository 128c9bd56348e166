"""What a client waits for: the calls that are on their way, by number."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inference.client._service import BUSY
from inference.errors import BusyError, ReparteeError
from inference.protocol import ReactReply, ReactRequest, encode


@dataclass(eq=False)
class Call:
    """One request that somebody waits for; after an outage it has several `entries` in the stream."""

    number: int
    request: ReactRequest
    payload: bytes
    ends_at: float
    future: asyncio.Future[ReactReply]
    entries: list[bytes] = field(default_factory=list)
    has_met_worker: bool = False

    @property
    def left_s(self) -> float:
        """Seconds until nobody waits any more."""
        return self.ends_at - time.monotonic()

    def answer(self, reply: ReactReply) -> None:
        """Hand over the reply, unless the call has ended."""
        if not self.future.done():
            self.future.set_result(reply)

    def fail(self, error: ReparteeError) -> None:
        """End the call with an error, unless it has ended."""
        if not self.future.done():
            self.future.set_exception(error)


class Calls:
    """Calls by number, those that are still to be sent, and entries that are to be taken back."""

    def __init__(self) -> None:
        self._last = 0
        self._calls: dict[int, Call] = {}
        self._outbox: deque[Call] = deque()
        self._withdrawn: list[bytes] = []
        self._wake = asyncio.Event()
        self._refusal: ReparteeError | None = None

    def add(self, request: ReactRequest) -> Call:
        """Begin a call and put it into the outbox.

        Raises:
            ReparteeError: calls are refused.
        """
        if self._refusal is not None:
            raise type(self._refusal)(str(self._refusal))  # anew: an error keeps all that it went through
        self._last += 1
        ends_at = time.monotonic() + request.timeout_s
        future: asyncio.Future[ReactReply] = asyncio.get_running_loop().create_future()
        call = Call(self._last, request, encode(request), ends_at, future)
        self._calls[call.number] = call
        self._post([call])
        return call

    def end(self, call: Call, *, is_answered: bool) -> None:
        """Forget a call; what nobody waits for any more is to be taken back."""
        self._calls.pop(call.number, None)
        if not is_answered and call.entries:
            self._withdrawn += call.entries
            self._wake.set()

    def get(self, number: int) -> Call | None:
        """Return the call of a number while somebody waits for it."""
        return self._calls.get(number)

    async def next_outgoing(self, count: int) -> tuple[list[Call], list[bytes]]:
        """Wait for something to send: at most `count` calls, and entries to take back."""
        while True:
            calls: list[Call] = []
            while self._outbox and len(calls) < count:
                call = self._outbox.popleft()
                if call.number in self._calls:
                    calls.append(call)
            withdrawn, self._withdrawn = self._withdrawn, []
            if calls or withdrawn:
                return calls, withdrawn
            self._wake.clear()
            await self._wake.wait()

    def sent(self, calls: Sequence[Call], entries: Sequence[bytes], *, has_worker: bool) -> None:
        """Note where calls stand in the stream; one without a place was refused as busy."""
        for call, entry in zip(calls, entries, strict=True):
            call.has_met_worker = has_worker
            if not entry:
                if not call.entries:  # else it is asked again after an outage, and may be in work already
                    call.fail(BusyError(BUSY))
                continue
            call.entries.append(entry)
            if call.number not in self._calls:  # given up while it was on its way
                self._withdrawn.append(entry)
                self._wake.set()

    def put_back(self, calls: Iterable[Call], withdrawn: Iterable[bytes]) -> None:
        """Send again what did not get through."""
        self._withdrawn += withdrawn
        self._post(calls)

    def ask_again(self) -> None:
        """Send again all that has been sent and is still waited for."""
        waiting = set(self._outbox)
        self._post([call for call in self._calls.values() if call not in waiting and call.entries])

    def fail_all(self, error: ReparteeError) -> list[bytes]:
        """End all calls with an error, refuse new ones and return what is to be taken back."""
        self._refusal = error
        calls, self._calls = list(self._calls.values()), {}
        for call in calls:
            call.fail(error)
        return [*self._withdrawn, *(entry for call in calls for entry in call.entries)]

    def _post(self, calls: Iterable[Call]) -> None:
        self._outbox.extend(calls)
        self._wake.set()
