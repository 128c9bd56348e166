"""What keeps watch beside the lanes: signs of life, and requests that dead workers left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from redis.exceptions import ResponseError

from inference.errors import StageError
from inference.logs import get_logger
from inference.redis_link import PASSING
from inference.wire import Entry
from inference.worker._answers import Answers
from inference.worker._config import WorkerConfig
from inference.worker._intake import Intake
from inference.worker._metrics import WorkerMetrics
from inference.worker._queue import RequestQueue
from inference.worker._stages import Failure

BEAT_S = 0.4
CLAIM_S = 0.5
POISON = "The message was given up: workers ended at it {count} times."


class Watch:
    """Two loops, which end when they are cancelled."""

    def __init__(
        self,
        queue: RequestQueue,
        intake: Intake,
        answers: Answers,
        metrics: WorkerMetrics,
        config: WorkerConfig,
    ) -> None:
        self._queue = queue
        self._intake = intake
        self._answers = answers
        self._metrics = metrics
        self._config = config
        self._log = get_logger("watch").bind(worker=queue.name)
        self._beaten_at = time.monotonic()

    @property
    def silence_s(self) -> float:
        """Seconds since Redis has heard from this worker."""
        return time.monotonic() - self._beaten_at

    async def beat(self) -> None:
        """Give signs of life, look at the queue."""
        while True:
            try:
                self._intake.workers = await self._queue.beat()
                self._metrics.queue_depth.set(await self._queue.depth())
                self._beaten_at = time.monotonic()
            except PASSING:
                self._metrics.queue_depth.set(float("nan"))
            await asyncio.sleep(BEAT_S)

    async def claim(self, answer: Callable[[Entry], Awaitable[None]]) -> None:
        """Take over what dead or stuck workers owe, one by one: it may be what they died of.

        Args:
            answer: answers one request.
        """
        has_more = False
        while True:
            await asyncio.sleep(0 if has_more else CLAIM_S)
            has_more = False
            try:
                entries = await self._queue.claim()
            except PASSING:
                continue  # the reader waits it out
            except ResponseError as error:
                if "NOGROUP" not in str(error) and "no such key" not in str(error):
                    self._log.error("cannot take over requests", reason=str(error))
                continue
            has_more = bool(entries)
            if entries:
                self._metrics.claimed.inc(len(entries))
                self._log.warning("took over requests", count=len(entries))
            for entry in entries:
                if entry.deadline_ms <= self._queue.now_ms():
                    self._answers.drop([entry], "expired")
                elif entry.deliveries > self._config.max_deliveries:
                    self._give_up(entry)
                else:
                    await answer(entry)

    def _give_up(self, entry: Entry) -> None:
        self._log.error("gave a request up", trace=entry.trace, deliveries=entry.deliveries - 1)
        error = StageError(POISON.format(count=entry.deliveries - 1))
        self._answers.post([], [Failure(entry, error)])
