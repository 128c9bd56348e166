"""The real bot, connected to a stand-in of Slack."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from bot.memory import Memory
from bot.metrics import BotMetrics
from bot.reactor import Reactor
from bot.slack import SlackBot
from bot.slack._app import Wire
from bot.slack._people import People
from bot.store import SqliteStore
from bot.tickets import Tickets
from inference.client import LocalService, ReactionService
from inference.engine import Engine
from tests.slack_side.handles import Handle
from tests.slack_side.messages import ShownMessage
from tests.slack_side.server import SlackSide


@dataclass
class SlackStage:
    """A bot and the workspace that it plays in."""

    side: SlackSide
    bot: SlackBot
    reactor: Reactor
    metrics: BotMetrics

    def count(self, surface: str, outcome: str) -> float:
        """How often something ended in a way."""
        labels = {"surface": surface, "outcome": outcome}
        return self.metrics.registry.get_sample_value("repartee_bot_events_total", labels) or 0.0


@contextlib.asynccontextmanager
async def playing(
    side: SlackSide, engine: Engine, folder: Path, *, over_http: bool = False, gif_base_url: str = ""
) -> AsyncIterator[SlackStage]:
    """Connect a bot; its settings lie in the folder."""
    async with LocalService(engine) as service, made(side, service, folder, gif_base_url) as stage:
        if over_http:
            side.http(AsyncSlackRequestHandler(stage.bot.app))
            yield stage
        else:
            async with socket(side, stage.bot):
                yield stage


@contextlib.asynccontextmanager
async def made(
    side: SlackSide, service: ReactionService, folder: Path, gif_base_url: str = ""
) -> AsyncIterator[SlackStage]:
    """Put a bot together, as the command does."""
    handlers = [AsyncRateLimitErrorRetryHandler(max_retry_count=2), AsyncConnectionErrorRetryHandler()]
    async with SqliteStore(folder / "bot.sqlite") as store, aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token=side.bot_token, base_url=side.api_url, session=session, retry_handlers=handlers
        )
        me = await client.auth_test()
        people = People(client, me["team_id"], me["user_id"], me["bot_id"])
        metrics, tickets = BotMetrics(), Tickets(side.bot_token)
        reactor = Reactor(service, Memory(store, "slack"), issue=tickets.issue)
        wire = Wire(client, session, handlers, side.signing_secret)
        bot = SlackBot(wire, people, reactor, tickets, metrics, gif_base_url=gif_base_url)
        try:
            yield SlackStage(side, bot, reactor, metrics)
        finally:
            await bot.close()


@contextlib.asynccontextmanager
async def socket(side: SlackSide, bot: SlackBot) -> AsyncIterator[AsyncSocketModeHandler]:
    """Connect a bot by Socket Mode."""
    handler = AsyncSocketModeHandler(bot.app, side.app_token, ping_interval=0.1)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await side.connected()
    client = handler.client
    try:
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
        tasks = [client.message_processor, client.current_session_monitor, client.message_receiver]
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


async def previewed(stage: SlackStage, text: str) -> tuple[ShownMessage, ShownMessage, Handle]:
    """Let Bob say something and Ann use its menu; return what he said, the preview and what she did."""
    side = stage.side
    said = (await side.say(side.people["bob"], text)).message
    assert said is not None
    handle = await side.shortcut(side.people["ann"], "rp_react", said)
    await handle.acknowledged()
    return said, await handle.ephemeral(), handle
