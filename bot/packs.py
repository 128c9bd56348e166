"""The pack of a server: its people add, change, list and remove GIFs; the same for all chats."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot import messages
from bot.categories import read_categories
from bot.errors import PackWishError
from bot.library import Library
from bot.moods import spoken
from inference.catalogue import GifChange, OwnGif
from inference.errors import BusyError, MessageError, RefusedError, ServiceError
from inference.ingest import MIB, Limits, Submission
from inference.protocol import Reaction
from inference.wording import legible

PER_PAGE = 15
MOST_FILES = 5
MOST_TAGS, TAG_LETTERS, NAME_LETTERS, ALT_LETTERS = 20, 40, 80, 1000
AT_ONCE = 4  # the library has eight threads, and reading needs some
PATIENCE_S = 300.0
FIELDS = ("name", "tags", "categories", "alt_text")  # of a wish
MAX_BYTES = Limits().file_bytes
KINDS = {
    "image/gif": "gif",
    "image/webp": "webp",
    "image/png": "png",
    "image/apng": "png",
    "video/mp4": "mp4",
}
SUFFIXES = tuple(f".{kind}" for kind in sorted({*KINDS.values(), "apng", "m4v"}))

Fetch = Callable[[Path], Awaitable[object]]
Escape = Callable[[str], str]


@dataclass(frozen=True)
class Wish:
    """What somebody says of a GIF; what is empty is made up, or stays."""

    name: str = ""
    tags: Sequence[str] = ()
    categories: Sequence[str] = ()
    alt_text: str = ""


@dataclass(frozen=True)
class Added:
    """A GIF of the pack, and how many it has."""

    gif: OwnGif
    count: int
    limit: int


@dataclass(frozen=True)
class Shelf:
    """A page of the pack, the newest GIF first."""

    gifs: Sequence[OwnGif]
    page: int
    pages: int
    count: int
    limit: int


class OwnPacks:
    """Keeps the packs of all servers of a bot; of one server it takes in one GIF at a time."""

    def __init__(self, library: Library, limit: int, *, patience_s: float = PATIENCE_S) -> None:
        """Prepare.

        Args:
            library: the packs; what it takes in is held to the same limit.
            limit: GIFs of a server, at most.
            patience_s: how long somebody waits for others who add something.
        """
        self._library = library
        self._limit = limit
        self._patience_s = patience_s
        self._scopes: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def add(self, scope: str, label: str, wish: Wish, fetch: Fetch) -> Added:
        """Add a file; `fetch` writes it to the path that it is given.

        Raises:
            RefusedError: it is not taken in; the text says why.
            PackWishError: nothing can be taken in.
            BusyError: too many wait already.
        """
        async with self._turn(scope):
            with tempfile.TemporaryDirectory(prefix="repartee-") as folder:
                path = Path(folder) / "gif"
                await fetch(path)
                gif = await self._library.add(_submission(scope, label, wish, str(path)))
        return await self._counted(scope, gif)

    async def add_url(self, scope: str, url: str, wish: Wish) -> Added:
        """Add what is behind a link.

        Raises:
            RefusedError: it is not taken in, or leads nowhere where it may; the text says why.
            PackWishError: nothing can be taken in.
            BusyError: too many wait already.
        """
        async with self._turn(scope):
            gif = await self._library.add_url(url, _submission(scope, "", wish))
        return await self._counted(scope, gif)

    async def change(self, scope: str, gif: str, wish: Wish, shown: Wish | None = None) -> Added:
        """Change what is said of a GIF; tags are replaced, an alt text that is emptied is made up again.

        Name and categories stay where nothing is said, and all stays that is as a form has `shown` it: what
        was made up would otherwise count as written by a person.

        Raises:
            UnknownGifError: there is none.
        """
        return await self._counted(scope, await self._library.edit(scope, gif, _change(wish, shown)))

    async def find(self, scope: str, wanted: str) -> Added:
        """Return a GIF by its name, its id or the beginning of that.

        Raises:
            UnknownGifError: there is none, or there are several.
        """
        return await self._counted(scope, await self._library.find(scope, wanted.strip()))

    async def remove(self, scope: str, wanted: str) -> Added:
        """Remove a GIF; its name, its id or the beginning of that says which.

        Raises:
            UnknownGifError: there is none, or there are several.
        """
        gif = await self._library.find(scope, wanted.strip())
        return await self._counted(scope, await self._library.remove(scope, gif.id))

    async def shelf(self, scope: str, page: int = 0) -> Shelf:
        """Return a page of the pack."""
        gifs = (await self._library.gifs(scope))[::-1]
        pages = max(1, -(-len(gifs) // PER_PAGE))
        page = min(max(page, 0), pages - 1)
        return Shelf(gifs[page * PER_PAGE :][:PER_PAGE], page, pages, len(gifs), self._limit)

    async def suggest(self, scope: str, typed: str) -> list[OwnGif]:
        """List GIFs for what was typed so far, those whose names begin with it first."""
        found = await self._library.gifs(scope, text=typed)
        said = typed.casefold().strip()
        return sorted(found, key=lambda gif: not gif.entry.name.casefold().startswith(said))

    def reaction(self, gif: OwnGif) -> Reaction:
        """Return what an adapter shows of a GIF."""
        entry = gif.entry
        return Reaction(
            id=gif.id,
            file=str(self._library.path(gif)),
            name=entry.name,
            categories=entry.categories,
            alt_text=entry.alt_text,
            score=0.0,
            confidence=0.0,
            why="",
            code_point="",
            rating=entry.rating,
        )

    async def _counted(self, scope: str, gif: OwnGif) -> Added:
        packs = await self._library.packs(scope)
        return Added(gif, sum(pack.gifs for pack in packs), self._limit)

    @contextlib.asynccontextmanager
    async def _turn(self, scope: str) -> AsyncIterator[None]:
        """Hold the only place of a server, and one of a few of all; the engine's own failures are told."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._patience_s):
                    await stack.enter_async_context(self._scopes[scope])
                    await stack.enter_async_context(self._room)
            except TimeoutError:
                raise BusyError(messages.PACK_BUSY) from None
            try:
                yield
            except ServiceError as error:
                raise PackWishError(str(error)) from error


