"""GIFs and packs: found, shown, changed, removed, taken home, with what people think of them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bot.library import Library
from bot.memory import Memory
from bot.web._bodies import answer, check_categories, read_json, read_number, read_scope
from bot.web._errors import ApiError
from bot.web._records import (
    PAGE,
    SHIPPED,
    FeedbackAnswer,
    GifPatch,
    GifsAnswer,
    PacksAnswer,
    Votes,
)
from bot.web._shelf import Query, Shelf, inner_scope
from bot.web.messages import READ_ONLY, UNKNOWN_PACK
from inference.catalogue import GifChange
from inference.errors import UnavailableError

MOST_AT_ONCE = 200
FARTHEST = 10_000_000
UNSAFE_IN_NAMES = re.compile(r"[^\w.-]+", re.ASCII)


class Gifs:
    """Everything that is there already; what is added is in `_uploads`."""

    def __init__(self, library: Library, shelf: Shelf, memories: Mapping[str, Memory]) -> None:
        """Prepare.

        Args:
            library: the packs.
            shelf: the same, as a list.
            memories: what each platform remembers, by its name.
        """
        self._library = library
        self._shelf = shelf
        self._memories = memories

    async def packs(self, request: Request) -> Response:
        """List packs and scopes."""
        packs = await self._shelf.packs()
        voting: list[str] = []
        with contextlib.suppress(UnavailableError):  # the packs are here, wherever the votes are
            for platform, memory in self._memories.items():
                voting += [f"{platform}:{guild}" for guild in await memory.voting_guilds()]
        own = {pack.scope for pack in packs} - {SHIPPED}
        return answer(PacksAnswer(packs=packs, scopes=sorted({*own, *voting})))

    async def search(self, request: Request) -> Response:
        """List GIFs, a page at a time."""
        said = request.query_params
        query = Query(*(said.get(name, "") for name in ("text", "scope", "pack", "category")))
        offset = read_number(request, "offset", 0, FARTHEST)
        limit = read_number(request, "limit", PAGE, MOST_AT_ONCE)
        found = await self._shelf.search(query)
        end = offset + limit
        following = end if limit and end < len(found) else None
        return answer(GifsAnswer(total=len(found), gifs=found[offset:end], next_offset=following))

    async def show(self, request: Request) -> Response:
        """Describe one GIF."""
        scope, gif = _address(request)
        return answer((await self._shelf.get(scope, gif)).view)

    async def change(self, request: Request) -> Response:
        """Change what is said of an own GIF."""
        scope, gif = _own_address(request)
        patch = await read_json(request, GifPatch)
        check_categories(patch.categories or [])
        change = GifChange(**msgspec.structs.asdict(patch))
        return answer(self._shelf.view_of(await self._library.edit(inner_scope(scope), gif, change)))

    async def remove(self, request: Request) -> Response:
        """Remove an own GIF."""
        scope, gif = _own_address(request)
        return answer(self._shelf.view_of(await self._library.remove(inner_scope(scope), gif)))

    async def download(self, request: Request) -> Response:
        """Pack an own pack into a ZIP archive, as REPARTEE_PACKS takes it once unpacked."""
        scope, pack = read_scope(request.path_params["scope"]), request.path_params["pack"]
        known = [view for view in await self._shelf.packs() if (view.scope, view.name) == (scope, pack)]
        if not known:
            raise ApiError(404, "unknown_pack", UNKNOWN_PACK)
        if scope == SHIPPED:
            raise ApiError(403, "read_only", READ_ONLY)
        name = UNSAFE_IN_NAMES.sub("-", pack).strip("-.") or "pack"
        room = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="repartee-"))
        done = BackgroundTask(shutil.rmtree, room, ignore_errors=True)
        try:
            await self._library.export(inner_scope(scope), pack, room / name)
            await asyncio.to_thread(_compress, room / name, room / "pack.zip")
        except BaseException:
            await done()
            raise
        return FileResponse(
            room / "pack.zip", media_type="application/zip", filename=f"{name}.zip", background=done
        )

    async def feedback(self, request: Request) -> Response:
        """Count votes, of one scope or one GIF where they are named."""
        scope, gif = request.query_params.get("scope", ""), request.query_params.get("id", "")
        votes = [
            Votes(scope=f"{platform}:{guild}", id=name, ups=round(tally.ups, 1), downs=round(tally.downs, 1))
            for platform, memory in self._memories.items()
            for guild in await memory.voting_guilds()
            if scope in ("", f"{platform}:{guild}")
            for name, tally in (await memory.tallies(guild)).items()
            if gif in ("", name)
        ]
        return answer(FeedbackAnswer(feedback=sorted(votes, key=lambda vote: (vote.scope, vote.id))))


def _address(request: Request) -> tuple[str, str]:
    return read_scope(request.path_params["scope"]), request.path_params["id"]


def _own_address(request: Request) -> tuple[str, str]:
    scope, gif = _address(request)
    if scope == SHIPPED:
        raise ApiError(403, "read_only", READ_ONLY)
    return scope, gif


def _compress(folder: Path, archive: Path) -> None:
    """Put a folder into an archive; GIFs do not get smaller, so nothing is compressed."""
    with zipfile.ZipFile(archive, "w") as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, path.relative_to(folder.parent))
