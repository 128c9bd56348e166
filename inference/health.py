"""The port on which a process says how it is: /healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from inference.errors import ServiceError

Verdict = Callable[[], str]
"""Returns what is wrong, in a sentence; an empty one means that all is well."""

Handler = Callable[[Request], Awaitable[Response]]

TAKEN = (
    "The port {port} of {host} cannot be opened ({reason}): name another one with --port, 0 takes a free one."
)


def health_app(*, alive: Verdict, ready: Verdict, registry: CollectorRegistry) -> Starlette:
    """Return the application; 503 with the sentence where a verdict has something to say."""

    def answer(verdict: Verdict) -> Handler:
        async def respond(request: Request) -> Response:
            wrong = verdict()
            return PlainTextResponse((wrong or "ok") + "\n", status_code=503 if wrong else 200)

        return respond

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    routes = {"/healthz": answer(alive), "/readyz": answer(ready), "/metrics": metrics}
    return Starlette(routes=[Route(path, handler) for path, handler in routes.items()])


class _Server(uvicorn.Server):
    """A server that leaves signals to the process that it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve(app: Starlette, host: str, port: int) -> AsyncIterator[int]:
    """Serve an application while the block runs; gives the port, a free one where 0 was asked for.

    Raises:
        ServiceError: the port is taken or not ours to open.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()  # who comes before the server runs waits for it
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ServiceError(TAKEN.format(port=port, host=host, reason=error.strerror)) from error
    return listener
