"""The tools: each asks the service or the library, as the chats and the page do."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from pathlib import Path
from typing import Annotated

import msgspec
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent
from pydantic import BaseModel, Field

from bot.categories import read_categories
from bot.gentle import GENTLE
from bot.library import Library, has_words
from bot.mcp import _results, _words
from bot.mcp._results import (
    Added,
    Changed,
    FoundGifs,
    PackInfo,
    Packs,
    Rating,
    Reactions,
    StageInfo,
)
from inference.catalogue import GifChange
from inference.client import ReactionService
from inference.errors import MessageError
from inference.ingest import StageReport, Submission
from inference.protocol import Reaction, ReactReply, ReactRequest

PICTURE_KIB = 1024  # what an assistant is handed at most; base64 makes a third more of it
LINKS = ("http://", "https://")

Count = Annotated[int, Field(ge=1, le=50, description=_words.COUNT)]
Tag = Annotated[str, Field(max_length=60)]
Tags = Annotated[list[Tag] | None, Field(max_length=50, description=_words.TAGS)]
Categories = Annotated[list[str] | None, Field(description=_words.CATEGORIES)]
NewTags = Annotated[list[Tag] | None, Field(max_length=50, description=_words.NEW_TAGS)]
NewCategories = Annotated[list[str] | None, Field(description=_words.NEW_CATEGORIES)]
Wanted = Annotated[str, Field(min_length=1, description=_words.GIF)]
PackName = Annotated[str, Field(max_length=50, description=_words.NEW_PACK)]
PACK_NAME = re.compile(r"[^/\\\x00-\x1f\x7f-\x9f.\s][^/\\\x00-\x1f\x7f-\x9f]*")


class Tools:
    """The tools of one scope: they see what it sees, and what they add is seen there."""

    def __init__(self, service: ReactionService, library: Library, scope: str = "") -> None:
        self._service = service
        self._library = library
        self._scope = scope

    async def react(
        self,
        message: Annotated[str, Field(description=_words.MESSAGE)],
        k: Count = 3,
        mood: Annotated[str, Field(description=_words.MOOD)] = "",
        with_picture: Annotated[bool, Field(description=_words.WITH_PICTURE)] = False,
    ) -> Annotated[CallToolResult, Reactions]:
        """Rank GIFs for a message.

        Raises:
            ReparteeError: it cannot be answered.
        """
        moods = read_categories([mood])
        request = ReactRequest(text=message, k=k, categories=moods, scope=self._scope)
        reply = await self._service.react(request)
        if reply.is_held and not moods:
            reply = await self._service.react(msgspec.structs.replace(request, id="", categories=[*GENTLE]))
        notes = _notes(reply, has_mood=bool(moods))
        pictures: list[ContentBlock] = []
        if with_picture and reply.reactions:
            picture = await asyncio.to_thread(_picture, reply.reactions[0])
            if isinstance(picture, str):
                notes.append(picture)
            else:
                pictures.append(picture)
        return _result(_results.reactions(reply, notes), *pictures)

    async def find_gifs(
        self,
        text: Annotated[str, Field(description=_words.WORDS)] = "",
        pack: Annotated[str, Field(description=_words.PACK)] = "",
        limit: Annotated[int, Field(ge=1, le=200, description=_words.LIMIT)] = 20,
    ) -> FoundGifs:
        """Look GIFs up by words.

        Raises:
            ReparteeError: a pack cannot be read.
        """
        found = [
            _results.own(gif, self._library.path(gif))
            for scope in self._scopes
            for gif in await self._library.gifs(scope, pack, text)
        ]
        words = text.casefold().split()
        for folder, entry in await self._library.shipped():
            gif = _results.shipped(folder, entry)
            if pack in ("", gif.pack) and has_words(entry, words):
                found.append(gif)
        return FoundGifs(gifs=found[:limit], total=len(found))

    async def list_packs(self) -> Packs:
        """List the packs.

        Raises:
            ReparteeError: one cannot be read.
        """
        counts: dict[Path, int] = {}
        for folder, _ in await self._library.shipped():
            counts[folder] = counts.get(folder, 0) + 1
        packs = [
            PackInfo(name=folder.name, gifs=count, is_own=False, is_shared=True)
            for folder, count in counts.items()
        ]
        for scope in self._scopes:
            for pack in await self._library.packs(scope):
                packs.append(PackInfo(name=pack.name, gifs=pack.gifs, is_own=True, is_shared=not scope))
        return Packs(packs=packs)

    async def add_gif(
        self,
        path_or_url: Annotated[str, Field(min_length=1, description=_words.SOURCE)],
        tags: Tags = None,
        categories: Categories = None,
        name: Annotated[str, Field(max_length=100, description=_words.NAME)] = "",
        alt_text: Annotated[str, Field(max_length=1000, description=_words.ALT_TEXT)] = "",
        pack: PackName = "own",
        licence: Annotated[str, Field(max_length=100, description=_words.LICENCE)] = "unknown",
    ) -> Added:
        """Take a GIF in.

        Raises:
            ReparteeError: it is not taken in.
        """
        submission = Submission(
            path=path_or_url,
            label=path_or_url,
            scope=self._scope,
            pack=_pack_name(pack),
            name=name.strip(),
            tags=_cleaned(tags or []),
            categories=read_categories(categories or []),
            alt_text=alt_text.strip(),
            licence=licence.strip() or "unknown",
        )
        stages: list[StageReport] = []
        if path_or_url.lower().startswith(LINKS):
            gif = await self._library.add_url(path_or_url, submission, stages.append)
        else:
            path = await asyncio.to_thread(_local_file, path_or_url)
            file = msgspec.structs.replace(submission, path=str(path), label=path.name)
            gif = await self._library.add(file, stages.append)
        return Added(
            gif=_results.own(gif, self._library.path(gif)),
            stages=[StageInfo(stage=one.stage, ms=round(one.ms, 1), note=one.note) for one in stages],
        )

    async def edit_gif(
        self,
        gif: Wanted,
        name: Annotated[str | None, Field(max_length=100, description=_words.NEW_NAME)] = None,
        tags: NewTags = None,
        categories: NewCategories = None,
        alt_text: Annotated[str | None, Field(max_length=1000, description=_words.NEW_ALT_TEXT)] = None,
        rating: Annotated[Rating | None, Field(description=_words.NEW_RATING)] = None,
        pack: Annotated[str | None, Field(max_length=50, description=_words.OTHER_PACK)] = None,
    ) -> Changed:
        """Change what is said of a GIF.

        Raises:
            ReparteeError: there is no such GIF, or the change makes no sense.
        """
        known = None if categories is None else read_categories(categories)
        if known == []:
            raise MessageError(_words.NO_CATEGORIES)
        change = GifChange(
            name=_kept("name", name),
            tags=None if tags is None else _cleaned(tags),
            categories=known,
            alt_text=None if alt_text is None else alt_text.strip(),
            rating=rating,
            pack=None if pack is None else _pack_name(pack),
        )
        if change == GifChange():
            raise MessageError(_words.NO_CHANGE)
        found = await self._library.find(self._scope, gif)
        changed = await self._library.edit(self._scope, found.id, change)
        return Changed(gif=_results.own(changed, self._library.path(changed)))

    async def remove_gif(self, gif: Wanted) -> Changed:
        """Remove a GIF.

        Raises:
            ReparteeError: there is no such GIF.
        """
        found = await self._library.find(self._scope, gif)
        removed = await self._library.remove(self._scope, found.id)
        return Changed(gif=_results.own(removed, self._library.path(removed)))

    @property
    def _scopes(self) -> tuple[str, ...]:
        """What is seen here: this scope and what everybody sees."""
        return (self._scope, "") if self._scope else ("",)


def _notes(reply: ReactReply, *, has_mood: bool) -> list[str]:
    notes = []
    if reply.is_held:
        words = _words.GRAVE_MOOD if has_mood else _words.GRAVE
        notes.append(words.format(hold=reply.hold))
    if not reply.reactions:
        notes.append(_words.NO_GIF)
    return notes


def _picture(reaction: Reaction) -> ImageContent | str:
    """Return the GIF as an image, or why not."""
    path, reason = Path(reaction.file), _words.PICTURE_ELSEWHERE
    try:
        if path.stat().st_size <= PICTURE_KIB * 1024:
            data = base64.b64encode(path.read_bytes()).decode()
            return ImageContent(data=data, mime_type="image/gif")
        reason = _words.PICTURE_TOO_LARGE.format(limit=PICTURE_KIB)
    except OSError:
        pass
    return _words.NO_PICTURE.format(reason=reason, file=reaction.file)


def _result(answer: BaseModel, *pictures: ContentBlock) -> CallToolResult:
    """Give an answer as data, and as text for those who read no data."""
    text = TextContent(text=answer.model_dump_json(indent=2))
    return CallToolResult(content=[text, *pictures], structured_content=answer.model_dump(mode="json"))


def _local_file(said: str) -> Path:
    path = os.path.expanduser(said)
    if not os.path.isfile(path):  # a Path would raise where a name is too long, or of nobody here
        raise MessageError(_words.NO_FILE.format(path=said))
    return Path(path).resolve()


def _cleaned(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))


def _pack_name(said: str) -> str:
    name = said.strip()
    if not PACK_NAME.fullmatch(name):
        raise MessageError(_words.BAD_PACK.format(pack=said))
    return name


def _kept(field: str, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise MessageError(_words.BLANK.format(field=field))
    return None if value is None else value.strip()
