"""The real bot, connected to a stand-in of Discord."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import discord

from bot.discord import DiscordBot
from bot.memory import Memory
from bot.metrics import BotMetrics
from bot.packs import OwnPacks
from bot.reactor import Reactor
from bot.store import SqliteStore
from bot.tickets import Tickets
from inference.client import LocalService, ReactionService
from inference.engine import Engine
from tests import tiny
from tests.bot.counting import Counting
from tests.discord_side.messages import ShownMessage
from tests.discord_side.server import DiscordSide

COMMANDS, PACK_COMMANDS = 6, 2
MENU = "React with a GIF"


@dataclass
class Stage(Counting):
    """A bot and the Discord that it plays on."""

    side: DiscordSide
    bot: DiscordBot
    reactor: Reactor


@contextlib.asynccontextmanager
async def playing(
    side: DiscordSide,
    engine: Engine,
    folder: Path,
    *,
    reads_messages: bool = False,
    packs: OwnPacks | None = None,
) -> AsyncIterator[Stage]:
    """Connect a bot; its settings lie in the folder, so that a second one goes on where the first left."""
    async with (
        LocalService(engine) as service,
        connected(side, service, folder, reads_messages, packs) as stage,
    ):
        yield stage


@contextlib.asynccontextmanager
async def connected(
    side: DiscordSide,
    service: ReactionService,
    folder: Path,
    reads_messages: bool = False,
    packs: OwnPacks | None = None,
) -> AsyncIterator[Stage]:
    """Connect a bot that asks a given service."""
    discord.http.Route.BASE = side.api_url
    tickets, metrics = Tickets(side.token), BotMetrics()
    async with SqliteStore(folder / "bot.sqlite") as store:
        reactor = Reactor(service, Memory(store, "discord"), issue=tickets.issue)
        bot = DiscordBot(reactor, tickets, metrics, reads_messages=reads_messages, packs=packs)
        commands = COMMANDS if packs is None else COMMANDS + PACK_COMMANDS
        running = asyncio.create_task(bot.start(side.token))
        try:
            ready = asyncio.create_task(side.wait_ready(commands=commands))
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                ready.cancel()
                running.result()
            await ready
            yield Stage(metrics, side, bot, reactor)
        finally:
            await bot.close()
            await running


async def previewed(stage: Stage, text: str, person: str = "ann") -> tuple[ShownMessage, ShownMessage]:
    """Let Bob say something and somebody right-click it; return what he said and the preview."""
    side = stage.side
    said = await side.say(side.people["bob"], text)
    handle = await side.menu(side.people[person], MENU, said)
    assert (await handle.acknowledged()).is_ephemeral
    return said, await handle.reply()


def adult_hugs(folder: Path) -> Path:
    """Make the tiny pack in which hugs are for adults."""
    pack = tiny.make_pack(folder)
    manifest = pack / "manifest.jsonl"
    lines = [
        line.replace('"rating": "g"', '"rating": "r"') if '"hug' in line else line
        for line in manifest.read_text().splitlines()
    ]
    manifest.write_text("\n".join(lines) + "\n")
    return pack
