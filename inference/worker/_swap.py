"""Hot swap: what was announced is loaded beside the engine that serves, and then takes its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from inference.control import Reload, Verdict, answer, last_announcement, next_announcements
from inference.engine import Engine
from inference.errors import ReparteeError
from inference.logs import get_logger, where_of
from inference.redis_link import PASSING, Backoff, Link
from inference.wire import Keys
from inference.worker._metrics import WorkerMetrics
from inference.worker._worker import Worker

Opener = Callable[[Reload | None], Engine]
"""Opens and warms up an engine, in a thread: the announced one, or the one of the settings."""


class Swapper:
    """Listens to announcements for one worker and obeys them one after the other."""

    def __init__(
        self, link: Link, keys: Keys, worker: Worker, metrics: WorkerMetrics, opener: Opener
    ) -> None:
        self._link = link
        self._keys = keys
        self._worker = worker
        self._metrics = metrics
        self._open = opener
        self._log = get_logger("swap").bind(worker=worker.name)

    async def listen(self, since: bytes | None = None) -> None:
        """Obey announcements until cancelled: those after `since`, or from now on."""
        backoff, last = Backoff(), since
        while True:
            try:
                if last is None:
                    last = await last_announcement(self._link, self._keys)
                found = await next_announcements(self._link, self._keys, last)
            except PASSING:
                await backoff.wait()
                continue
            backoff.reset()
            for entry, reload in found:
                last = entry
                if reload is not None:
                    await self._obey(reload)

    async def _obey(self, reload: Reload) -> None:
        verdict = await self.swap(reload)
        try:
            await answer(self._link, self._keys, reload, verdict)
        except PASSING:
            self._log.warning("nobody could be told of the swap")

    async def swap(self, reload: Reload | None) -> Verdict:
        """Load and swap; on failure the old one serves on, and the verdict and the log say why."""
        start = time.perf_counter()
        try:
            engine = await asyncio.to_thread(self._open, reload)
        except ReparteeError as error:
            return self._refused(str(error))
        except Exception as error:  # whatever a broken file makes a library raise: serving goes on
            return self._refused(f"The loading failed ({where_of(error)}).")
        self._worker.swap(engine)
        self._metrics.swaps.labels("done").inc()
        seconds = round(time.perf_counter() - start, 2)
        self._log.info("swapped", seconds=seconds, **describe(engine))
        text = f"{engine.bundle.label}, {len(engine)} GIFs, loaded in {seconds:.1f} s"
        return Verdict(worker=self._worker.name, is_done=True, text=text)

    def _refused(self, reason: str) -> Verdict:
        self._metrics.swaps.labels("refused").inc()
        self._log.error("swap refused, the old one serves on", reason=reason, **describe(self._worker.engine))
        return Verdict(worker=self._worker.name, is_done=False, text=reason)


def describe(engine: Engine) -> dict[str, Any]:
    """Say in the fields of a log line what is served, and on what."""
    return {
        "bundle": engine.bundle.label,
        "catalogue": engine.catalogue_version,
        "gifs": len(engine),
        "device": engine.device_label,
    }
