"""The application put together: routes, what they lead to, and the guard before them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.library import Library
from bot.memory import Memory
from bot.web._describe import as_json, describe, handbook
from bot.web._errors import explain, explain_routing
from bot.web._files import Files, health, page
from bot.web._gate import Gate
from bot.web._gifs import Gifs
from bot.web._guard import Guard, Hosts
from bot.web._login import Login
from bot.web._operations import OPERATIONS
from bot.web._react import React
from bot.web._shelf import Shelf
from bot.web._uploads import Uploads
from inference.client import ReactionService
from inference.errors import ReparteeError
from inference.ingest import Limits, Stage

Handler = Callable[[Request], Awaitable[Response]]


class Web:
    """The page and its interface; `app` is served, `close` gives up what is under way."""

    def __init__(
        self,
        service: ReactionService,
        library: Library,
        memories: Mapping[str, Memory],
        gate: Gate,
        hosts: Hosts,
        *,
        max_bytes: int = Limits().file_bytes,
    ) -> None:
        """Put it together.

        Args:
            service: ranks GIFs.
            library: the packs.
            memories: what each platform remembers, by its name.
            gate: who may come in.
            hosts: by which names the page may be called.
            max_bytes: size of a file that is added, at most.
        """
        shelf = Shelf(library)
        description = describe(version("repartee"))
        self._uploads = Uploads(library, shelf, max_bytes)
        self._react, self._gifs = React(service, shelf), Gifs(library, shelf, memories)
        self._files = Files(shelf, handbook(description, page("api.html")))
        self._login = Login(gate, [stage.value for stage in Stage], max_bytes)
        self._description = as_json(description)
        handlers = self._handlers()
        routes = [
            Route(operation.path, handlers[operation.name], methods=[operation.method])
            for operation in OPERATIONS
        ]
        self.app = Starlette(
            routes=[*routes, *self._pages()],
            middleware=[Middleware(Guard, gate=gate, hosts=hosts)],
            exception_handlers={ReparteeError: explain, HTTPException: explain_routing},
        )

    async def close(self) -> None:
        """End what is under way."""
        await self._uploads.close()

    def _handlers(self) -> dict[str, Handler]:
        """Return what does each operation, by its name."""
        return {
            "react": self._react.react,
            "packs": self._gifs.packs,
            "download": self._gifs.download,
            "search": self._gifs.search,
            "add": self._uploads.add,
            "add_url": self._uploads.add_url,
            "show": self._gifs.show,
            "change": self._gifs.change,
            "remove": self._gifs.remove,
            "feedback": self._gifs.feedback,
            "gif": self._files.gif,
            "still": self._files.still,
            "session": self._login.session,
            "description": self._describe,
        }

    def _pages(self) -> list[Route]:
        return [
            Route("/", self._files.index),
            Route("/api", self._files.handbook),
            Route("/login", self._login.form, methods=["GET"]),
            Route("/login", self._login.log_in, methods=["POST"]),
            Route("/logout", self._login.log_out, methods=["POST"]),
            Route("/static/{name}", self._files.static),
            Route("/healthz", health),
        ]

    async def _describe(self, request: Request) -> Response:
        return Response(self._description, media_type="application/json")
