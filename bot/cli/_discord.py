"""`repartee discord`: the composition root of the bot's process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator

import aiohttp
import discord

from bot.cli import _service, _settings
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
from bot.settings import DiscordSettings, RedisSettings, SettingsError, read
from bot.store import RedisStore, SqliteStore, Store
from bot.tickets import Tickets
from inference.client import LocalService, RedisService
from inference.errors import UnavailableError
from inference.health import health_app, serve
from inference.logs import configure, get_logger, where_of

STORE_FILE = "bot.sqlite"
TOKEN_REFUSED = 4004  # while it ran: the token was reset


class _Forward(logging.Handler):
    """Hands what discord.py says to our log, without the texts of errors, which may quote messages."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        where = {} if error is None else {"where": where_of(error)}
        get_logger(record.name).log(record.levelno, record.getMessage(), **where)


def run(settings: DiscordSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ReparteeError: the bot cannot start; says why and what to do.
    """
    configure(settings.log_format, settings.log_level)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody speaks here
    library = logging.getLogger("discord")
    library.handlers, library.propagate = [_Forward()], False
    library.setLevel(logging.INFO)  # never lower: at DEBUG it writes what people say
    discord.http.Route.BASE = settings.api_url.rstrip("/")
    asyncio.run(_run(settings))


async def _run(settings: DiscordSettings) -> None:
    async with _service_and_store() as (service, store):
        token = settings.token.get_secret_value()
        tickets, metrics = Tickets(token), BotMetrics()
        memory = Memory(store, "discord", recent=settings.recent)
        reactor = Reactor(service, memory, issue=tickets.issue)
        bot = DiscordBot(reactor, tickets, metrics, reads_messages=settings.message_content)
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
    closing: list[asyncio.Task[None]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: closing.append(asyncio.create_task(bot.close()))
        )
    try:
        async with bot:
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
    finally:
        await asyncio.gather(*closing)


@contextlib.asynccontextmanager
async def _service_and_store() -> AsyncIterator[tuple[LocalService | RedisService, Store]]:
    """Open what ranks and what remembers: both in Redis where REDIS_URL is set, else both on this host."""
    paths = _settings.read_settings()
    store: Store
    if os.environ.get("REDIS_URL"):
        redis = read(RedisSettings)
        store = RedisStore(redis.url.get_secret_value(), namespace=redis.namespace)
    else:
        store = SqliteStore(paths.data_dir / STORE_FILE)
    async with store, await asyncio.to_thread(_service.open_service, paths) as service:
        yield service, store
