"""`repartee web`: the composition root of the page's process."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets

import typer

from bot.cli import _settings
from bot.cli._process import closed_by_signals, forward_logs, service_and_store
from bot.library import Library
from bot.memory import Memory
from bot.settings import SettingsError, WebSettings
from bot.web import Gate, Hosts, Web
from bot.web.messages import NOT_OPEN, OPEN_FORM, OPEN_LINK, SHORT_TOKEN
from inference.client import ReactionService
from inference.health import serve
from inference.ingest import Ingestor
from inference.logs import configure, get_logger

LEAST_LETTERS = 16
TOKEN_BYTES = 24
PLATFORMS = ("discord", "slack")


def run(settings: WebSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ReparteeError: the page cannot be served; says why and what to do.
    """
    check_exposure(settings)
    configure(settings.log_format, settings.log_level)
    forward_logs("uvicorn", logging.WARNING)
    asyncio.run(_run(settings))


def check_exposure(settings: WebSettings) -> None:
    """Refuse to be open to others without a token that they cannot guess.

    Raises:
        SettingsError: says what to set.
    """
    token = settings.token.get_secret_value()
    if not token and not is_loopback(settings.host):
        raise SettingsError(NOT_OPEN.format(host=settings.host, least=LEAST_LETTERS))
    if token and len(token) < LEAST_LETTERS:
        raise SettingsError(SHORT_TOKEN.format(least=LEAST_LETTERS))


def is_loopback(host: str) -> bool:
    """Whether only this host can connect to an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _run(settings: WebSettings) -> None:
    paths, stop = _settings.read_settings(), asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        service, store = await stack.enter_async_context(service_and_store())
        ingestor = Ingestor(paths.catalogue, paths.bundle, captioner=paths.captioner)
        library = Library(paths.catalogue, ingestor, paths.packs)
        stack.push_async_callback(library.close)
        memories = {platform: Memory(store, platform) for platform in PLATFORMS}
        token = settings.token.get_secret_value() or secrets.token_urlsafe(TOKEN_BYTES)
        web = make_web(settings, token, service, library, memories)
        stack.push_async_callback(web.close)
        port = await stack.enter_async_context(serve(web.app, settings.host, settings.port))

        async def leave() -> None:
            stop.set()

        get_logger("process").info("ready", host=settings.host, port=port)
        typer.echo(_invitation(settings, token, port))  # not into the log: who has the link is in
        async with closed_by_signals(leave):
            await stop.wait()
    get_logger("process").info("stopped")


def make_web(
    settings: WebSettings,
    token: str,
    service: ReactionService,
    library: Library,
    memories: dict[str, Memory],
) -> Web:
    """Put the page together."""
    hosts = Hosts(is_loopback(settings.host), settings.name)
    return Web(service, library, memories, Gate(token), hosts)


def _invitation(settings: WebSettings, token: str, port: int) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{port}"
    if settings.token.get_secret_value():
        return OPEN_FORM.format(link=f"{address}/login")
    return OPEN_LINK.format(link=f"{address}/login#{token}")
