"""The messages that people and the bot have written, as everybody or one person sees them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.discord_side.bell import Bell
from tests.slack_side.files import StoredFile
from tests.slack_side.surfaces import Surface
from tests.slack_side.world import Channel, Payload, Person, World


@dataclass(eq=False)
class ShownMessage(Surface):
    """A message on somebody's screen; with a `reader`, only that person sees it.

    `shown_at` is a `time.perf_counter`, as is `Envelope.sent_at`.
    """

    ts: str = ""
    channel: Channel = field(default_factory=lambda: Channel("", ""))
    author: Person = field(default_factory=lambda: Person("", ""))
    text: str = ""
    thread_ts: str | None = None
    files: list[StoredFile] = field(default_factory=list)
    subtype: str | None = None
    reader: Person | None = None
    metadata: Payload | None = None
    is_broadcast: bool = False
    shown_at: float = 0.0
    is_deleted: bool = False
    edited_ts: str | None = None
    versions: list[Payload] = field(default_factory=list)
    reactions: dict[str, list[Person]] = field(default_factory=dict)
    more: Payload = field(default_factory=dict)

    @property
    def is_ephemeral(self) -> bool:
        return self.reader is not None

    @property
    def file_alt_texts(self) -> list[str]:
        """The alternative texts of its files."""
        return [each.alt_text for each in self.files]

    @property
    def thread(self) -> str:
        """The time stamp to answer in its thread."""
        return self.thread_ts or self.ts

    def payload(self) -> Payload:
        """Describe it as the API does."""
        described: Payload = {"type": "message", "user": self.author.id, "text": self.text, "ts": self.ts}
        if self.author.is_bot:
            described |= {"bot_id": self.author.bot_id, "app_id": self.more.get("app_id", "")}
        if self.subtype:
            described["subtype"] = self.subtype
        if self.thread_ts:
            described["thread_ts"] = self.thread_ts
        if self.blocks:
            described["blocks"] = self.blocks
        if self.files:
            described["files"] = [file.payload(self.author.id) for file in self.files]
        if self.edited_ts:
            described["edited"] = {"user": self.author.id, "ts": self.edited_ts}
        if self.metadata is not None:
            described["metadata"] = self.metadata
        if self.reactions:
            described["reactions"] = [
                {"name": name, "users": [each.id for each in people], "count": len(people)}
                for name, people in self.reactions.items()
            ]
        return {**described, **self.more}

    def change(self, **changes: Any) -> None:
        """Put something else in its place; what it was stays in `versions`."""
        self.versions.append(self.payload())
        for name, value in changes.items():
            setattr(self, name, value)
        self.chosen.clear()


class MessageBook:
    """All messages in the order they came; rings at every change."""

    def __init__(self, world: World, bell: Bell) -> None:
        self._world, self.bell = world, bell
        self._by_channel: dict[str, dict[str, ShownMessage]] = {}

    def add(self, message: ShownMessage) -> ShownMessage:
        message.shown_at = time.perf_counter()
        self._by_channel.setdefault(message.channel.id, {})[message.ts] = message
        self.bell.ring()
        return message

    def get(self, channel: Channel, ts: str) -> ShownMessage | None:
        """Find a message that everybody sees."""
        message = self._by_channel.get(channel.id, {}).get(ts)
        return None if message is None or message.is_ephemeral or message.is_deleted else message

    def in_channel(self, channel: Channel) -> list[ShownMessage]:
        """List what everybody sees, threads included, oldest first."""
        return [each for each in self._living(channel) if not each.is_ephemeral]

    def ephemerals(self, reader: Person, channel: Channel) -> list[ShownMessage]:
        """List what only one person sees in a channel, oldest first."""
        return [each for each in self._living(channel) if each.reader is reader]

    def since(self, channel: Channel, ts: str) -> list[ShownMessage]:
        """List what anybody sees there that is newer, oldest first."""
        newest_first = reversed(self._by_channel.get(channel.id, {}).values())
        newer = itertools.takewhile(lambda message: message.ts > ts, newest_first)
        return [each for each in newer if not each.is_deleted][::-1]

    def replies(self, channel: Channel, ts: str) -> list[ShownMessage]:
        """List a thread: its parent, then the answers."""
        in_thread = [each for each in self.in_channel(channel) if ts in {each.ts, each.thread_ts}]
        return sorted(in_thread, key=lambda message: message.ts)

    def has_thread(self, channel: Channel, ts: str) -> bool:
        return bool(self.replies(channel, ts))

    def _living(self, channel: Channel) -> Sequence[ShownMessage]:
        return [each for each in self._by_channel.get(channel.id, {}).values() if not each.is_deleted]
