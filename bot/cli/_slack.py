"""`repartee slack`: the composition root of the bot's process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from starlette.routing import Route

from bot.cli import _settings
from bot.cli._process import closed_by_signals, forward_logs, own_packs, service_and_store
from bot.cli.messages import BAD_SLACK_TOKEN, NO_SLACK_WAY, SLACK_CONNECTING, SLACK_UNREACHABLE
from bot.memory import Memory
from bot.metrics import BotMetrics
from bot.packs import OwnPacks
from bot.reactor import Reactor
from bot.settings import SettingsError, SlackSettings
from bot.slack import SlackBot
from bot.slack._app import Wire
from bot.slack._people import People
from bot.tickets import Tickets
from inference.client import ReactionService
from inference.errors import UnavailableError
from inference.health import health_app, serve
from inference.logs import configure, get_logger

EVENTS_PATH = "/slack/events"
GIFS_FOLDER = "gifs"  # of own GIFs, beside the catalogue
PING_S = 2.0  # a line that was cut is noticed after so long
RETRIES = 3
TIMEOUT_S = 30.0


def run(settings: SlackSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ReparteeError: the bot cannot start; says why and what to do.
    """
    if not (settings.app_token.get_secret_value() or settings.signing_secret.get_secret_value()):
        raise SettingsError(NO_SLACK_WAY)
    configure(settings.log_format, settings.log_level)
    forward_logs("slack_sdk", logging.WARNING)
    forward_logs("slack_bolt", logging.WARNING)  # at INFO it writes requests that were refused
    asyncio.run(_run(settings))


async def _run(settings: SlackSettings) -> None:
    metrics, stop = BotMetrics(), asyncio.Event()
    log = get_logger("process")
    async with contextlib.AsyncExitStack() as stack:
        service, store = await stack.enter_async_context(service_and_store())
        packs = await stack.enter_async_context(own_packs(settings.pack_limit))
        wire = await stack.enter_async_context(wired(settings))
        people = await introduce(wire.client)
        memory = Memory(store, "slack", recent=settings.recent)
        own_gifs = _settings.read_settings().catalogue.parent / GIFS_FOLDER
        bot = make_bot(wire, people, service, memory, settings, metrics, packs, own_gifs)
        stack.push_async_callback(bot.close)  # when it hears nothing new
        line = await stack.enter_async_context(connected(bot, settings.app_token.get_secret_value()))
        app = health_app(alive=lambda: "", ready=line, registry=metrics.registry)
        if not settings.app_token.get_secret_value():
            handler = AsyncSlackRequestHandler(bot.app)
            app.router.routes.append(Route(EVENTS_PATH, handler.handle, methods=["POST"]))
        port = await stack.enter_async_context(serve(app, settings.host, settings.port))

        async def leave() -> None:
            stop.set()

        log.info("ready", port=port, team=people.team)
        async with closed_by_signals(leave):
            await stop.wait()
    log.info("stopped")


def make_bot(
    wire: Wire,
    people: People,
    service: ReactionService,
    memory: Memory,
    settings: SlackSettings,
    metrics: BotMetrics,
    packs: OwnPacks | None = None,
    own_gifs: Path | None = None,
) -> SlackBot:
    """Put the bot together."""
    tickets = Tickets(settings.bot_token.get_secret_value())
    reactor = Reactor(service, memory, issue=tickets.issue)
    url = settings.gif_base_url
    return SlackBot(wire, people, reactor, tickets, metrics, gif_base_url=url, packs=packs, own_gifs=own_gifs)


@contextlib.asynccontextmanager
async def wired(settings: SlackSettings) -> AsyncIterator[Wire]:
    """Open connections to Slack that are reused, and try again what is refused for a while."""
    handlers = [AsyncRateLimitErrorRetryHandler(max_retry_count=RETRIES), AsyncConnectionErrorRetryHandler()]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        client = AsyncWebClient(
            token=settings.bot_token.get_secret_value(),
            base_url=settings.api_url.rstrip("/") + "/",
            session=session,
            retry_handlers=handlers,
        )
        yield Wire(client, session, handlers, settings.signing_secret.get_secret_value())


async def introduce(client: AsyncWebClient) -> People:
    """Ask who the bot is.

    Raises:
        SettingsError: Slack refuses the token.
        UnavailableError: Slack cannot be reached.
    """
    with _explained("SLACK_BOT_TOKEN"):
        me: Any = await client.auth_test()
    if not me.get("bot_id"):
        raise SettingsError(BAD_SLACK_TOKEN.format(name="SLACK_BOT_TOKEN", reason="it is a person's"))
    return People(client, me["team_id"], me["user_id"], me["bot_id"])


@contextlib.asynccontextmanager
async def connected(bot: SlackBot, token: str, *, ping_s: float = PING_S) -> AsyncIterator[Any]:
    """Connect by Socket Mode, where there is a token; gives what says why the bot hears nothing."""
    if not token:
        yield lambda: ""
        return
    with _explained("SLACK_APP_TOKEN"):
        await bot.app.client.apps_connections_open(app_token=token)  # else Bolt would try for ever
    handler = AsyncSocketModeHandler(bot.app, token, ping_interval=ping_s)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    client = handler.client

    def complaint() -> str:
        session = client.current_session
        return "" if session is not None and not session.closed else SLACK_CONNECTING

    try:
        yield complaint
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
        tasks = [client.message_processor, client.current_session_monitor, client.message_receiver]
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


@contextlib.contextmanager
def _explained(name: str) -> Any:
    try:
        yield
    except SlackApiError as error:
        raise SettingsError(BAD_SLACK_TOKEN.format(name=name, reason=error.response["error"])) from None
    except (aiohttp.ClientError, OSError) as error:
        raise UnavailableError(SLACK_UNREACHABLE.format(reason=type(error).__name__)) from error
