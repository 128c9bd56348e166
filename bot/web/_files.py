"""Files: GIFs by their ids, the page, and what belongs to it."""

from __future__ import annotations

import hashlib
import html
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from bot.web._errors import ApiError
from bot.web._shelf import Shelf
from bot.web.messages import NO_SUCH_PAGE

HERE = Path(__file__).parent
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOR_EVER = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class Files:
    """Serves what lies in files; no path comes from outside."""

    def __init__(self, shelf: Shelf, handbook: str) -> None:
        """Read the page into memory.

        Args:
            shelf: knows the GIFs.
            handbook: the page that explains the interface.
        """
        self._shelf = shelf
        self._handbook = handbook
        self._index = page("index.html")
        self._static = {
            path.name: (path.read_bytes(), TYPES[path.suffix])
            for path in (HERE / "static").iterdir()
            if path.suffix in TYPES
        }

    async def index(self, request: Request) -> Response:
        """Return the page."""
        return html_response(self._index)

    async def handbook(self, request: Request) -> Response:
        """Return the page that explains the interface."""
        return html_response(self._handbook)

    async def static(self, request: Request) -> Response:
        """Return a part of the page; a browser asks whether it has changed."""
        found = self._static.get(request.path_params["name"])
        if found is None:
            raise ApiError(404, "not_found", NO_SUCH_PAGE)
        content, kind = found
        tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
        headers = {"Cache-Control": "no-cache", "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    async def gif(self, request: Request) -> Response:
        """Return a GIF."""
        path = await self._shelf.path(request.path_params["id"])
        return FileResponse(path, media_type="image/gif", headers=FOR_EVER)

    async def still(self, request: Request) -> Response:
        """Return a picture of a GIF that does not move."""
        content = await self._shelf.still(request.path_params["id"])
        return Response(content, media_type="image/png", headers=FOR_EVER)


async def health(request: Request) -> Response:
    """Say that the process lives."""
    return PlainTextResponse("ok\n")


def page(name: str, **filled: str) -> str:
    """Read a page and fill in text."""
    content = (HERE / "pages" / name).read_text(encoding="utf-8")
    for place, text in filled.items():
        content = content.replace(f"{{{{{place}}}}}", html.escape(text))
    return content


def html_response(content: str, status: int = 200) -> Response:
    """Return a page that is not kept by the browser."""
    return Response(content, status, media_type="text/html; charset=utf-8")
