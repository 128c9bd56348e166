"""The stand-in of Slack: Web API, uploads, Socket Mode and signed requests, for the real Bolt to talk to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from tests.discord_side.bell import Bell
from tests.discord_side.faults import Gate
from tests.slack_side.api import Api
from tests.slack_side.calls import Call
from tests.slack_side.endpoints import Endpoints, Target
from tests.slack_side.envelopes import COMMAND, Envelope, Post
from tests.slack_side.errors import Refusal, Violation
from tests.slack_side.events import Events
from tests.slack_side.files import FileBook
from tests.slack_side.hooks import HookBook
from tests.slack_side.messages import MessageBook, ShownMessage
from tests.slack_side.people import People
from tests.slack_side.sockets import Connection, Sockets
from tests.slack_side.state import Limits, State
from tests.slack_side.views import ShownView, ViewBook
from tests.slack_side.world import Channel, Person, World

LARGEST_REQUEST = 64 << 20
TICK_S = 0.02

T = TypeVar("T")


class SlackSide(People):
    """Slack, for a test: ``async with SlackSide() as side``; give the bot ``side.api_url`` and the tokens.

    Every request is checked against Slack's reference and Block Kit's limits; what is wrong is refused and
    kept in `violations`.
    """

    bot_token, app_token = "xoxb-012-repartee", "xapp-1-A012REPARTEE-012"
    signing_secret = "signing-secret-of-the-parlour"

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.world = World(clock)
        self.people, self.bot, self.dms = self.world.people, self.world.bot, self.world.dms
        self.violations: list[Violation] = []
        self._endpoints: Endpoints | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_get("/link", self._connect)
        app.router.add_route("*", "/api/{method}", self._request)
        app.router.add_post("/upload/v1/{file}", self._upload)
        app.router.add_post("/hooks/{key:.+}", self._respond)
        app.router.add_get("/files-pri/{file}/{name}", self._download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        address = "{}:{}".format(*self._runner.addresses[0])
        self.api_url = f"http://{address}/api/"
        self._build(f"http://{address}", f"ws://{address}/link")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.state.post.close()
        if self._endpoints is not None:
            await self._endpoints.close()
        await self.sockets.close()
        await self._runner.cleanup()

    # What was asked of it.

    @property
    def calls(self) -> list[Call]:
        """Every request so far, with its answer."""
        return self.api.calls

    def called(self, method: str) -> list[Call]:
        """List the requests of one method."""
        return [call for call in self.calls if call.method == method]

    def take_violations(self) -> list[str]:
        """Return the rules that were broken and forget it, where a test means it."""
        rules = [violation.rule for violation in self.violations]
        self.violations.clear()
        return rules

    @property
    def envelopes(self) -> list[Envelope]:
        """Everything that was sent to the app, events of the bot's own messages included."""
        return self.state.post.all

    @property
    def limits(self) -> Limits:
        return self.state.limits

    def messages(self, channel: Channel | None = None) -> list[ShownMessage]:
        """List what everybody sees in a channel, threads included, oldest first."""
        return self.state.book.in_channel(channel or self.world.general)

    def posts(self, channel: Channel | None = None) -> list[ShownMessage]:
        """List what the bot has written there that everybody sees."""
        return [each for each in self.messages(channel) if each.author is self.bot]

    def ephemerals(self, person: Person, channel: Channel | None = None) -> list[ShownMessage]:
        """List what only one person sees there."""
        return self.state.book.ephemerals(person, channel or self.world.general)

    def home(self, person: Person) -> ShownView | None:
        """Find somebody's home tab, if it was published."""
        return self.state.views.homes.get(person.id)

    # What the app may do and hear, and what time does to it.

    def set_scopes(self, scopes: str | None) -> None:
        """Give the bot these scopes only, "chat:write files:write"; None: all of them."""
        self.state.scopes = None if scopes is None else frozenset(scopes.split())

    def subscribe(self, events: str) -> None:
        """Send the app these events only, "app_mention message.im"."""
        self.state.subscriptions = frozenset(events.split())

    # Waiting.

    async def until(self, look: Callable[[], T | None], what: str) -> T:
        """Wait for what requests, acknowledgements or (looked at now and then) the bot bring about."""
        return await self.state.bell.until(look, what, tick_s=TICK_S)

    async def connected(self, count: int = 1) -> list[Connection]:
        """Wait until so many Socket Mode connections are open."""

        def look() -> list[Connection] | None:
            return self.sockets.open if len(self.sockets.open) >= count else None

        return await self.until(look, f"{count} connections")

    async def posted(self, count: int = 1, channel: Channel | None = None) -> ShownMessage:
        """Wait until the bot has written so many messages in a channel; return the last of them."""

        def look() -> ShownMessage | None:
            posts = self.posts(channel)
            return posts[count - 1] if len(posts) >= count else None

        return await self.until(look, f"{count} posts of the bot in {(channel or self.world.general).name}")

    async def deleted(self, message: ShownMessage) -> None:
        """Wait until a message is gone."""
        await self.until(lambda: message.is_deleted or None, f"the deletion of {message.text!r}")

    # Connections.

    def http(self, *targets: Target, path: str = "/slack/events") -> Endpoints:
        """Send to URLs or ASGI callables from now on; `.secret` and `.age_s` of what is returned forge."""
        self._endpoints = Endpoints(targets, path, self.signing_secret, self.state.post)
        self.state.post.line = self._endpoints
        return self._endpoints

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to reconnect, and wait until each has been replaced."""
        old = self.sockets.open
        before = len(self.sockets.all)
        for connection in old:
            self.sockets.ask_to_reconnect(connection, reason)

        def look() -> bool | None:
            is_replaced = len(self.sockets.all) >= before + len(old)
            return True if is_replaced and not any(each.is_open for each in old) else None

        await self.until(look, "new connections")

    async def drop(self, *, politely: bool = False) -> None:
        """End every connection: with a close frame, or by cutting the line."""
        for connection in self.sockets.open:
            if politely:
                await connection.close()
            else:
                connection.drop()

    # Trouble.

    def fail(
        self,
        method: str,
        error: str = "",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        comes_late: bool = False,
    ) -> None:
        """Refuse the next requests: a method, "chat.*", "response_url", "upload" or "*"."""
        self.api.faults.fail(
            method, error, status=status, headers=headers, times=times, comes_late=comes_late
        )

    def cut(self, method: str, times: int = 1) -> None:
        """Break the connection of the next requests."""
        self.api.faults.cut(method, times)

    def delay(self, method: str, seconds: float, times: int = 1) -> None:
        self.api.faults.delay(method, seconds, times)

    def hold(self, method: str, times: int = 1) -> Gate:
        """Hold the next requests until the gate is opened."""
        return self.api.faults.hold(method, times)

    def hold_files(self) -> None:
        """Let no file become ready before `release_files`."""
        self.state.files.is_held = True

    def release_files(self) -> None:
        self.api.files.release()

    # Serving.

    def _build(self, url: str, link: str) -> None:
        bell = Bell()
        post = Post(bell, self.violations)
        self.state = State(
            world=self.world,
            bell=bell,
            book=MessageBook(self.world, bell),
            files=FileBook(self.world, url),
            views=ViewBook(self.world, bell),
            hooks=HookBook(self.world, url, self.clock),
            post=post,
            clock=self.clock,
            violations=self.violations,
        )
        self.events = Events(self.state)
        self.sockets = Sockets(self.world.app_id, link, post, bell, self.violations)
        post.line, post.on_ack = self.sockets, self._acknowledged
        self.api = Api(self.state, self.events, self.bot_token, self.app_token, self.sockets.new_url)

    def _acknowledged(self, envelope: Envelope) -> None:
        assert envelope.ack is not None
        payload, kind = envelope.ack.payload, envelope.payload.get("type")
        try:
            if envelope.kind == COMMAND and payload:
                hook = self.state.hooks.of_url(envelope.payload["response_url"])
                self.api.hooks.respond(hook, payload)
            elif kind == "view_submission":
                shown = self.state.views.all[envelope.payload["view"]["id"]]
                self.api.views.respond(shown, payload)
        except Refusal as refusal:
            self.violations.append(Violation("acknowledge", refusal.rule or "refused", refusal.detail))

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        return await self.sockets.handle(request)

    async def _request(self, request: web.Request) -> web.Response:
        return await self.api.handle(request)

    async def _upload(self, request: web.Request) -> web.Response:
        return await self.api.handle_upload(request)

    async def _respond(self, request: web.Request) -> web.Response:
        return await self.api.handle_hook(request)

    async def _download(self, request: web.Request) -> web.Response:
        return await self.api.handle_download(request)
