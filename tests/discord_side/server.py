"""The stand-in of Discord: its API and gateway on loopback, for the real discord.py to talk to."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.discord_side import payloads
from tests.discord_side.api import PREFIX, Api
from tests.discord_side.calls import Call
from tests.discord_side.errors import Violation
from tests.discord_side.faults import Gate
from tests.discord_side.gateway import Gateway, Session
from tests.discord_side.messages import ShownMessage
from tests.discord_side.people import People
from tests.discord_side.rules import Limits
from tests.discord_side.state import State, make_state
from tests.discord_side.world import Channel, Intent, World

LARGEST_REQUEST = 64 << 20
TICK_S = 0.02

T = TypeVar("T")


class DiscordSide(People):
    """Discord, for a test: ``async with DiscordSide() as side`` and give the bot ``side.api_url``.

    Every request is checked against Discord's API description and the rules of `rules.py`; what is wrong
    is refused and kept in `violations`.
    """

    def __init__(
        self,
        *,
        token: str = "bot-token",
        shards: int = 2,
        clock: Callable[[], float] = time.monotonic,
        world: World | None = None,
    ) -> None:
        super().__init__()
        self.token = token
        self.world = world or World()
        self._shards, self._clock = shards, clock
        self.people, self.bot, self.dms = self.world.people, self.world.bot, self.world.dms
        self.guild, self.other_guild = self.world.guild, self.world.other_guild
        self.channel, self.nsfw_channel = self.world.channel, self.world.nsfw_channel
        self.other_channel, self.foreign_channel = self.world.other_channel, self.world.foreign_channel
        self.dm, self.private_channel = self.world.dms["ann"], self.world.private_channel

    # Running.

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_get("/gateway", self._connect)
        app.router.add_get("/cdn/attachments/{channel}/{file}/{name}", self._download)
        app.router.add_route("*", PREFIX + "/{path:.*}", self._request)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        address = "{}:{}".format(*self._runner.addresses[0])
        self.api_url = f"http://{address}{PREFIX}"
        self.gateway = Gateway(self.token, f"ws://{address}/gateway", self._greet)
        self.state: State = make_state(
            self.world, self.gateway, f"http://{address}/cdn", self._clock, self._shards
        )
        self.api = Api(self.state, self.token)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.close()
        await self._runner.cleanup()

    # What was asked of it.

    @property
    def calls(self) -> deque[Call]:
        """Every request so far, with its answer."""
        return self.api.calls

    @property
    def violations(self) -> list[Violation]:
        """What was wrong with requests; a fixture asserts at its end that there is nothing."""
        return self.api.violations

    def take_violations(self) -> list[str]:
        """Return the rules that were broken and forget it, where a test means it."""
        rules = [violation.rule for violation in self.violations]
        self.violations.clear()
        return rules

    @property
    def limits(self) -> Limits:
        return self.state.limits

    @property
    def commands(self) -> list[dict[str, Any]]:
        """The commands that the bot has registered."""
        return self.state.commands.all

    def messages(self, channel: Channel | None = None) -> list[ShownMessage]:
        """List what everybody sees in a channel, oldest first."""
        return self.state.book.in_channel(channel or self.channel)

    def posts(self, channel: Channel | None = None) -> list[ShownMessage]:
        """List what the bot has written there that everybody sees and that is not loading."""
        return [each for each in self.messages(channel) if each.author is self.bot and not each.is_loading]

    # Waiting.

    async def until(self, look: Callable[[], T | None], what: str) -> T:
        """Wait for anything that requests, events or (looked at now and then) the bot brings about."""
        return await self.state.delivery.bell.until(look, what, tick_s=TICK_S)

    async def wait_ready(self, shards: int | None = None, commands: int = 0) -> None:
        """Wait until the bot's shards have identified themselves and so many commands are registered."""
        await self.gateway.ready(shards or self._shards)
        await self.until(lambda: len(self.commands) >= commands or None, f"{commands} commands")

    async def posted(self, count: int = 1, channel: Channel | None = None) -> ShownMessage:
        """Wait until the bot has written so many messages in a channel; return the last of them."""

        def look() -> ShownMessage | None:
            posts = self.posts(channel)
            return posts[count - 1] if len(posts) >= count else None

        return await self.until(look, f"{count} posts of the bot in {(channel or self.channel).name}")

    async def deleted(self, message: ShownMessage) -> None:
        """Wait until a message is gone."""
        await self.until(lambda: message.is_deleted or None, f"the deletion of {message.texts}")

    # Trouble.

    def fail(
        self,
        method: str,
        path: str,
        status: int,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Refuse the next matching requests; a 429 gets its headers, every status a usual body."""
        self.api.faults.fail(method, path, status, body, headers, times)

    def delay(self, method: str, path: str, seconds: float, times: int = 1) -> None:
        self.api.faults.delay(method, path, seconds, times)

    def hold(self, method: str, path: str, times: int = 1) -> Gate:
        """Hold the next matching requests until the gate is opened."""
        return self.api.faults.hold(method, path, times)

    def disconnected(self, shard: int | None = None) -> AbstractAsyncContextManager[None]:
        """Cut the gateway's line for the length of a block; then the bot may resume."""
        return self.gateway.disconnected(shard)

    def set_bot_permissions(self, channel: Channel, permissions: int) -> None:
        """Change what the bot may do in a channel and its threads, and tell it."""
        channel = channel.home
        channel.bot_permissions = permissions
        data = payloads.channel(channel, self.bot)
        guild_id = None if channel.guild is None else channel.guild.id
        self.gateway.dispatch("CHANNEL_UPDATE", data, guild_id, Intent.GUILDS)

    # Serving.

    def _greet(self, session: Session) -> list[tuple[str, Any]]:
        guilds = [
            guild
            for guild in self.world.guilds.values()
            if guild.has_bot and (guild.id >> 22) % session.shards == session.shard
        ]
        ready = {
            "v": 10,
            "user": payloads.own_user(self.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.gateway.url,
            "session_type": "normal",
            "private_channels": [],
            "shard": [session.shard, session.shards],
            "application": {"id": str(self.world.application_id), "flags": 0},
        }
        with_members = Intent.GUILD_MEMBERS in session.intents
        described = [payloads.guild(guild, self.bot, with_members=with_members) for guild in guilds]
        created = [("GUILD_CREATE", guild) for guild in described if Intent.GUILDS in session.intents]
        return [("READY", ready), *created]

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        return await self.gateway.handle(request)

    async def _request(self, request: web.Request) -> web.Response:
        return await self.api.handle(request)

    async def _download(self, request: web.Request) -> web.Response:
        file = self.state.book.files.get(int(request.match_info["file"]))
        if file is None:
            raise web.HTTPNotFound
        return web.Response(body=file.data, content_type=file.content_type)
