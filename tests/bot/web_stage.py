"""The page served over the tiny bundle and pack, and a client that speaks HTTP with it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
from PIL import Image, ImageDraw

from bot.library import Library
from bot.memory import Memory
from bot.store import SqliteStore
from bot.web import Gate, Hosts, Web
from inference.client import LocalService
from inference.engine import Engine
from inference.follow import Follower
from inference.health import serve
from inference.ingest import Ingestor

TOKEN = "an-open-secret-of-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATIENCE_S = 30.0


@dataclass
class WebStage:
    """A running page: where it is, and what lies behind it."""

    url: str
    library: Library
    memories: dict[str, Memory]
    http: aiohttp.ClientSession

    @property
    def link(self) -> str:
        """Address that logs a browser in."""
        return f"{self.url}/login#{TOKEN}"

    async def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """Send a request with the token, check the status of the answer, return its JSON."""
        headers = BEARER | options.pop("headers", {})
        async with self.http.request(method, self.url + path, headers=headers, **options) as answer:
            body = await answer.json() if answer.content_type == "application/json" else await answer.read()
            assert answer.status == status, (path, answer.status, body)
            return body

    async def log_in(self) -> dict[str, str]:
        """Log in as a browser does; returns the headers of a change."""
        origin = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        form = {"token": TOKEN}
        async with self.http.post(
            f"{self.url}/login", data=form, headers=origin, allow_redirects=False
        ) as answer:
            assert answer.status == 303, answer.status
            cookie = re.match(r"repartee=([^;]+)", answer.headers["Set-Cookie"])
        assert cookie is not None
        session = origin | {"Cookie": f"repartee={cookie[1]}"}
        async with self.http.get(f"{self.url}/api/session", headers=session) as answer:
            return session | {"X-CSRF-Token": (await answer.json())["csrf"]}

    async def add(self, path: Path, status: int = 201, **said: str) -> Any:
        """Add a file."""
        form = aiohttp.FormData(said)
        form.add_field("file", path.read_bytes(), filename=path.name, content_type="image/gif")
        return await self.ask("POST", "/api/gifs", status, data=form)


@contextlib.asynccontextmanager
async def web_stage(bundle: Path, pack: Path, folder: Path, **options: Any) -> AsyncIterator[WebStage]:
    """Serve the page with an empty catalogue of its own."""
    catalogue = folder / "catalogue.sqlite"
    engine = Engine.open(bundle, [pack], catalogue)
    library = Library(catalogue, Ingestor(catalogue, bundle, processes=1), [pack])
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(library.close)
        service = await stack.enter_async_context(LocalService(engine))
        follower = Follower(catalogue, lambda: service.engine, service.renew, lambda: engine)
        stack.callback(follower.close)
        follower.start()
        store = await stack.enter_async_context(SqliteStore(folder / "bot.sqlite"))
        memories = {platform: Memory(store, platform) for platform in ("discord", "slack")}
        gate = Gate(TOKEN)
        web = Web(service, library, memories, gate, Hosts(is_loopback=True, name="gifs.example"), **options)
        stack.push_async_callback(web.close)
        port = await stack.enter_async_context(serve(web.app, "127.0.0.1", 0))
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        jar = aiohttp.DummyCookieJar()
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout, cookie_jar=jar))
        yield WebStage(f"http://127.0.0.1:{port}", library, memories, http)


def draw_pattern(path: Path, shade: int = 1) -> Path:
    """Write an animation that looks like no GIF of the tiny pack."""
    frames = []
    for step in range(5):
        frame = Image.new("RGB", (64, 48), (20 * shade, 200, 255 - 20 * shade))
        draw = ImageDraw.Draw(frame)
        for row in range(4):
            left = (step * 5 + row * 13 * shade) % 56
            draw.ellipse((left, row * 12, left + 10, row * 12 + 10), fill=(250, 60 * row, 30 * shade))
        frames.append(frame)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=400, loop=0)
    return path


async def described(stage: WebStage) -> dict[str, Any]:
    """Return the description that the interface gives of itself."""
    found: dict[str, Any] = await stage.ask("GET", "/api/openapi.json")
    return found


def check(description: dict[str, Any], kind: str, body: Any) -> Any:
    """Refuse a body that is not as the description says, or has more in it."""
    schema = {"$ref": f"#/components/schemas/{kind}", "components": description["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    named = description["components"]["schemas"][kind]["properties"]
    assert set(body) <= set(named)
    return body
