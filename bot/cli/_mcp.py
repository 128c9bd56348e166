"""`repartee mcp`: the composition root of the server for assistants."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from bot.cli._mcp_messages import NO_MCP
from bot.cli._process import forward_logs
from bot.cli._scopes import read_scope
from bot.cli._service import followed, open_service
from bot.cli._settings import read_settings
from bot.library import Library
from inference.errors import ReparteeError
from inference.ingest import Ingestor
from inference.logs import configure, get_logger

try:
    from bot.mcp import make_server
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types"):
        raise
    raise ReparteeError(NO_MCP) from error


def run(scope: str, *, is_read_only: bool) -> None:
    """Serve over standard input and output until the assistant hangs up.

    Raises:
        ReparteeError: the server cannot start; says why and what to do.
    """
    configure()
    forward_logs("", logging.WARNING)  # else mcp writes logs of its own form, with the texts of errors
    asyncio.run(_run(read_scope(scope), is_read_only=is_read_only))


async def _run(scope: str, *, is_read_only: bool) -> None:
    settings = read_settings()
    log = get_logger("process")
    ingestor = Ingestor(settings.catalogue, settings.bundle, captioner=settings.captioner)
    library = Library(settings.catalogue, ingestor, settings.packs)
    try:
        async with await asyncio.to_thread(open_service, settings) as service:
            _end_at_signals(library)
            log.info("serving", scope=scope or "everybody", read_only=is_read_only)
            server = make_server(service, library, scope=scope, is_read_only=is_read_only)
            with followed(settings, service):
                await server.run_stdio_async()
    finally:
        await library.close()
    log.info("stopped")


def _end_at_signals(library: Library) -> None:
    """End at SIGTERM and SIGINT, with all processes of the library.

    At once, since the read from standard input that is under way cannot be interrupted.
    """
    ending: list[asyncio.Task[None]] = []

    async def end() -> None:
        await library.close()
        get_logger("process").info("stopped")
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: ending.append(asyncio.ensure_future(end()))
        )
