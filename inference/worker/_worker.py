"""The worker itself: a reader, a lane for each thread, and what keeps watch beside them.

A loop that dies ends the worker, and with it the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from redis.exceptions import ResponseError

from inference.engine import Engine
from inference.errors import DuplicateError
from inference.logs import get_logger
from inference.redis_link import PASSING, end
from inference.wire import WORKER_LIFE_MS, Entry
from inference.worker._answers import Answers
from inference.worker._cache import ResultCache
from inference.worker._config import WorkerConfig
from inference.worker._intake import Intake
from inference.worker._metrics import WorkerMetrics
from inference.worker._queue import DUPLICATE, RequestQueue, Standing
from inference.worker._stages import Answer, Failure, Job, answer_kept, compute, prepare
from inference.worker._watch import Watch

CHECKED_AFTER_MS = 20  # a request that is older may have been withdrawn since it was read

STOPPING = "The worker is stopping."
SILENT = "Redis has not been reached for {seconds:.0f} s."
STUCK = "A batch has been in work for {seconds:.0f} s."


class StuckError(Exception):
    """A stage did not end in time; its thread cannot be stopped, so that the process must end."""


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
        self._intake = Intake(queue, self._answers, metrics, config, lambda: self._engine)
        self._watch = Watch(queue, self._intake, self._answers, metrics, config)
        self._pool = ThreadPoolExecutor(config.threads, thread_name_prefix="lane")
        self._busy_since: dict[int, float] = {}
        self._log = get_logger("worker").bind(worker=queue.name)

    @property
    def name(self) -> str:
        """Name of the worker among all that share the queue."""
        return self._queue.name

    @property
    def engine(self) -> Engine:
        """What is served now."""
        return self._engine

    @property
    def complaint(self) -> str:
        """Say why the worker does not serve, empty where it does."""
        if self._intake.is_stopping:
            return STOPPING
        silence_s = self._watch.silence_s
        return SILENT.format(seconds=silence_s) if silence_s > WORKER_LIFE_MS / 1000 else ""

    @property
    def illness(self) -> str:
        """Say what is wrong with the process itself, empty where nothing is."""
        now = time.monotonic()
        longest = now - min(self._busy_since.values(), default=now)
        return STUCK.format(seconds=longest) if longest > self._config.stage_limit_s / 2 else ""

    def swap(self, engine: Engine) -> None:
        """Serve another engine from the next batch on; what is in work is finished with the old one."""
        self._engine = engine
        self._describe()

    def renew(self, old: Engine, new: Engine) -> None:
        """Serve a renewed engine, unless the one that it was made of has been swapped meanwhile."""
        if self._engine is old:
            self.swap(new)

    def stop(self) -> None:
        """Read no more; `run` ends when what was read is answered."""
        self._intake.stop()

    async def run(
        self, *background: Coroutine[Any, Any, None], ready: Callable[[], None] = lambda: None
    ) -> None:
        """Serve until `stop` is called, then finish what was read and leave.

        Args:
            background: more that runs beside and is cancelled at the end.
            ready: called when serving begins.

        Raises:
            ExceptionGroup: a loop died; the process is to end.
        """
        try:
            await self._intake.join()
        except BaseException:
            for loop in background:
                loop.close()
            raise
        self._describe()
        ready()
        async with asyncio.TaskGroup() as keepers:
            loops = (self._watch.beat(), self._watch.claim(self._answer_alone), *background)
            watch = [keepers.create_task(loop) for loop in loops]
            async with asyncio.TaskGroup() as lanes:
                lanes.create_task(self._intake.read())
                for number in range(self._config.threads):
                    lanes.create_task(self._serve(number))
            await self._answers.finish()
            await end(watch)
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

    async def _serve(self, lane: int) -> None:
        """Take batch after batch through the model."""
        while batch := await self._intake.next_batch():
            await self._process(batch, lane)
            del batch  # and with it the engine, should it be swapped while this lane waits

    async def _answer_alone(self, entry: Entry) -> None:
        """Answer one request that another worker left behind."""
        jobs, failures = await asyncio.to_thread(prepare, self._engine, [entry])
        self._answers.post([], failures)
        if jobs:
            await self._process(await self._still_wanted(jobs), lane=-1)

    async def _process(self, jobs: list[Job], lane: int) -> None:
        """Answer a batch; its replies are under way when this returns."""
        if max((job.timings_ms.get("queue", 0.0) for job in jobs), default=0.0) > CHECKED_AFTER_MS:
            jobs = await self._still_wanted(jobs)
        kept, jobs = await self._kept(jobs)
        self._answers.post(kept, [])
        if not jobs:
            return
        self._metrics.batch_size.observe(len(jobs))
        self._busy_since[lane] = time.monotonic()
        work = asyncio.get_running_loop().run_in_executor(self._pool, compute, self._engine, jobs)
        try:
            async with asyncio.timeout(self._config.stage_limit_s):
                answers, failures = await work
        except TimeoutError as error:
            raise StuckError(STUCK.format(seconds=self._config.stage_limit_s)) from error
        del self._busy_since[lane]
        self._answers.post(answers, failures)
        await asyncio.sleep(0)  # the replies go out before the next batch is looked for

    async def _still_wanted(self, jobs: list[Job]) -> list[Job]:
        """Leave out what has been withdrawn or answered meanwhile; who asked twice is told."""
        entries = [job.entry for job in jobs]
        try:
            standing = dict(zip(entries, await self._queue.standing(entries), strict=True))
        except PASSING:
            return jobs
        self._answers.drop([e for e in entries if standing[e] is Standing.WITHDRAWN], "withdrawn")
        answered = [e for e in entries if standing[e] is Standing.ANSWERED]
        self._answers.post([], [Failure(e, DuplicateError(DUPLICATE)) for e in answered])
        return [job for job in jobs if standing[job.entry] is Standing.OPEN]

    async def _kept(self, jobs: list[Job]) -> tuple[list[Answer], list[Job]]:
        """Answer what the cache knows; return that, and the jobs for the model."""
        if self._cache is None or not jobs:
            return [], jobs
        engine = self._engine
        digests = [self._cache.digest(engine, job.tokens, job.request.scope) for job in jobs]
        try:
            readings = await self._cache.lookup(engine, digests, [job.tokens for job in jobs])
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
