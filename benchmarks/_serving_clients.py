"""Clients that send one message and check the answer: over HTTP to the peers, through Redis to Repartee.

HTTP is spoken with asyncio streams on kept connections: a client library costs more than what is measured.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import msgspec

from inference.client import RedisService
from inference.errors import ReparteeError
from inference.protocol import ReactRequest

PICKS = 3
TIMEOUT_S = 30.0
EMBEDDING_CHARACTERS = 2048
"""Of 384 float32 in base64."""

Ask = Callable[[str], Awaitable[bool]]
"""Send a message; say whether the answer is right."""


class InfinityTarget(msgspec.Struct, frozen=True, tag=True):
    """An infinity server on this port."""

    port: int


class ScriptTarget(msgspec.Struct, frozen=True, tag=True):
    """The FastAPI script on this port."""

    port: int


class RedisTarget(msgspec.Struct, frozen=True, tag=True):
    """A Repartee worker behind this Redis; the clients share so many connections."""

    url: str
    services: int = 1


Target = InfinityTarget | ScriptTarget | RedisTarget


class _Embedding(msgspec.Struct):
    embedding: str


class _Embeddings(msgspec.Struct):
    data: list[_Embedding]


class _Reactions(msgspec.Struct):
    reactions: list[dict[str, float]]


class HttpDialect(Protocol):
    """What a server wants to be asked, and what a right answer is."""

    path: str

    def body(self, text: str) -> object:
        """Return what is sent as JSON."""

    def is_right(self, content: bytes) -> bool:
        """Check an answer of status 200."""


class InfinityDialect:
    """The embeddings API, with base64, which infinity calls its setting for high performance."""

    path = "/embeddings"

    def body(self, text: str) -> object:
        """Return what is sent as JSON."""
        return {"model": "minilm", "input": [text], "encoding_format": "base64"}

    def is_right(self, content: bytes) -> bool:
        """Check that there is one vector of 384 numbers."""
        data = msgspec.json.decode(content, type=_Embeddings).data
        return len(data) == 1 and len(data[0].embedding) == EMBEDDING_CHARACTERS


class ScriptDialect:
    """`POST /react`, answered with three rows and scores."""

    path = "/react"

    def body(self, text: str) -> object:
        """Return what is sent as JSON."""
        return {"text": text}

    def is_right(self, content: bytes) -> bool:
        """Check that there are three reactions."""
        return len(msgspec.json.decode(content, type=_Reactions).reactions) == PICKS


class HttpClient:
    """One kept connection to a server on this machine; after a failure a new one is opened."""

    def __init__(self, port: int, dialect: HttpDialect) -> None:
        self._port = port
        self._dialect = dialect
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._head = (
            f"POST {dialect.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: "
        ).encode()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the connection, open it where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams

    async def ask(self, text: str) -> bool:
        """Send a message; say whether the answer is right."""
        body = msgspec.json.encode(self._dialect.body(text))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await self.connect()
                writer.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
                head = await reader.readuntil(b"\r\n\r\n")
                content = await reader.readexactly(content_length(head))
        except BaseException:
            await self.close()  # a late answer would be taken for that to the next message
            raise
        return head.startswith(b"HTTP/1.1 200") and self._dialect.is_right(content)

    async def close(self) -> None:
        """Close the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()


def content_length(head: bytes) -> int:
    """Return the length of the content that follows the head of an answer.

    Raises:
        ValueError: the head does not say it.
    """
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("an answer without a content-length")


@contextlib.asynccontextmanager
async def open_clients(target: Target, count: int) -> AsyncIterator[list[Ask]]:
    """Give so many clients of a server; they are closed at the end."""
    async with contextlib.AsyncExitStack() as stack:
        match target:
            case RedisTarget(url=url, services=services):
                opened = [await stack.enter_async_context(RedisService(url)) for _ in range(services)]
                yield [_redis_ask(opened[number % services]) for number in range(count)]
            case InfinityTarget(port=port):
                yield [await _http_ask(stack, port, InfinityDialect()) for _ in range(count)]
            case ScriptTarget(port=port):
                yield [await _http_ask(stack, port, ScriptDialect()) for _ in range(count)]


def _redis_ask(service: RedisService) -> Ask:
    async def ask(text: str) -> bool:
        try:
            reply = await service.react(ReactRequest(text=text, k=PICKS, timeout_s=TIMEOUT_S))
        except ReparteeError:
            return False
        return len(reply.reactions) == PICKS

    return ask


async def _http_ask(stack: contextlib.AsyncExitStack, port: int, dialect: HttpDialect) -> Ask:
    client = HttpClient(port, dialect)
    stack.push_async_callback(client.close)
    await client.connect()
    return client.ask
