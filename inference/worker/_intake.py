"""The way in: requests are read from Redis and tokenised, and wait here until a lane takes a batch.

While a lane is idle the reader waits at Redis, so that the next request goes to whichever worker is free.
While all are busy it reads ahead without waiting; what has come when a lane gets free is the next batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from redis.exceptions import ResponseError

from inference.batching import Batcher
from inference.engine import Engine
from inference.logs import get_logger
from inference.redis_link import PASSING, Backoff
from inference.wire import Entry
from inference.worker._answers import Answers
from inference.worker._config import WorkerConfig
from inference.worker._metrics import WorkerMetrics
from inference.worker._queue import RequestQueue
from inference.worker._stages import Job, prepare

BLOCK_MS = 250  # how long the reader waits at Redis before it looks whether to stop
READ_AHEAD = 64  # requests that all workers together read ahead: more of them batch better by length
INLINE_BYTES = 4_000  # tokenised in the loop itself, which saves a message alone the way to a thread


class Intake:
    """The requests that one worker has read and not begun."""

    def __init__(
        self,
        queue: RequestQueue,
        answers: Answers,
        metrics: WorkerMetrics,
        config: WorkerConfig,
        engine: Callable[[], Engine],
    ) -> None:
        self.workers = 1  # that share the queue
        self._queue = queue
        self._answers = answers
        self._metrics = metrics
        self._config = config
        self._engine = engine
        self._log = get_logger("intake").bind(worker=queue.name)
        self._batcher: Batcher[Job] = Batcher(config.max_batch)
        self._idle_lanes = 0
        self._may_read_ahead = False
        self._is_stopping = False
        self._has_ended = False
        self._has_work = asyncio.Event()
        self._has_room = asyncio.Event()

    @property
    def is_stopping(self) -> bool:
        """Whether no more is read."""
        return self._is_stopping

    def stop(self) -> None:
        """Read no more."""
        self._is_stopping = True
        self._has_room.set()

    async def read(self) -> None:
        """Bring requests in, as many as there is room for, until stopped."""
        while not self._is_stopping:
            count, block_ms = await self._room()
            if self._is_stopping:
                break
            try:
                entries = await self._queue.read(count, block_ms)
            except (*PASSING, ResponseError) as error:
                await self._rejoin(error)
                continue
            self._may_read_ahead = False
            if entries:
                await self._take_in(entries)
        self._has_ended = True
        self._has_work.set()

    async def next_batch(self) -> list[Job]:
        """Wait for a batch; an empty one says that no more will come."""
        while True:
            now = self._queue.now_ms()
            batch = self._batcher.take(now)
            self._answers.drop([job.entry for job in batch.expired], "expired")
            self._metrics.waiting.set(len(self._batcher))
            if batch.items:
                self._may_read_ahead = True
                self._has_room.set()
                for job in batch.items:
                    job.timings_ms["queue"] = max(0.0, now - job.entry.added_ms)
                return batch.items
            if self._has_ended:
                return []
            self._has_work.clear()
            self._idle_lanes += 1
            self._has_room.set()
            await self._has_work.wait()
            self._idle_lanes -= 1

    async def _room(self) -> tuple[int, int | None]:
        """Wait until there is room; return how much, and how long the read may wait, None for not at all.

        Idle lanes are offered what they can begin at once: the rest of a burst is for other workers.
        """
        while not self._is_stopping:
            if self._idle_lanes and not len(self._batcher):
                return self._idle_lanes * self._config.max_batch, BLOCK_MS
            if self._may_read_ahead and len(self._batcher) < self._config.max_batch:
                return self._share() - len(self._batcher), None
            self._has_room.clear()
            await self._has_room.wait()
        return 0, None

    def _share(self) -> int:
        """Return how many requests this worker may hold unbegun."""
        return max(self._config.threads * self._config.max_batch, READ_AHEAD // max(1, self.workers))

    async def _take_in(self, entries: list[Entry]) -> None:
        if sum(len(entry.payload) for entry in entries) <= INLINE_BYTES:
            jobs, failures = prepare(self._engine(), entries)
        else:
            jobs, failures = await asyncio.to_thread(prepare, self._engine(), entries)
        self._answers.post([], failures)
        self._batcher.add(jobs)
        self._metrics.waiting.set(len(self._batcher))
        if jobs:
            self._has_work.set()

    async def _rejoin(self, error: Exception) -> None:
        """Wait until Redis is there, and with it the consumer group.

        Raises:
            ResponseError: Redis refuses for another reason than a missing group.
        """
        # that an empty stream expires is usual; Redis 7.0 says it in other words
        is_expiry = "NOGROUP" in str(error) or "no longer exists" in str(error)
        is_outage = isinstance(error, PASSING) and not is_expiry
        if is_outage:
            self._metrics.reconnects.inc()
            self._log.warning("redis is gone", reason=type(error).__name__)
        elif not is_expiry:
            raise error
        if await self.join() and is_outage:
            self._log.info("redis is back")

    async def join(self) -> bool:
        """Join the group, as soon as Redis is there; say whether this was before a stop.

        What this worker was handed out and may never have seen, as its connection broke, is taken in again.
        """
        backoff = Backoff()
        while not self._is_stopping:
            try:
                await self._queue.join()
                entries = await self._queue.pending(self._share())
            except (*PASSING, ResponseError) as error:
                if isinstance(error, ResponseError) and "NOGROUP" not in str(error):
                    raise
                await backoff.wait()
                continue
            if entries:
                await self._take_in(entries)
            return True
        return False
