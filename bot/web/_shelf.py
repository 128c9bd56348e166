"""All GIFs in one list: own ones, the newest first, then those that came with the program."""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.library import Library
from bot.web._errors import ApiError
from bot.web._records import SHARED, SHIPPED, GifView, PackView
from bot.web.messages import UNKNOWN_GIF
from inference.catalogue import OwnGif, PackSummary
from inference.errors import PackError
from inference.frames import read_frames
from inference.pack import PackGif

if TYPE_CHECKING:
    from PIL import Image

STILLS = 1_000  # that are kept; about 10 kB each
STILL_EDGE = 320
LOOKED_AT = 5  # frames of a GIF


@dataclass(frozen=True)
class Item:
    """A GIF, where its file lies, and what people may search it by; `label` is name and tags."""

    view: GifView
    path: Path
    label: str
    words: str


@dataclass(frozen=True)
class Query:
    """Which GIFs are wanted; what is empty does not matter."""

    text: str = ""
    scope: str = ""
    pack: str = ""
    category: str = ""

    def takes(self, view: GifView) -> bool:
        """Whether a GIF is in that scope, pack and category."""
        return (
            self.scope in ("", view.scope)
            and self.pack in ("", view.pack)
            and (not self.category or self.category in view.categories)
        )


class Shelf:
    """Lists and finds GIFs; what the library says is kept until a pack changes."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = asyncio.Lock()
        self._packs: list[PackSummary] | None = None
        self._own: list[Item] = []
        self._shipped: list[Item] = []
        self._by_id: dict[str, list[Item]] = {}
        self._stills: OrderedDict[str, bytes] = OrderedDict()

    async def items(self) -> list[Item]:
        """Return all GIFs."""
        await self._refresh()
        return [*self._own, *self._shipped]

    async def search(self, query: Query) -> list[GifView]:
        """Return what fits; GIFs that have the words in name or tags come first."""
        found = [item for item in await self.items() if query.takes(item.view)]
        words = query.text.casefold().split()
        fitting = [item for item in found if all(word in item.words for word in words)]
        fitting.sort(key=lambda item: not all(word in item.label for word in words))
        return [item.view for item in fitting]

    async def get(self, scope: str, gif: str) -> Item:
        """Return a GIF of a scope.

        Raises:
            ApiError: 404, there is none.
        """
        await self._refresh()
        for item in self._by_id.get(gif, ()):
            if item.view.scope == scope:
                return item
        raise ApiError(404, "unknown_gif", UNKNOWN_GIF)

    async def seen_from(self, scope: str, gif: str) -> Item | None:
        """Return a GIF as a scope sees it, None where no pack of this host has it."""
        await self._refresh()
        found = {item.view.scope: item for item in self._by_id.get(gif, ())}
        return found.get(scope) or found.get(SHARED) or found.get(SHIPPED)

    async def path(self, gif: str) -> Path:
        """Return the file of a GIF that some pack has.

        Raises:
            ApiError: 404, there is none.
        """
        await self._refresh()
        for item in self._by_id.get(gif, ()):
            if await asyncio.to_thread(item.path.is_file):
                return item.path
        raise ApiError(404, "unknown_gif", UNKNOWN_GIF)

    async def still(self, gif: str) -> bytes:
        """Return a picture of a GIF that does not move, as PNG.

        Raises:
            ApiError: 404, there is none, or it cannot be read.
        """
        path = await self.path(gif)
        if gif not in self._stills:
            try:
                self._stills[gif] = await asyncio.to_thread(draw_still, path)
            except PackError as error:
                raise ApiError(404, "unknown_gif", UNKNOWN_GIF) from error
            while len(self._stills) > STILLS:
                self._stills.popitem(last=False)
        return self._stills[gif]

    async def packs(self) -> list[PackView]:
        """Return the packs, own ones first."""
        own = [
            PackView(scope=spoken_scope(pack.scope), name=pack.name, gifs=pack.gifs, bytes=pack.bytes)
            for pack in await self._library.packs()
        ]
        await self._refresh()
        names = [item.view.pack for item in self._shipped]
        return own + [
            PackView(scope=SHIPPED, name=name, gifs=names.count(name)) for name in dict.fromkeys(names)
        ]

    def view_of(self, gif: OwnGif) -> GifView:
        """Describe an own GIF."""
        return view(gif.entry, spoken_scope(gif.scope), gif.pack, size=gif.bytes, added_at=gif.added_at)

    async def _refresh(self) -> None:
        async with self._lock:
            if self._packs is None:
                shipped = await self._library.shipped()
                self._shipped = [
                    _item(view(gif, SHIPPED, folder.name), folder / gif.file) for folder, gif in shipped
                ]
            packs = await self._library.packs()
            if packs != self._packs:  # each change makes a version greater, a removal a number less
                own = await self._library.gifs()
                self._own = [_item(self.view_of(gif), self._library.path(gif)) for gif in reversed(own)]
                self._by_id = _by_id([*self._own, *self._shipped])
                self._packs = packs


def spoken_scope(scope: str) -> str:
    """Say a scope as the interface does."""
    return scope or SHARED


def inner_scope(spoken: str) -> str:
    """Return the scope as the library knows it."""
    return "" if spoken == SHARED else spoken


def view(entry: PackGif, scope: str, pack: str, *, size: int = 0, added_at: int = 0) -> GifView:
    """Describe a GIF."""
    return GifView(
        id=entry.id,
        scope=scope,
        pack=pack,
        name=entry.name,
        categories=entry.categories,
        tags=entry.tags,
        alt_text=entry.alt_text,
        rating=entry.rating,
        licence=entry.licence,
        url=f"/gifs/{entry.id}",
        still=f"/gifs/{entry.id}/still",
        text=entry.text,
        caption=entry.caption,
        bytes=size,
        added_at=added_at,
    )


def draw_still(path: Path) -> bytes:
    """Decode the frame of a GIF that shows most, as many begin and end with next to nothing.

    Raises:
        PackError: it cannot be read.
    """
    frame = max(read_frames(path, LOOKED_AT), key=_shown)
    frame.thumbnail((STILL_EDGE, STILL_EDGE))
    buffer = io.BytesIO()
    frame.save(buffer, "PNG")
    return buffer.getvalue()


def _shown(frame: Image.Image) -> tuple[float, float]:
    """How much of an RGBA picture is not transparent, and how varied it is."""
    opaque = frame.getchannel("A").histogram()[128:]
    return round(sum(opaque) / (frame.width * frame.height), 2), frame.convert("L").entropy()


def _item(view: GifView, path: Path) -> Item:
    label = " ".join((view.name, *view.tags)).casefold()
    more = (view.alt_text, view.text, view.caption, *(name.replace("_", " ") for name in view.categories))
    return Item(view, path, label, f"{label} {' '.join(more).casefold()}")


def _by_id(items: Sequence[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.view.id, []).append(item)
    return found
