"""Which handler answers which request, by the paths of the API description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tests.discord_side.calls import Call
from tests.discord_side.contract import match

Handler = Callable[[Call], Any]
H = TypeVar("H", bound=Handler)

NO_CONTENT = None


class Router:
    """Handlers by method and path template; a handler returns the JSON of a 200, or None for a 204."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, str], Handler] = {}

    def add(self, method: str, template: str, handler: Handler) -> None:
        self._handlers[method, template] = handler

    def find(self, method: str, raw_path: str) -> tuple[Handler, dict[str, str]] | None:
        """Find the handler of a request, and the values in its path."""
        found = [
            (handler, values)
            for (known, template), handler in self._handlers.items()
            if known == method and (values := match(template, raw_path)) is not None
        ]
        return min(found, key=lambda pair: len(pair[1]), default=None)
