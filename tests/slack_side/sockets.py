"""Socket Mode: the WebSocket connections of the app, hello, envelopes, pings, and how they end."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Coroutine
from typing import Any

from aiohttp import WSMsgType, web

from tests.discord_side.bell import Bell
from tests.slack_side.envelopes import EVENT, Envelope, Post
from tests.slack_side.errors import Violation
from tests.slack_side.world import Payload

MOST_CONNECTIONS = 10
HOST = "applink-standin"


class Connection:
    """One WebSocket of the app; a silent one answers no pings."""

    def __init__(self, number: int, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.number, self._socket, self._request = number, socket, request
        self.is_open, self.is_draining, self.is_silent = True, False, False
        self.pings = 0
        self._writing: set[asyncio.Task[None]] = set()

    def write(self, data: Payload) -> None:
        """Send JSON soon, in the order of calls."""
        self._soon(self._socket.send_str(json.dumps(data)))

    def ping(self) -> None:
        """Ping the app as Slack does."""
        self._soon(self._socket.ping(b"Ping from applink"))

    def drop(self) -> None:
        """Cut the line without a word."""
        self.is_open = False
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self) -> None:
        """Close as a server does."""
        self.is_open = False
        for task in list(self._writing):
            task.cancel()
        await self._socket.close()

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._writing.add(task)
        task.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.is_open = False


class Sockets:
    """The open connections; each envelope goes to one of them in turn, or waits for one."""

    def __init__(self, app_id: str, url: str, post: Post, bell: Bell, violations: list[Violation]) -> None:
        self._app_id, self._url, self._post = app_id, url, post
        self._bell, self._violations = bell, violations
        self._tickets: set[str] = set()
        self._pending: deque[Envelope] = deque()
        self.all: list[Connection] = []
        self.pongs = 0
        self._turn = 0

    @property
    def open(self) -> list[Connection]:
        return [each for each in self.all if each.is_open]

    def new_url(self) -> str:
        """Issue the address of one new connection."""
        ticket = f"ticket{len(self._tickets):04d}"
        self._tickets.add(ticket)
        return f"{self._url}?ticket={ticket}&app_id={self._app_id}"

    def send(self, envelope: Envelope) -> None:
        """Send an envelope to the next connection."""
        lines = [each for each in self.open if not each.is_draining]
        if not lines:
            self._pending.append(envelope)
            return
        self._turn += 1
        connection = lines[self._turn % len(lines)]
        self._post.started(envelope, connection.number)
        connection.write(_wire(envelope))

    def ask_to_reconnect(self, connection: Connection, reason: str) -> None:
        """Send a disconnect envelope: warning, refresh_requested, link_disabled, too_many_websockets."""
        connection.is_draining = True
        connection.write({"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}})

    async def close(self) -> None:
        self._pending.clear()
        for connection in self.open:
            await connection.close()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPUnauthorized
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(len(self.all), socket, request)
        self.all.append(connection)
        connection.write(self._hello())
        if len(self.open) > MOST_CONNECTIONS:
            self.ask_to_reconnect(connection, "too_many_websockets")
        self._bell.ring()
        while self._pending and connection.is_open:
            self.send(self._pending.popleft())
        try:
            await self._listen(connection, socket)
        finally:
            connection.is_open = False
            self._bell.ring()
        return socket

    async def _listen(self, connection: Connection, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.PING:
                connection.pings += 1
                if not connection.is_silent:
                    await socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self.pongs += 1
                self._bell.ring()
            elif message.type is WSMsgType.TEXT:
                self._heard(connection, message.data)

    def _heard(self, connection: Connection, text: str) -> None:
        try:
            answer = json.loads(text)
            envelope_id = answer["envelope_id"]
        except (ValueError, KeyError, TypeError):
            self._violations.append(Violation("acknowledge", "acknowledgement", text[:200]))
            return
        self._post.acknowledge(envelope_id, answer.get("payload") or {}, connection.number)

    def _hello(self) -> Payload:
        debug = {"host": HOST, "build_number": 1, "approximate_connection_time": 18060}
        return {
            "type": "hello",
            "num_connections": len(self.open),
            "debug_info": debug,
            "connection_info": {"app_id": self._app_id},
        }


def _wire(envelope: Envelope) -> Payload:
    described: Payload = {
        "envelope_id": envelope.id,
        "payload": envelope.payload,
        "type": envelope.kind,
        "accepts_response_payload": envelope.accepts_response,
    }
    if envelope.kind == EVENT:
        described |= {"retry_attempt": envelope.retry_num, "retry_reason": envelope.retry_reason}
    return described
