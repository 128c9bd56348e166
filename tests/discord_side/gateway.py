"""The gateway: sessions that outlive their connections, and what is sent to them.

A session keeps every event it was sent, and a connection is a position in that list: what a resumed
connection missed is sent before anything new, without a special case.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import WSMsgType, web

from tests.discord_side.bell import Bell
from tests.discord_side.contract import Payload
from tests.discord_side.world import PRIVILEGED, Intent

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT = 0, 1, 2, 6, 7
INVALID_SESSION, HELLO, HEARTBEAT_ACK = 9, 10, 11
NOT_AUTHENTICATED, AUTHENTICATION_FAILED, DISALLOWED_INTENTS = 4003, 4004, 4014
HEARTBEAT_MS = 41_250


class Session:
    """What Discord knows of one shard of the bot, connected or not."""

    def __init__(self, session_id: str, shard: tuple[int, int], intents: Intent) -> None:
        self.id, self.intents = session_id, intents
        self.shard, self.shards = shard
        self.is_ready = False
        self.events: list[Payload] = []
        self.bell = Bell()
        self.connection: Connection | None = None

    def push(self, name: str, data: Any) -> None:
        """Send an event now, or after the next resume."""
        self.events.append({"op": DISPATCH, "t": name, "s": len(self.events) + 1, "d": data})
        self.bell.ring()


class Connection:
    """One WebSocket, with the transport compression that the client asked for."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket, self._request = socket, request
        self._deflate = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        self._sending = asyncio.Lock()

    async def send(self, payload: Payload) -> None:
        text = json.dumps(payload)
        async with self._sending:
            if self._socket.closed:
                return
            with contextlib.suppress(ConnectionError):
                if self._deflate is None:
                    await self._socket.send_str(text)
                else:
                    packed = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                    await self._socket.send_bytes(packed)

    async def follow(self, session: Session, position: int) -> None:
        """Send a session's events from a position on, until cancelled."""
        while True:
            while position < len(session.events):
                await self.send(session.events[position])
                position += 1
            await session.bell.next_ring()

    async def close(self, code: int) -> None:
        await self._socket.close(code=code)

    def abort(self) -> None:
        """Cut the line without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()


class Gateway:
    """All sessions; says who gets an event."""

    def __init__(self, token: str, url: str, greet: Callable[[Session], list[tuple[str, Any]]]) -> None:
        self.url, self.bell = url, Bell()
        self.sessions: dict[int, Session] = {}
        self.granted = PRIVILEGED
        self.resumes = 0
        self._token, self._greet = token, greet
        self._made = 0
        self._asked: dict[int, Connection] = {}
        self._open = asyncio.Event()
        self._open.set()

    @property
    def shards(self) -> int:
        return next((session.shards for session in self.sessions.values()), 1)

    @property
    def sees_content(self) -> bool:
        return any(Intent.MESSAGE_CONTENT in session.intents for session in self.sessions.values())

    def shard_of(self, guild_id: int | None) -> int:
        return 0 if guild_id is None else (guild_id >> 22) % self.shards

    def dispatch(self, name: str, data: Any, guild_id: int | None, needed: Intent = Intent.NONE) -> None:
        """Send an event to the shard of a server (None: a direct message), if its intents ask for it."""
        session = self.sessions.get(self.shard_of(guild_id))
        if session is not None and needed in session.intents:
            session.push(name, data)

    async def ready(self, shards: int) -> None:
        """Wait until so many shards have identified themselves."""
        await self.bell.until(
            lambda: True if len(self._ready()) >= shards else None, f"{shards} ready shards"
        )

    async def reconnected(self, shard: int) -> None:
        """Wait until a shard that was told to go has come back."""
        asked = self._asked.get(shard)

        def look() -> bool | None:
            session = self.sessions.get(shard)
            return True if session and session.is_ready and session.connection is not asked else None

        await self.bell.until(look, f"shard {shard} to come back")

    async def drop(self, shard: int | None = None, code: int | None = None) -> None:
        """Close the connections of a shard, or of all; without a code the line is cut."""
        for connection in self._connections(shard):
            if code is None:
                connection.abort()
            else:
                await connection.close(code)

    async def ask_to_reconnect(self, shard: int | None = None) -> None:
        """Send op 7."""
        for connection in self._connections(shard):
            await connection.send({"op": RECONNECT, "d": None})

    async def invalidate(self, shard: int, *, is_resumable: bool = False) -> None:
        """Send op 9; a session that is not resumable is forgotten."""
        connections = self._connections(shard)
        if not is_resumable:
            self.sessions.pop(shard, None)
        for connection in connections:
            await connection.send({"op": INVALID_SESSION, "d": is_resumable})

    @contextlib.asynccontextmanager
    async def disconnected(self, shard: int | None = None) -> AsyncIterator[None]:
        """Cut the line; whoever connects again waits for the end of the block to be greeted."""
        self._open.clear()
        await self.drop(shard)
        try:
            yield
        finally:
            self._open.set()

    async def close(self) -> None:
        for connection in self._connections(None):
            await connection.close(1001)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        socket = web.WebSocketResponse(max_msg_size=0, timeout=1.0)
        await socket.prepare(request)
        connection = Connection(socket, request)
        await self._open.wait()
        await connection.send({"op": HELLO, "d": {"heartbeat_interval": HEARTBEAT_MS}})
        following: asyncio.Task[None] | None = None
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                following = await self._receive(connection, json.loads(message.data)) or following
        finally:
            if following is not None:
                following.cancel()
            self._forget(connection)
        return socket

    async def _receive(self, connection: Connection, payload: Payload) -> asyncio.Task[None] | None:
        operation: int = payload["op"]
        data: Any = payload.get("d")
        if operation == HEARTBEAT:
            await connection.send({"op": HEARTBEAT_ACK, "d": None})
        elif operation in {IDENTIFY, RESUME} and data["token"] != self._token:
            await connection.close(AUTHENTICATION_FAILED)
        elif operation == IDENTIFY:
            return await self._identify(connection, data)
        elif operation == RESUME:
            return await self._resume(connection, data)
        return None

    async def _identify(self, connection: Connection, data: Payload) -> asyncio.Task[None] | None:
        intents = Intent(data["intents"] & sum(Intent))
        if intents & PRIVILEGED & ~self.granted:
            await connection.close(DISALLOWED_INTENTS)
            return None
        number, count = data.get("shard", (0, 1))
        self._made += 1
        session = Session(f"session-{self._made}", (number, count), intents)
        self.sessions[number] = session
        for name, event in self._greet(session):
            session.push(name, event)
        return self._attach(connection, session, 0)

    async def _resume(self, connection: Connection, data: Payload) -> asyncio.Task[None] | None:
        known = [session for session in self.sessions.values() if session.id == data["session_id"]]
        if not known:
            await connection.send({"op": INVALID_SESSION, "d": False})
            return None
        known[0].push("RESUMED", {"_trace": []})
        self.resumes += 1
        return self._attach(connection, known[0], data["seq"])

    def _attach(self, connection: Connection, session: Session, position: int) -> asyncio.Task[None]:
        session.connection, session.is_ready = connection, True
        self.bell.ring()
        return asyncio.create_task(connection.follow(session, position))

    def _forget(self, connection: Connection) -> None:
        for session in self.sessions.values():
            if session.connection is connection:
                session.connection, session.is_ready = None, False
        self.bell.ring()

    def _ready(self) -> list[Session]:
        return [session for session in self.sessions.values() if session.is_ready]

    def _connections(self, shard: int | None) -> list[Connection]:
        """List the connections of a shard or of all, and note that they are asked to go."""
        asked = {
            number: session.connection
            for number, session in self.sessions.items()
            if shard in {None, number} and session.connection is not None
        }
        self._asked |= asked
        return list(asked.values())
