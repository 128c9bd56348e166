"""The worker itself: one reader, a lane a thread, and what keeps watch beside them.

While a lane is idle the reader waits at Redis, so that the next request goes to whichever worker is free.
While all are busy it reads ahead without waiting; what has come when a lane gets free is the next batch.
A loop that dies ends the worker, and with it the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from inference.batching import Batcher
from inference.engine import Engine
from inference.errors import StageError
from inference.logs import get_logger
from inference.redis_link import PASSING, Backoff
from inference.wire import WORKER_LIFE_MS, Entry
from inference.worker._answers import Answers
from inference.worker._cache import ResultCache
from inference.worker._metrics import WorkerMetrics
from inference.worker._queue import RequestQueue
from inference.worker._stages import Answer, Failure, Job, answer_kept, compute, prepare

BLOCK_MS = 250  # how long the reader waits at Redis before it looks whether to stop
BEAT_S = 0.4
CLAIM_S = 0.5
READ_AHEAD = 64  # requests that all workers together read ahead: more of them batch better by length
INLINE_BYTES = 4_000  # tokenised in the loop itself, which saves a message alone the way to a thread
CHECKED_AFTER_MS = 20  # a request that was read so long ago may have been withdrawn since

POISON = "The message was given up: workers ended at it {count} times."


class StuckError(Exception):
    """A stage did not end in time; its thread cannot be stopped, so that the process must end."""


@dataclass(frozen=True)
class WorkerConfig:
    """How a worker works.

    Attributes:
        threads: batches that go through the model at a time.
        max_batch: requests in one of them.
        max_deliveries: how often a request is tried before it is given up.
        stage_limit_s: how long a batch may take before the process counts as stuck.
    """

    threads: int = 1
    max_batch: int = 8
    max_deliveries: int = 3
    stage_limit_s: float = 30.0


class Worker:
    """Serves one queue with one engine, which may be swapped; made by a composition root."""

    def __init__(
        self,
        engine: Engine,
        queue: RequestQueue,
        metrics: WorkerMetrics,
        config: WorkerConfig,
        cache: ResultCache | None = None,
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._metrics = metrics
        self._config = config
        self._cache = cache
        self._answers = Answers(queue, metrics, cache)
        self._log = get_logger("worker").bind(worker=queue.name)
        self._pool = ThreadPoolExecutor(config.threads, thread_name_prefix="lane")
        self._batcher: Batcher[Job] = Batcher(config.max_batch)
        self._idle = 0
        self._peers = 1
        self._may_read_ahead = False
        self._is_read_out = False
        self._stopping = asyncio.Event()
        self._has_work = asyncio.Event()
        self._has_room = asyncio.Event()
        self._beaten_at = 0.0
        self._busy_since: dict[int, float] = {}

    @property
    def name(self) -> str:
        """Name of the worker among all that share the queue."""
        return self._queue.name

    @property
    def engine(self) -> Engine:
        """What is served now."""
        return self._engine

    def swap(self, engine: Engine) -> None:
        """Serve another engine from the next batch on; what is in work is finished with the old one."""
        self._engine = engine
        self._describe()

    def stop(self) -> None:
        """Read no more; `run` ends when what was read is answered."""
        self._stopping.set()
        self._has_room.set()

    @property
    def complaint(self) -> str:
        """Say why the worker does not serve, empty where it does."""
        if self._stopping.is_set():
            return "The worker is stopping."
        if time.monotonic() - self._beaten_at > WORKER_LIFE_MS / 1000:
            return "Redis has not been reached for a while."
        return ""

    @property
    def illness(self) -> str:
        """Say what is wrong with the process itself, empty where nothing is."""
        longest = time.monotonic() - min(self._busy_since.values(), default=time.monotonic())
        return (
            f"A batch has been in work for {longest:.0f} s."
            if longest > self._config.stage_limit_s / 2
            else ""
        )

    async def run(self, *background: Coroutine[Any, Any, None]) -> None:
        """Serve until `stop` is called, then finish what was read and leave.

        Args:
            background: more that runs beside and is cancelled at the end.

        Raises:
            ExceptionGroup: a loop died; the process is to end.
        """
        await self._queue.join()
        self._beaten_at = time.monotonic()
        self._describe()
        async with asyncio.TaskGroup() as keepers:
            loops = (self._beat(), self._claim(), *background)
            watch = [keepers.create_task(loop) for loop in loops]
            async with asyncio.TaskGroup() as lanes:
                lanes.create_task(self._read())
                for number in range(self._config.threads):
                    lanes.create_task(self._serve(number))
            await self._answers.finish()
            for task in watch:
                task.cancel()
        await self._leave()

    def _describe(self) -> None:
        engine = self._engine
        self._metrics.gifs.set(len(engine))
        self._metrics.serving.info(
            {
                "bundle": engine.bundle.label,
                "catalogue": engine.catalogue_version,
                "device": engine.device_label,
            }
        )

    async def _leave(self) -> None:
        self._pool.shutdown()
        try:
            await self._queue.leave()
        except (*PASSING, ResponseError) as error:
            self._log.warning("could not sign off", reason=type(error).__name__)

    async def _read(self) -> None:
        """Bring requests in, as many as there is room for."""
        while not self._stopping.is_set():
            block_ms = await self._room()
            try:
                entries = await self._queue.read(self._share() - len(self._batcher), block_ms)
            except (*PASSING, ResponseError) as error:
                await self._rejoin(error)
                continue
            self._may_read_ahead = False
            if entries:
                await self._take_in(entries)
        self._is_read_out = True
        self._has_work.set()

    async def _room(self) -> int | None:
        """Wait until there is room; return how long the read may wait, None for not at all."""
        while not self._stopping.is_set():
            if self._idle and not len(self._batcher):
                return BLOCK_MS
            if self._may_read_ahead and len(self._batcher) < self._config.max_batch:
                return None
            self._has_room.clear()
            await self._has_room.wait()
        return None

    def _share(self) -> int:
        """Return how many requests this worker may hold unbegun."""
        return max(self._config.threads * self._config.max_batch, READ_AHEAD // self._peers)

    async def _take_in(self, entries: list[Entry]) -> None:
        if sum(len(entry.payload) for entry in entries) <= INLINE_BYTES:
            jobs, failures = prepare(self._engine, entries)
        else:
            jobs, failures = await asyncio.to_thread(prepare, self._engine, entries)
        self._answers.post([], failures)
        self._batcher.add(jobs)
        self._metrics.waiting.set(len(self._batcher))
        if jobs:
            self._has_work.set()

    async def _rejoin(self, error: Exception) -> None:
        """Wait until Redis is there, and with it the consumer group."""
        if not isinstance(error, ResponseError):
            self._metrics.reconnects.inc()
            self._log.warning("redis is gone", reason=type(error).__name__)
        elif not str(error).startswith("NOGROUP"):
            raise error
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                await self._queue.join()
            except PASSING:
                await backoff.wait()
            else:
                if not isinstance(error, ResponseError):
                    self._log.info("redis is back")
                return

    async def _serve(self, lane: int) -> None:
        """Take batch after batch through the model."""
        while batch := await self._next_batch():
            self._busy_since[lane] = time.monotonic()
            await self._process(batch)
            self._busy_since.pop(lane, None)

    async def _next_batch(self) -> list[Job]:
        """Wait for a batch; an empty one says that no more will come."""
        while True:
            now = self._queue.now_ms()
            batch = self._batcher.take(now)
            self._answers.drop([job.entry for job in batch.expired], "expired")
            if batch.items:
                self._may_read_ahead = True
                self._has_room.set()
                for job in batch.items:
                    job.timings_ms["queue"] = max(0.0, now - job.entry.added_ms)
                return batch.items
            if self._is_read_out:
                return []
            self._has_work.clear()
            self._idle += 1
            self._has_room.set()
            await self._has_work.wait()
            self._idle -= 1

    async def _process(self, jobs: list[Job]) -> None:
        """Answer a batch; the reply is under way when this returns."""
        if max(job.timings_ms.get("queue", 0.0) for job in jobs) > CHECKED_AFTER_MS:
            jobs = await self._still_wanted(jobs)
        kept, jobs = await self._kept(jobs)
        self._answers.post(kept, [])
        if not jobs:
            return
        self._metrics.batch_size.observe(len(jobs))
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._config.stage_limit_s):
                answers, failures = await loop.run_in_executor(self._pool, compute, self._engine, jobs)
        except TimeoutError as error:
            raise StuckError(f"A batch took longer than {self._config.stage_limit_s:g} s.") from error
        self._answers.post(answers, failures)

    async def _still_wanted(self, jobs: list[Job]) -> list[Job]:
        """Leave out what has been withdrawn or answered by others meanwhile."""
        try:
            flags = await self._queue.wanted([job.entry for job in jobs])
        except PASSING:
            return jobs
        self._answers.drop(
            [job.entry for job, is_wanted in zip(jobs, flags, strict=True) if not is_wanted], "withdrawn"
        )
        return [job for job, is_wanted in zip(jobs, flags, strict=True) if is_wanted]

    async def _kept(self, jobs: list[Job]) -> tuple[list[Answer], list[Job]]:
        """Answer what the cache knows; return that, and the jobs for the model."""
        if self._cache is None or not jobs:
            return [], jobs
        engine = self._engine
        digests = [self._cache.digest(engine, job.tokens) for job in jobs]
        try:
            readings = await self._cache.lookup(digests, [job.tokens for job in jobs])
        except PASSING:
            return [], jobs
        answers, others = [], []
        for job, reading in zip(jobs, readings, strict=True):
            answer = None if reading is None else answer_kept(engine, job, reading)
            if answer is None:
                others.append(job)
            else:
                answers.append(answer)
        self._metrics.cache.labels("hit").inc(len(answers))
        self._metrics.cache.labels("miss").inc(len(others))
        return answers, others

    async def _beat(self) -> None:
        """Give signs of life, look at the queue."""
        while True:
            try:
                self._peers = await self._queue.beat()
                self._metrics.queue_depth.set(await self._queue.depth())
                self._beaten_at = time.monotonic()
            except PASSING:
                self._metrics.queue_depth.set(float("nan"))
            await asyncio.sleep(BEAT_S)

    async def _claim(self) -> None:
        """Take over what dead or stuck workers owe, one by one: it may be what they died of."""
        while True:
            await asyncio.sleep(CLAIM_S)
            try:
                entries = await self._queue.claim()
            except (*PASSING, ResponseError):
                continue  # the reader mends it
            if entries:
                self._metrics.claimed.inc(len(entries))
                self._log.warning("took over requests", count=len(entries))
            for entry in entries:
                await self._retry(entry)

    async def _retry(self, entry: Entry) -> None:
        if entry.deadline_ms <= self._queue.now_ms():
            self._answers.drop([entry], "expired")
        elif entry.deliveries > self._config.max_deliveries:
            error = StageError(POISON.format(count=entry.deliveries - 1))
            self._answers.post([], [Failure(entry, error)])
        else:
            jobs, failures = await asyncio.to_thread(prepare, self._engine, [entry])
            self._answers.post([], failures)
            if jobs:
                await self._process(await self._still_wanted(jobs))
