"""Clients that ask at their own pace and note how every call ended.

Some messages are sent twice under one id, by two clients; some have so short a life that it ends while a dead
worker still owes them.
"""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from inference.client import ReactionService
from inference.errors import ReparteeError
from inference.protocol import ReactRequest

ANSWERED, NOTHING, STRAY = "answered", "nothing", "the answer of another message"
LONG_LIFE_S, SHORT_LIFE_S = 5.0, 1.0
TWIN_LAG_S = 0.05
TICK_S = 0.02
LOST_AFTER_S = 3.0
"""A call that has not ended so long after its deadline is given up as lost."""


class Outcome(NamedTuple):
    """How one call ended: `end` is ANSWERED, NOTHING, STRAY or the class of an error."""

    id: str
    client: int
    life_s: float
    began_at: float
    took_s: float
    end: str
    is_typed: bool = False
    bundle: str = ""
    catalogue: str = ""

    @property
    def ended_at(self) -> float:
        """When, by `time.perf_counter`."""
        return self.began_at + self.took_s


@dataclass(frozen=True)
class Mix:
    """Which share of the messages is sent twice, and which has a short life."""

    twins: float = 0.0
    short: float = 0.0


@dataclass
class Load:
    """What clients ask: each has so many tasks, which wait `gap_s` on average before each message."""

    name: str
    services: Sequence[ReactionService]
    tasks: int
    texts: Sequence[str]
    mix: Mix = Mix()
    gap_s: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)
    is_over: bool = False
    longest_pause_s: float = 0.0
    """How long the event loop did nothing: what the machine, not Repartee, adds to the time of a call."""

    async def run(self, requests: int | None = None) -> None:
        """Ask until `is_over`, or until so many messages were sent; calls under way come to their end."""
        numbers = iter(range(requests)) if requests is not None else itertools.count()
        async with asyncio.TaskGroup() as watch:
            watch.create_task(self._watch_loop())
            async with asyncio.TaskGroup() as group:
                for client, task in itertools.product(range(len(self.services)), range(self.tasks)):
                    rng = random.Random(f"{self.name} {client} {task}")
                    group.create_task(self._ask_in_turn(client, rng, numbers))
            self.is_over = True

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Ask as long as the context lasts."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.run())
            try:
                yield
            finally:
                self.is_over = True

    async def _watch_loop(self) -> None:
        while not self.is_over:
            start = time.perf_counter()
            await asyncio.sleep(TICK_S)
            self.longest_pause_s = max(self.longest_pause_s, time.perf_counter() - start - TICK_S)

    async def _ask_in_turn(self, client: int, rng: random.Random, numbers: Iterator[int]) -> None:
        due = time.perf_counter()
        while not self.is_over and (number := next(numbers, None)) is not None:
            if self.gap_s:
                now = time.perf_counter()
                due = max(now, due + rng.expovariate(1 / self.gap_s))
                await asyncio.sleep(due - now)
            life_s = SHORT_LIFE_S if rng.random() < self.mix.short else LONG_LIFE_S
            name = f"{self.name}-{number}"
            request = ReactRequest(text=rng.choice(self.texts), id=name, trace=name, timeout_s=life_s)
            calls = [self._ask(client, request)]
            if rng.random() < self.mix.twins:
                other = (client + 1) % len(self.services)
                calls.append(self._ask(other, request, lag_s=rng.uniform(0, TWIN_LAG_S)))
            await asyncio.gather(*calls)

    async def _ask(self, client: int, request: ReactRequest, lag_s: float = 0.0) -> None:
        await asyncio.sleep(lag_s)
        began_at = time.perf_counter()
        end, is_typed, bundle, catalogue = NOTHING, False, "", ""
        try:
            async with asyncio.timeout(request.timeout_s + LOST_AFTER_S):
                reply = await self.services[client].react(request)
            end = ANSWERED if reply.trace == request.trace else STRAY
            bundle, catalogue = reply.bundle, reply.catalogue
        except ReparteeError as error:
            end, is_typed = type(error).__name__, True
        except TimeoutError:
            pass
        except Exception as error:  # whatever it is, it is not what was promised, and to be counted
            end = type(error).__name__
        took_s = time.perf_counter() - began_at
        self.outcomes.append(
            Outcome(request.id, client, request.timeout_s, began_at, took_s, end, is_typed, bundle, catalogue)
        )


def gap_for(rate: float, tasks: int) -> float:
    """Return how far apart the messages of each of so many tasks are, so that all send `rate` a second."""
    return tasks / rate
