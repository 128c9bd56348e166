"""The real bot, connected to a stand-in of Slack."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler

from bot.cli._slack import connected, introduce, make_bot, wired
from bot.memory import Memory
from bot.metrics import BotMetrics
from bot.packs import OwnPacks
from bot.settings import SlackSettings
from bot.slack import SlackBot
from bot.store import SqliteStore
from inference.client import LocalService, ReactionService
from inference.engine import Engine
from tests.bot.counting import Counting
from tests.slack_side.handles import Handle
from tests.slack_side.messages import ShownMessage
from tests.slack_side.server import SlackSide


@dataclass
class SlackStage(Counting):
    """A bot and the workspace that it plays in."""

    side: SlackSide
    bot: SlackBot
    memory: Memory


@contextlib.asynccontextmanager
async def playing(
    side: SlackSide,
    engine: Engine,
    folder: Path,
    *,
    over_http: bool = False,
    gif_base_url: str = "",
    packs: OwnPacks | None = None,
    own_gifs: Path | None = None,
) -> AsyncIterator[SlackStage]:
    """Connect a bot; its settings lie in the folder."""
    async with (
        LocalService(engine) as service,
        made(side, service, folder, gif_base_url, packs, own_gifs) as stage,
    ):
        if over_http:
            side.http(AsyncSlackRequestHandler(stage.bot.app))
            yield stage
        else:
            async with socket(side, stage.bot):
                yield stage


@contextlib.asynccontextmanager
async def made(
    side: SlackSide,
    service: ReactionService,
    folder: Path,
    gif_base_url: str = "",
    packs: OwnPacks | None = None,
    own_gifs: Path | None = None,
) -> AsyncIterator[SlackStage]:
    """Put a bot together by the parts of the command."""
    settings = SlackSettings(
        bot_token=SecretStr(side.bot_token),
        signing_secret=SecretStr(side.signing_secret),
        api_url=side.api_url,
        gif_base_url=gif_base_url,
    )
    async with SqliteStore(folder / "bot.sqlite") as store, wired(settings) as wire:
        metrics, memory = BotMetrics(), Memory(store, "slack")
        people = await introduce(wire.client)
        bot = make_bot(wire, people, service, memory, settings, metrics, packs, own_gifs)
        try:
            yield SlackStage(metrics, side, bot, memory)
        finally:
            await bot.close()


@contextlib.asynccontextmanager
async def socket(side: SlackSide, bot: SlackBot) -> AsyncIterator[None]:
    """Connect a bot by Socket Mode."""
    async with connected(bot, side.app_token, ping_s=0.1):
        await side.connected()
        yield


async def previewed(stage: SlackStage, text: str) -> tuple[ShownMessage, ShownMessage, Handle]:
    """Let Bob say something and Ann use its menu; return what he said, the preview and what she did."""
    side = stage.side
    said = (await side.say(side.people["bob"], text)).message
    assert said is not None
    handle = await side.shortcut(side.people["ann"], "rp_react", said)
    await handle.acknowledged()
    return said, await handle.ephemeral(), handle
