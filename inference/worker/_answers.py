"""The way out: replies are sent, requests dropped, results kept, and all of it counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from redis.exceptions import ResponseError

from inference.logs import get_logger
from inference.protocol import encode
from inference.redis_link import PASSING, Backoff
from inference.wire import Entry, error_reply
from inference.worker._cache import ResultCache
from inference.worker._metrics import WorkerMetrics
from inference.worker._queue import Outcome, RequestQueue
from inference.worker._stages import Answer, Failure


class Answers:
    """Sends in tasks of their own, so that a lane goes on meanwhile; an outage is waited out."""

    def __init__(self, queue: RequestQueue, metrics: WorkerMetrics, cache: ResultCache | None) -> None:
        self._queue = queue
        self._metrics = metrics
        self._cache = cache
        self._log = get_logger("answers").bind(worker=queue.name)
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, answers: Sequence[Answer], failures: Sequence[Failure]) -> None:
        """Send replies and typed errors."""
        outcomes = [Outcome(answer.job.entry, encode(answer.reply), is_answer=True) for answer in answers]
        outcomes += [self._refuse(failure) for failure in failures]
        if outcomes:
            self._start(self._send(outcomes, answers))
        fresh = [answer for answer in answers if answer.reading.vector is not None]
        if self._cache is not None and fresh:
            self._start(self._keep(self._cache, fresh))

    def drop(self, entries: Sequence[Entry], reason: str) -> None:
        """Strike requests off that nobody waits for any more."""
        if entries:
            self._metrics.dropped.labels(reason).inc(len(entries))
            self._start(self._send([Outcome(entry, None) for entry in entries]))

    async def finish(self) -> None:
        """Wait until everything is sent."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _refuse(self, failure: Failure) -> Outcome:
        reply = error_reply(failure.error, failure.entry.trace)
        self._metrics.errors.labels(reply.code).inc()
        if failure.where:
            self._log.error("a stage failed", trace=failure.entry.trace, where=failure.where)
        return Outcome(failure.entry, encode(reply))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a reply, or what was to be kept of it, was lost", reason=type(error).__name__)
            self._metrics.errors.labels("reply").inc()

    async def _send(self, outcomes: Sequence[Outcome], answers: Sequence[Answer] = ()) -> None:
        """Send until it succeeds, or until nobody waits for any of it; then record how long all took."""
        start = time.perf_counter()
        last = max(outcome.entry.deadline_ms for outcome in outcomes)
        backoff = Backoff()
        while True:
            try:
                tally = await self._queue.finish(outcomes)
                break
            except ResponseError as error:
                await self._send_apart(outcomes, error)
                return
            except PASSING:
                self._metrics.reconnects.inc()
                if self._queue.now_ms() > last:
                    self._metrics.dropped.labels("outage").inc(len(outcomes))
                    return
                await backoff.wait()
        self._metrics.stages["reply"].observe(time.perf_counter() - start)
        for outcome, count in zip(self._metrics.outcomes, tally, strict=True):
            if count:
                outcome.inc(count)
        for answer in answers:
            self._metrics.time(answer.job.timings_ms)
            self._log.debug("answered", trace=answer.job.request.trace, ms=answer.job.timings_ms)

    async def _send_apart(self, outcomes: Sequence[Outcome], error: ResponseError) -> None:
        """Send each by itself, so that what Redis refuses costs its neighbours nothing; strike that off."""
        if len(outcomes) > 1:
            for outcome in outcomes:
                await self._send([outcome])
            return
        self._log.error("a reply was refused", trace=outcomes[0].entry.trace, reason=type(error).__name__)
        self._metrics.errors.labels("reply").inc()
        if outcomes[0].payload is not None:
            await self._send([Outcome(outcomes[0].entry, None)])

    async def _keep(self, cache: ResultCache, answers: Sequence[Answer]) -> None:
        kept = []
        for answer in answers:
            digest = cache.digest(answer.job.engine, answer.job.tokens, answer.job.request.scope)
            if digest is not None:
                kept.append((digest, answer.reading))
        try:
            await cache.store(kept)
        except PASSING:
            self._metrics.reconnects.inc()
