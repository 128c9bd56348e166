"""What the processes of all chats are put together from: a service, a store, logs, signals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

from bot.cli import _service, _settings
from bot.library import Library
from bot.packs import OwnPacks
from bot.settings import RedisSettings, read
from bot.store import RedisStore, SqliteStore, Store
from inference.client import LocalService, RedisService
from inference.ingest import Ingestor
from inference.logs import get_logger, where_of

STORE_FILE = "bot.sqlite"


class _Forward(logging.Handler):
    """Hands what a library says to our log, without the texts of errors, which may quote messages."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        where = {} if error is None else {"where": where_of(error)}
        get_logger(record.name).log(record.levelno, record.getMessage(), **where)


def forward_logs(library: str, level: int) -> None:
    """Write what a library logs into our log; not below INFO, as at DEBUG it writes what people say."""
    logger = logging.getLogger(library)
    logger.handlers, logger.propagate = [_Forward()], False
    logger.setLevel(max(level, logging.INFO))


@contextlib.asynccontextmanager
async def closed_by_signals(close: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Call `close` at SIGTERM and SIGINT, and let it end before the block is left."""
    closing: list[asyncio.Future[object]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: closing.append(asyncio.ensure_future(close()))
        )
    try:
        yield
    finally:
        await asyncio.gather(*closing)


@contextlib.asynccontextmanager
async def service_and_store() -> AsyncIterator[tuple[LocalService | RedisService, Store]]:
    """Open what ranks and what remembers: both in Redis where REDIS_URL is set, else both on this host."""
    paths = _settings.read_settings()
    store: Store
    if os.environ.get("REDIS_URL"):
        redis = read(RedisSettings)
        store = RedisStore(redis.url.get_secret_value(), namespace=redis.namespace)
    else:
        store = SqliteStore(paths.data_dir / STORE_FILE)
    async with store, await asyncio.to_thread(_service.open_service, paths) as service:
        with _service.followed(paths, service):
            yield service, store


@contextlib.asynccontextmanager
async def own_packs(limit: int) -> AsyncIterator[OwnPacks | None]:
    """Open the packs that people add to, of so many GIFs a server at most; None for a limit of 0.

    What takes GIFs in starts with the first one.
    """
    if not limit:
        yield None
        return
    paths = _settings.read_settings()
    ingestor = Ingestor(paths.catalogue, paths.bundle, limit=limit, captioner=paths.captioner)
    library = Library(paths.catalogue, ingestor, paths.packs)
    try:
        yield OwnPacks(library, limit)
    finally:
        await library.close()
