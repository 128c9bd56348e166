"""`repartee worker`: the composition root of the process that answers what comes through Redis."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import secrets
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from redis.exceptions import RedisError

from bot.cli import _settings
from bot.cli.messages import ENGINE_LOADING, NO_ENGINE
from bot.settings import RedisSettings, WorkerSettings
from inference.control import Reload, last_announcement
from inference.errors import ReparteeError, UnavailableError
from inference.health import health_app, serve
from inference.logs import configure, get_logger, where_of
from inference.redis_link import UNREACHABLE, Link
from inference.wire import Keys, unique_name

try:
    from inference.engine import Engine
    from inference.follow import Follower
    from inference.sessions import Device
    from inference.worker import (
        CacheConfig,
        RequestQueue,
        ResultCache,
        Swapper,
        Worker,
        WorkerConfig,
        WorkerMetrics,
        describe,
    )
except ModuleNotFoundError as error:
    if error.name != "onnxruntime":
        raise
    raise ReparteeError(NO_ENGINE) from error

CACHE_KEY_FILE = "cache.key"
FAULT = 1


def run(redis: RedisSettings, settings: WorkerSettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a fault ends the process with exit code 1 at once.

    Raises:
        ReparteeError: the worker cannot start; says why and what to do.
    """
    configure(settings.log_format, settings.log_level)
    asyncio.run(Process(redis, settings).run())


def leaves(error: BaseException) -> list[BaseException]:
    """List the errors that a group holds, those of its inner groups included."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]


class Process:
    """The parts of the worker's process, put together out of the settings."""

    def __init__(self, redis: RedisSettings, settings: WorkerSettings) -> None:
        self._settings = settings
        self._paths = _settings.read_settings()
        self._namespace = redis.namespace
        self._link = Link(redis.url.get_secret_value())
        self._keys = Keys(redis.namespace)
        self._metrics = WorkerMetrics()
        self._worker: Worker | None = None
        self._reloaded: Reload | None = None
        self._stop = asyncio.Event()
        self._log = get_logger("process")

    async def run(self) -> None:
        """Load, serve, drain."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number)
        try:
            await self._link.check()
            async with self._health() as port:
                self._log.info(
                    "starting", redis=self._link.place, namespace=self._namespace, health_port=port
                )
                since = await last_announcement(self._link, self._keys)
                worker = self._made(await asyncio.to_thread(self.open_engine))
                if not self._stop.is_set():
                    await self._serve(worker, since)
        except RedisError as error:  # it went away before serving had begun, or refuses what is needed
            raise UnavailableError(UNREACHABLE.format(place=self._link.place, reason=error)) from error
        finally:
            await self._link.close()
        self._log.info("stopped")

    def open_engine(self, reload: Reload | None = None) -> Engine:
        """Open the announced engine, or that of the settings, which is to serve now; called in a thread.

        Raises:
            ReparteeError: names what is wrong.
        """
        engine = self._opened(reload)
        self._reloaded = reload
        return engine

    def reopen_engine(self) -> Engine:
        """Open what serves anew; called in a thread.

        Another may be announced and loaded meanwhile, which stays what serves.

        Raises:
            ReparteeError: names what is wrong.
        """
        return self._opened(self._reloaded)

    def _opened(self, reload: Reload | None) -> Engine:
        bundle = Path(reload.bundle) if reload and reload.bundle else self._paths.bundle
        packs = tuple(map(Path, reload.packs)) if reload and reload.packs else self._paths.packs
        device = Device(self._settings.device)
        engine = Engine.open(bundle, packs, self._paths.catalogue, device=device)
        timings = engine.warm_up()
        self._log.info("warmed up", **{f"{stage}_ms": round(took, 2) for stage, took in timings.items()})
        gc.collect()
        gc.freeze()  # a large catalogue would be gone through again and again, while requests wait
        return engine

    def _made(self, engine: Engine) -> Worker:
        """Make the worker, which alone holds the engine, so that a swap frees it."""
        settings = self._settings
        queue = RequestQueue(self._link, self._keys, unique_name())
        cache = ResultCache(self._link, self._keys, self._cache_config()) if settings.cache else None
        config = WorkerConfig(threads=settings.threads, max_batch=settings.batch)
        return Worker(engine, queue, self._metrics, config, cache)

    async def _serve(self, worker: Worker, since: bytes) -> None:
        self._worker = worker
        swapper = Swapper(self._link, self._keys, worker, self._metrics, self.open_engine)
        loop = asyncio.get_running_loop()
        follower = Follower(
            self._paths.catalogue,
            lambda: worker.engine,
            lambda old, new: loop.call_soon_threadsafe(worker.renew, old, new),
            self.reopen_engine,
        )

        def ready() -> None:
            follower.start()
            threads = self._settings.threads
            self._log.info("ready", worker=worker.name, threads=threads, **describe(worker.engine))

        try:
            await worker.run(swapper.listen(since), ready=ready)
        except ExceptionGroup as group:  # a loop died; its message may quote what it worked on
            self._log.critical("a fault ends the worker", where=[where_of(e) for e in leaves(group)])
            os._exit(FAULT)  # a stuck or loading thread would keep the process
        finally:
            await asyncio.to_thread(follower.close)

    def _on_signal(self, number: int) -> None:
        self._log.info("draining", signal=signal.Signals(number).name)
        self._stop.set()
        if self._worker is not None:
            self._worker.stop()

    @contextlib.asynccontextmanager
    async def _health(self) -> AsyncIterator[int]:
        app = health_app(
            alive=lambda: self._worker.illness if self._worker else "",
            ready=lambda: self._worker.complaint if self._worker else ENGINE_LOADING,
            registry=self._metrics.registry,
        )
        async with serve(app, self._settings.host, self._settings.port) as port:
            yield port

    def _cache_config(self) -> CacheConfig:
        settings = self._settings
        secret = settings.cache_key.get_secret_value().encode() or self._own_secret()
        return CacheConfig(secret=secret, size=settings.cache_size, life_s=settings.cache_life_s)

    def _own_secret(self) -> bytes:
        """Return the secret of this data folder, made at first use; it is never sent anywhere."""
        path = self._paths.data_dir / CACHE_KEY_FILE
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(secrets.token_bytes(32))
        return path.read_bytes() or secrets.token_bytes(32)
