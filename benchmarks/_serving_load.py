"""The process that sends the load, so that what sends and what is measured don't share an interpreter.

Reads a plan as JSON from stdin and writes what it measured as JSON to stdout.
"""

import asyncio
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks._serving_clients import Ask, Target, open_clients

CLOCK_TICKS = 100.0
"""Of /proc, a second."""
PAUSE_S = 0.01
"""After a failure, before the same client sends its next message."""


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, where to and how long.

    Attributes:
        target: the server.
        texts: the messages; they go out in a shuffled order that depends on the seed alone.
        clients: each sends its next message when it has the answer to its last; without `arrivals_s`.
        warm_up_s: seconds before what counts.
        seconds: how long it counts.
        arrivals_s: when messages go out, in seconds from the start, whatever was answered by then.
        sessions: process sessions whose processor time is the server's.
    """

    target: Target
    texts: list[str]
    clients: int
    warm_up_s: float
    seconds: float
    seed: int = 0
    arrivals_s: list[float] = []
    sessions: list[int] = []


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a plan.

    Attributes:
        seconds: length of the measured window.
        latencies_ms: of each right answer in the window.
        failures: answers that were wrong or did not come, in the warm-up too.
        error: what the first failure said.
        server_cpu_s: processor time of the server in the window.
        load_cpu_s: processor time of the process that sends in the window.
        late_ms: how late each message of a schedule went out.
    """

    seconds: float
    latencies_ms: list[float]
    failures: int
    error: str
    server_cpu_s: float
    load_cpu_s: float
    late_ms: list[float] = []


class Window:
    """Collects what counts: answers that come after the warm-up and before the end."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self.latencies_ms: list[float] = []
        self.late_ms: list[float] = []
        self.failures = 0
        self.error = ""
        self.is_open = False

    async def ask(self, ask: Ask, text: str, since: float | None = None) -> bool:
        """Send a message and note how long the answer took, from `since` where it was due then.

        Returns:
            Whether the answer was right.
        """
        start = time.perf_counter() if since is None else since
        try:
            is_right, error = await ask(text), "a wrong answer"
        except (OSError, EOFError, ValueError, TimeoutError) as caught:
            is_right, error = False, f"{type(caught).__name__}: {caught}"
        if not is_right:
            self.failures += 1
            self.error = self.error or error
        elif self.is_open:
            self.latencies_ms.append((time.perf_counter() - start) * 1e3)
        return is_right

    async def measure(self) -> LoadResult:
        """Open after the warm-up, close at the end, and return what came in between."""
        await asyncio.sleep(self._plan.warm_up_s)
        start, sent, served = time.perf_counter(), time.process_time(), cpu_seconds(self._plan.sessions)
        self.is_open = True
        await asyncio.sleep(self._plan.seconds)
        self.is_open = False
        return LoadResult(
            seconds=time.perf_counter() - start,
            server_cpu_s=cpu_seconds(self._plan.sessions) - served,
            load_cpu_s=time.process_time() - sent,
            latencies_ms=self.latencies_ms,
            late_ms=self.late_ms,
            failures=self.failures,
            error=self.error,
        )


async def run(plan: LoadPlan) -> LoadResult:
    """Carry out a plan."""
    window, messages = Window(plan), shuffled(plan.texts, plan.seed)
    async with open_clients(plan.target, plan.clients) as asks, asyncio.TaskGroup() as group:
        measured = group.create_task(window.measure())
        if plan.arrivals_s:
            await _send_on_time(window, plan.arrivals_s, itertools.cycle(asks), messages, group)
        else:
            for ask in asks:
                group.create_task(_send_in_turn(window, ask, messages, measured.done))
    result = await measured
    # What failed after the window closed is a failure too.
    return msgspec.structs.replace(result, failures=window.failures, error=window.error)


async def _send_in_turn(
    window: Window, ask: Ask, messages: Iterator[str], is_over: Callable[[], bool]
) -> None:
    while not is_over():
        # Who fails is asked on, as its rate would else be that of a part of the window; a refusal at once
        # must not keep the others from their turn.
        if not await window.ask(ask, next(messages)):
            await asyncio.sleep(PAUSE_S)


async def _send_on_time(
    window: Window,
    arrivals_s: Sequence[float],
    asks: Iterator[Ask],
    messages: Iterator[str],
    group: asyncio.TaskGroup,
) -> None:
    start = time.perf_counter()
    for arrival_s in arrivals_s:
        due = start + arrival_s
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        window.late_ms.append((time.perf_counter() - due) * 1e3)
        group.create_task(window.ask(next(asks), next(messages), due))


def shuffled(texts: Sequence[str], seed: int) -> Iterator[str]:
    """Yield the texts for ever, in another order each time round; the seed decides which."""
    rng = random.Random(seed)
    while True:
        yield from rng.sample(texts, len(texts))


def cpu_seconds(sessions: Sequence[int]) -> float:
    """Return the processor time of all processes of these sessions, 0 where the system does not tell."""
    wanted = {str(session) for session in sessions}
    return sum(_ticks(path, wanted) for path in Path("/proc").glob("[0-9]*/stat")) / CLOCK_TICKS


def _ticks(path: Path, sessions: set[str]) -> int:
    try:
        # The name in brackets may have blanks; what follows it: state, parent, group, session, ...
        fields = path.read_text().rpartition(")")[2].split()
    except OSError:  # it ended while we looked
        return 0
    return int(fields[11]) + int(fields[12]) if fields[3] in sessions else 0


def main() -> None:
    """Carry out the plan of stdin."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=LoadPlan)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(run(plan))))


if __name__ == "__main__":
    main()
