"""What became of every request, as its sender saw it and as the server did."""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np

from inference.client import RedisService
from inference.errors import DuplicateError, ReparteeError
from inference.protocol import ReactReply, ReactRequest

TOLERANCE_S = 0.25
"""How late a busy event loop may notice a deadline."""

REPLY = re.compile(rb'\[\d+ lua\] "XADD" "([^"]*:replies:[^"]*)" .*? "call" "(\d+)"')


@dataclass
class Ledger:
    """Counts outcomes; a request of which two copies are sent is one `twin`."""

    timeout_s: float
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    bundles: Counter[str] = field(default_factory=Counter)
    late: int = 0
    broken: int = 0
    twins: int = 0
    twins_answered_twice: int = 0

    async def ask(self, service: RedisService, request: ReactRequest) -> ReactReply | None:
        """Send a request and note how it ended."""
        loop = asyncio.get_running_loop()
        start, reply = loop.time(), None
        try:
            reply = await service.react(request)
            outcome = "answered"
            self.bundles[reply.bundle] += 1
            self.latencies_ms.append((loop.time() - start) * 1e3)
        except ReparteeError as error:
            outcome = type(error).__name__
        except Exception as error:
            outcome = f"BROKEN {type(error).__name__}"
            self.broken += 1
        self.outcomes[outcome] += 1
        self.late += loop.time() - start > self.timeout_s + TOLERANCE_S
        return reply

    async def ask_twice(self, services: tuple[RedisService, RedisService], request: ReactRequest) -> None:
        """Send two copies of a request by two clients: one answer at most may come."""
        replies = await asyncio.gather(*(self.ask(service, request) for service in services))
        self.twins += 1
        self.twins_answered_twice += all(reply is not None for reply in replies)

    @property
    def total(self) -> int:
        """Number of calls that have ended."""
        return sum(self.outcomes.values())

    @property
    def failed(self) -> int:
        """Calls that ended neither with an answer nor as the second copy of one."""
        return self.total - self.outcomes["answered"] - self.outcomes[DuplicateError.__name__]

    def percentile(self, share: float) -> float:
        """Return a percentile of the latencies, in ms."""
        return float(np.percentile(self.latencies_ms, share)) if self.latencies_ms else float("nan")


@dataclass
class Witness:
    """Counts the replies that workers wrote, by client and call, as the server shows them to MONITOR."""

    replies: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)

    @property
    def written_twice(self) -> int:
        """Calls that were sent more than one reply."""
        return sum(count > 1 for count in self.replies.values())

    def see(self, line: bytes) -> None:
        """Note a line of MONITOR."""
        if found := REPLY.search(line):
            self.replies[found[1], found[2]] += 1


@contextlib.asynccontextmanager
async def witnessed(port: int) -> AsyncIterator[Witness]:
    """Watch all that a server does, over a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(b"MONITOR\r\n")
    await reader.readline()
    witness = Witness()

    async def watch() -> None:
        while line := await reader.readline():
            witness.see(line)

    task = asyncio.create_task(watch())
    try:
        yield witness
        await asyncio.sleep(0.2)  # what is under way to us
    finally:
        task.cancel()
        writer.close()