def read_wish(name: str = "", tags: str = "", category: str = "", alt_text: str = "") -> Wish:
    """Read what somebody typed of a GIF; tags and categories are parted by commas.

    Raises:
        PackWishError: there is no such category, or there are too many.
    """
    try:
        categories = read_categories(category.split(","))
    except MessageError as error:
        raise PackWishError(str(error)) from error
    return Wish(
        legible(_one_line(name))[:NAME_LETTERS],
        read_tags(tags),
        categories,
        legible(_one_line(alt_text))[:ALT_LETTERS],
    )


def read_tags(said: str) -> list[str]:
    """Part tags at commas, lines and number signs, each once."""
    tags = (_one_line(part)[:TAG_LETTERS] for part in re.split(r"[,;#\n]", said))
    return list(dict.fromkeys(tag for tag in tags if tag))[:MOST_TAGS]


def is_kind(media_type: str, name: str) -> bool:
    """Whether a file may be a moving picture, by what the chat says of it."""
    return media_type.partition(";")[0].strip().lower() in KINDS or name.lower().endswith(SUFFIXES)


def check_size(label: str, size: int) -> None:
    """Refuse a file that is too large, before it is fetched.

    Raises:
        RefusedError: it is.
    """
    if size > MAX_BYTES:
        raise RefusedError(messages.PACK_TOO_LARGE.format(name=label, limit=MAX_BYTES // MIB), "too_large")


def told(added: Added, head: str, escape: Escape, adult: str) -> str:
    """Say of a GIF what it is called and what is known of it; `adult` where it is not for everybody."""
    entry = added.gif.entry
    lines = [
        head.format(name=escape(entry.name)),
        messages.PACK_KIND.format(categories=", ".join(map(spoken, entry.categories))),
        messages.PACK_TAGS.format(tags=escape(", ".join(entry.tags)))
        if entry.tags
        else messages.PACK_NO_TAGS,
        messages.PACK_ALT_TEXT.format(alt_text=escape(entry.alt_text)),
        *([adult] if entry.rating == "r" else []),
        messages.PACK_COUNT.format(count=added.count, limit=added.limit),
    ]
    return "\n".join(lines)


def listed(shelf: Shelf, escape: Escape) -> str:
    """Write a page of the pack, a line a GIF."""
    if not shelf.count:
        return messages.PACK_EMPTY.format(menu=messages.PACK_MENU)
    head = messages.PACK_LIST.format(count=shelf.count, limit=shelf.limit)
    page = messages.PAGE.format(page=shelf.page + 1, pages=shelf.pages)
    lines = [_line(gif, escape) for gif in shelf.gifs]
    return "\n".join([head, *lines, *([messages.NOTE.format(note=page)] if shelf.pages > 1 else [])])


def _line(gif: OwnGif, escape: Escape) -> str:
    tags = f" · {escape(_cut(', '.join(gif.entry.tags), 40))}" if gif.entry.tags else ""
    return f"`{gif.id[:8]}` **{escape(_cut(gif.entry.name, 30))}**{tags}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _change(wish: Wish, shown: Wish | None) -> GifChange:
    is_same = {field: shown is not None and getattr(wish, field) == getattr(shown, field) for field in FIELDS}
    return GifChange(
        name=None if is_same["name"] else wish.name or None,
        tags=None if is_same["tags"] else list(wish.tags),
        categories=None if is_same["categories"] else list(wish.categories) or None,
        alt_text=None if is_same["alt_text"] else wish.alt_text,
    )


def _submission(scope: str, label: str, wish: Wish, path: str = "") -> Submission:
    return Submission(
        path=path,
        label=label,
        scope=scope,
        name=wish.name,
        tags=list(wish.tags),
        categories=list(wish.categories),
        alt_text=wish.alt_text,
    )
