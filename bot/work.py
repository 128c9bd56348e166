"""Work that is done for somebody after the acknowledgement: timed, counted, every failure put into words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

from bot.errors import WishError
from bot.messages import refusal
from bot.metrics import BotMetrics
from inference.errors import ReparteeError
from inference.logs import get_logger, where_of

Step = Callable[[], Awaitable[object]]
Say = Callable[[str], Awaitable[object]]
CodeOf = Callable[[Exception], object]


def code_of(error: Exception) -> object:
    """Return the number that a platform gives an error, None where it gives none."""
    return getattr(error, "code", None)


class Work:
    """What a bot has to do; `drain` waits for what is under way."""

    def __init__(self, metrics: BotMetrics, part: str, code_of: CodeOf = code_of) -> None:
        """Prepare.

        Args:
            metrics: counts and times it.
            part: the name under which it is logged.
            code_of: what the platform calls an error; it goes into the log.
        """
        self.metrics = metrics
        self._code_of = code_of
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = get_logger(part)

    async def attempt(self, surface: str, work: Step, say: Say) -> str:
        """Do a piece of work; what goes wrong is said to the person. Returns how it ended."""
        with self.metrics.timed(surface, "answer"):
            try:
                await work()
                return "answered"
            except ReparteeError as error:
                outcome, line = type(error).__name__, refusal(error)
            except Exception as error:  # a fault of ours or of the platform: the person is told all the same
                outcome, line = self.failed(surface, error), refusal(ReparteeError())
            try:
                await say(line)
            except Exception as error:
                self.failed(surface, error)
            return outcome

    async def note(self, surface: str, work: Callable[[], Awaitable[str]]) -> None:
        """Deal with an event that nobody waits for; `work` says how it ended."""
        with self.under_way(), self.metrics.timed(surface, "answer"):
            try:
                outcome = await work()
            except WishError as error:
                outcome = type(error).__name__
            except Exception as error:
                outcome = self.failed(surface, error)
        self.metrics.count(surface, outcome)

    def start(self, work: Awaitable[None]) -> None:
        """Do a piece of work in a task of its own, which is held on to until it ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def failed(self, surface: str, error: Exception) -> str:
        """Log a failure without its text, which may quote what somebody said; returns its name."""
        status, code = getattr(error, "status", None), self._code_of(error)
        self._log.error("failed", surface=surface, where=where_of(error), status=status, code=code)
        return type(error).__name__

    async def drain(self, patience_s: float) -> None:
        """Wait until nothing is under way, but no longer than that; what is left is cancelled."""
        try:
            async with asyncio.timeout(patience_s):
                if self._tasks:
                    await asyncio.wait(self._tasks)
                await self._idle.wait()
        except TimeoutError:
            self._log.warning("left unanswered", count=self._running)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Count one piece of work while the block lasts."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()
