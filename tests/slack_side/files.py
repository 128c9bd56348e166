"""Uploaded files: their tickets, their slow processing, where they are shared."""

from __future__ import annotations

import mimetypes
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tests.slack_side.world import Channel, Payload, World

SHOWN_AS_IMAGES = frozenset({"png", "jpg", "jpeg", "gif"})


@dataclass(frozen=True)
class Share:
    """Where a file is to be shared, or was."""

    channel: Channel
    thread_ts: str | None
    comment: str
    blocks: list[Payload] = field(default_factory=list)
    ts: str = ""


@dataclass(eq=False)
class StoredFile:
    """A file; it is seen by nobody before it is uploaded, completed and ready."""

    id: str
    name: str
    size: int
    alt_text: str
    url: str
    permalink: str
    title: str = ""
    data: bytes | None = field(default=None, repr=False)
    is_completed: bool = False
    is_ready: bool = False
    is_deleted: bool = False
    looks: int = 0
    waiting: list[Share] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    companions: Sequence[StoredFile] = ()

    @property
    def kind(self) -> str:
        return PurePosixPath(self.name).suffix.removeprefix(".").lower()

    @property
    def mimetype(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def payload(self, owner: str) -> Payload:
        """Describe the file; before it is ready, as little as Slack then says."""
        described: Payload = {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "user": owner,
            "size": self.size,
            "mimetype": self.mimetype if self.is_ready else "",
            "filetype": self.kind if self.is_ready else "",
            "pretty_type": self.kind.upper() if self.is_ready else "",
            "mode": "hosted",
            "url_private": self.url,
            "url_private_download": f"{self.url}?download=1",
            "permalink": self.permalink,
            "is_public": any(each.channel.kind == "channel" for each in self.shares),
            "shares": self._shares(),
            "channels": self._channels("channel"),
            "groups": self._channels("group"),
            "ims": self._channels("im"),
        }
        if self.alt_text:
            described["alt_txt"] = self.alt_text
        if self.is_ready and self.data is not None and self.kind == "gif":
            width, height = struct.unpack("<HH", self.data[6:10].ljust(4, b"\0"))
            described |= {"original_w": width, "original_h": height, "thumb_64": self.url}
        return described

    def _channels(self, kind: str) -> list[str]:
        return sorted({each.channel.id for each in self.shares if each.channel.kind == kind})

    def _shares(self) -> Payload:
        found: Payload = {}
        for share in self.shares:
            side = found.setdefault("public" if share.channel.kind == "channel" else "private", {})
            entry = {"ts": share.ts, "channel_name": share.channel.name, "share_user_id": ""}
            thread = {"thread_ts": share.thread_ts} if share.thread_ts else {}
            side.setdefault(share.channel.id, []).append(entry | thread)
        return found


class FileBook:
    """All files; how long their processing takes is set by a test."""

    def __init__(self, world: World, base_url: str) -> None:
        self._world, self._base_url = world, base_url
        self.all: dict[str, StoredFile] = {}
        self.ready_after_looks = 0
        self.is_held = False
        self.drops_shares = 0

    def open_ticket(self, name: str, size: int, alt_text: str) -> StoredFile:
        """Note a file that is to be uploaded."""
        file_id, team = self._world.new_id("F"), self._world.team_id
        url = f"{self._base_url}/files-pri/{team}-{file_id}/{name}"
        permalink = f"https://{self._world.domain}.slack.com/files/{self._world.bot.id}/{file_id}/{name}"
        file = self.all[file_id] = StoredFile(file_id, name, size, alt_text, url, permalink)
        return file

    def upload_url(self, file: StoredFile) -> str:
        return f"{self._base_url}/upload/v1/{file.id}"

    def get(self, file_id: str) -> StoredFile | None:
        """Find a file that has been completed and not deleted."""
        file = self.all.get(file_id)
        return file if file is not None and file.is_completed and not file.is_deleted else None

    def by_url(self, url: str) -> StoredFile | None:
        found = next((each for each in self.all.values() if url in {each.url, each.permalink}), None)
        return self.get(found.id) if found is not None else None

    def linked(self, text: str) -> list[StoredFile]:
        """List the ready files whose permalinks are in a text: posting one shares its file."""
        if "/files/" not in text:
            return []
        ready = [each for each in self.all.values() if each.is_ready and not each.is_deleted]
        return [each for each in ready if f"<{each.permalink}" in text or text == each.permalink]

    def problem(self, slack_file: Payload) -> str:
        """Say what is wrong with the slack_file of an image; nothing where it may be shown."""
        file_id, url = str(slack_file.get("id", "")), str(slack_file.get("url", ""))
        file = self.get(file_id) if file_id else self.by_url(url)
        is_shown = file is not None and file.is_ready and file.kind in SHOWN_AS_IMAGES
        return "" if is_shown else "invalid slack file"
