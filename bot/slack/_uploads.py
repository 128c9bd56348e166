"""GIFs in a workspace: each is uploaded once, and used by its id and its permalink from then on."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from pathlib import Path

import msgspec
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import NoGifError
from bot.memory import Memory
from bot.slack._words import FILE_ALT_TEXT
from inference.errors import ServiceError
from inference.protocol import Reaction
from inference.wording import fitted_alt_text

LOOKS = 40
LOST = frozenset({"file_not_found", "file_deleted"})
HIDDEN = frozenset({"tombstone", "hidden_by_limit"})
FIRST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.5
UNREADY = "Slack did not finish processing a GIF: try again in a moment."


class SlackFile(msgspec.Struct, frozen=True):
    """A file in the workspace; a message with its permalink shares it."""

    id: str
    permalink: str


class Uploads:
    """The GIFs that a workspace has."""

    def __init__(self, client: AsyncWebClient, memory: Memory, team: str) -> None:
        self._client = client
        self._memory = memory
        self._team = team
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def file_of(self, reaction: Reaction) -> SlackFile:
        """Return the file of a GIF, uploaded now if the workspace does not have it.

        Raises:
            NoGifError: the GIF is gone from this host.
            ServiceError: Slack does not get it ready.
            SlackApiError: Slack refuses it.
        """
        async with self._locks[reaction.id]:
            known = await self._memory.note(key_of(self._team, reaction))
            if known:
                return msgspec.json.decode(known, type=SlackFile)
            uploaded = await self._upload(reaction)
            await self._memory.make_note(key_of(self._team, reaction), msgspec.json.encode(uploaded).decode())
            return uploaded

    async def living_file_of(self, reaction: Reaction) -> SlackFile:
        """Return the file of a GIF as `file_of` does, but upload it anew where somebody has deleted it."""
        file = await self.file_of(reaction)
        try:
            found = (await self._client.files_info(file=file.id))["file"]
        except SlackApiError as error:
            if error.response["error"] not in LOST:
                raise
            found = {"mode": "tombstone"}
        if found.get("mode") not in HIDDEN:
            return file
        await self.forget(reaction)
        return await self.file_of(reaction)

    async def forget(self, reaction: Reaction) -> None:
        """Upload a GIF anew next time, as the workspace no longer has it."""
        await self._memory.drop_note(key_of(self._team, reaction))

    async def _upload(self, reaction: Reaction) -> SlackFile:
        try:
            content = await asyncio.to_thread(Path(reaction.file).read_bytes)
        except OSError as error:
            raise NoGifError from error
        answer = await self._client.files_upload_v2(
            filename=f"{Path(reaction.file).stem}.gif",
            title=reaction.name,
            content=content,
            alt_txt=_alt_text(reaction),
        )
        file: dict[str, str] = answer["files"][0]
        wait_s = FIRST_LOOK_S
        for _ in range(LOOKS):  # Slack answers before it has looked at the file
            found = (await self._client.files_info(file=file["id"]))["file"]
            if found.get("mimetype"):
                return SlackFile(file["id"], found["permalink"])
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_LOOK_S)
        raise ServiceError(UNREADY)


def _alt_text(reaction: Reaction) -> str:
    return fitted_alt_text(reaction.alt_text, reaction.name, FILE_ALT_TEXT)


def key_of(team: str, reaction: Reaction) -> str:
    """Return what a file is remembered by; the alt text of one cannot be changed, so it is part of that."""
    digest = hashlib.sha256(_alt_text(reaction).encode(errors="replace")).hexdigest()[:16]
    return f"file:{team}:{reaction.id}:{digest}"
