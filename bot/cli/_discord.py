"""`repartee discord`: the composition root of the bot's process."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import discord

from bot.cli._process import closed_by_signals, forward_logs, own_packs, service_and_store
from bot.cli.messages import (
    BAD_TOKEN,
    DISCORD_CONNECTING,
    DISCORD_UNREACHABLE,
    NO_INTENT,
)
from bot.discord import DiscordBot
from bot.memory import Memory
from bot.metrics import BotMetrics
from bot.reactor import Reactor
from bot.settings import DiscordSettings, SettingsError
from bot.tickets import Tickets
from inference.errors import UnavailableError
from inference.health import health_app, serve
from inference.logs import configure, get_logger

TOKEN_REFUSED = 4004  # while it ran: the token was reset


def run(settings: DiscordSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ReparteeError: the bot cannot start; says why and what to do.
    """
    configure(settings.log_format, settings.log_level)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody speaks here
    forward_logs("discord", logging.INFO)
    discord.http.Route.BASE = settings.api_url.rstrip("/")
    asyncio.run(_run(settings))


async def _run(settings: DiscordSettings) -> None:
    async with service_and_store() as (service, store), own_packs(settings.pack_limit) as packs:
        token = settings.token.get_secret_value()
        tickets, metrics = Tickets(token), BotMetrics()
        memory = Memory(store, "discord", recent=settings.recent)
        reactor = Reactor(service, memory, issue=tickets.issue)
        reads_messages = settings.message_content
        bot = DiscordBot(reactor, tickets, metrics, reads_messages=reads_messages, packs=packs)
        app = health_app(
            alive=lambda: bot.line.illness,
            ready=lambda: bot.line.complaint if bot.is_ready() else DISCORD_CONNECTING,
            registry=metrics.registry,
        )
        async with serve(app, settings.host, settings.port) as port:
            get_logger("process").info("starting", health_port=port)
            await _connect(bot, token)
    get_logger("process").info("stopped")


async def _connect(bot: DiscordBot, token: str) -> None:
    """Stay connected until a signal comes.

    Raises:
        SettingsError: Discord refuses the token or an intent.
        UnavailableError: Discord cannot be reached at all.
    """
    try:
        async with closed_by_signals(bot.close), bot:
            await bot.start(token)
    except discord.LoginFailure:
        raise SettingsError(BAD_TOKEN) from None
    except discord.PrivilegedIntentsRequired:
        raise SettingsError(NO_INTENT) from None
    except discord.ConnectionClosed as error:
        if error.code == TOKEN_REFUSED:
            raise SettingsError(BAD_TOKEN) from None
        raise UnavailableError(DISCORD_UNREACHABLE.format(reason=f"code {error.code}")) from error
    except (aiohttp.ClientError, discord.GatewayNotFound, discord.HTTPException) as error:
        raise UnavailableError(DISCORD_UNREACHABLE.format(reason=type(error).__name__)) from error
