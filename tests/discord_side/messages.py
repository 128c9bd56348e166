"""The messages that people and the bot have written, as the stand-in holds and shows them."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntFlag

from tests.discord_side import components as parts
from tests.discord_side import payloads
from tests.discord_side.contract import Payload
from tests.discord_side.world import Channel, Person, World


class Flag(IntFlag):
    """Message flags."""

    NONE = 0
    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SILENT = 1 << 12
    COMPONENTS_V2 = 1 << 15


DEFAULT, REPLY, SLASH_REPLY, MENU_REPLY = 0, 19, 20, 23


@dataclass(frozen=True)
class Upload:
    """A file as it is sent."""

    filename: str
    data: bytes = field(repr=False)


@dataclass
class StoredFile:
    """A file of a message; the stand-in serves it at its url."""

    id: int
    filename: str
    data: bytes = field(repr=False)
    url: str
    description: str | None = None

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def content_type(self) -> str:
        return mimetypes.guess_type(self.filename)[0] or "application/octet-stream"

    def attachment(self, *, is_ephemeral: bool = False) -> Payload:
        described = {} if self.description is None else {"description": self.description}
        ephemeral = {"ephemeral": True} if is_ephemeral else {}
        return {
            "id": str(self.id),
            "filename": self.filename,
            "size": self.size,
            "url": self.url,
            "proxy_url": self.url,
            "content_type": self.content_type,
            **described,
            **ephemeral,
        }

    def media(self) -> Payload:
        """Describe the file as a component's medium."""
        return {
            "id": str(self.id),
            "attachment_id": str(self.id),
            "url": self.url,
            "proxy_url": self.url,
            "width": None,
            "height": None,
            "content_type": self.content_type,
        }


@dataclass(eq=False)
class ShownMessage:
    """A message as it stands now; `versions` holds what it was before each edit."""

    id: int
    channel: Channel
    author: Person
    content: str = ""
    components: list[Payload] = field(default_factory=list)
    embeds: list[Payload] = field(default_factory=list)
    attachments: list[StoredFile] = field(default_factory=list)
    flags: Flag = Flag.NONE
    type: int = DEFAULT
    reference: ShownMessage | None = None
    allowed_mentions: Payload | None = None
    mentions: list[Person] = field(default_factory=list)
    nonce: str | int | None = None
    interaction: Payload | None = None
    application_id: int | None = None
    sent_at: str = field(default_factory=payloads.now)
    edited_at: str | None = None
    is_deleted: bool = False
    reactions: dict[str, set[int]] = field(default_factory=dict)
    versions: list[Payload] = field(default_factory=list)

    @property
    def is_ephemeral(self) -> bool:
        return Flag.EPHEMERAL in self.flags

    @property
    def is_loading(self) -> bool:
        return Flag.LOADING in self.flags

    @property
    def is_components_v2(self) -> bool:
        return Flag.COMPONENTS_V2 in self.flags

    @property
    def is_silent(self) -> bool:
        return Flag.SILENT in self.flags

    @property
    def buttons(self) -> list[str]:
        """The labels of the buttons that can be pressed, in order."""
        controls = [each for each in parts.walk(self.components) if each["type"] == parts.BUTTON]
        return [
            str(each.get("label") or each["emoji"]["name"]) for each in controls if not each.get("disabled")
        ]

    @property
    def texts(self) -> list[str]:
        """All that is to be read: the content, else the text displays."""
        return [self.content] if self.content else parts.texts(self.components)

    @property
    def shown_files(self) -> list[StoredFile]:
        """The files that components show, in the order in which they show them."""
        by_url = {file.url: file for file in self.attachments}
        return [by_url[medium["url"]] for medium in parts.media(self.components) if medium["url"] in by_url]

    @property
    def alt_texts(self) -> list[str | None]:
        """The descriptions beside the media of components, else those of the files."""
        items = [
            item
            for component in parts.walk(self.components)
            for item in ([component] if component["type"] == parts.THUMBNAIL else component.get("items", []))
        ]
        return [item["description"] for item in items] or [file.description for file in self.attachments]

    def payload(self) -> Payload:
        """Describe the message as Discord does.

        Files that components or embeds show are not in `attachments` (discord-api-docs#8277).
        """
        shown = {medium["url"] for medium in parts.media(self.components)}
        shown |= {
            embed[key]["url"] for embed in self.embeds for key in ("image", "thumbnail") if key in embed
        }
        files = [file for file in self.attachments if file.url not in shown]
        return {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "type": self.type,
            "author": payloads.user(self.author),
            "content": self.content,
            "components": self.components,
            "embeds": self.embeds,
            "attachments": [file.attachment(is_ephemeral=self.is_ephemeral) for file in files],
            "flags": int(self.flags),
            "timestamp": self.sent_at,
            "edited_timestamp": self.edited_at,
            "mentions": [payloads.user(person) for person in self.mentions],
            "mention_roles": [],
            "mention_everyone": False,
            "pinned": False,
            "tts": False,
            **dict(self._optional()),
        }

    def _optional(self) -> Iterator[tuple[str, object]]:
        if self.nonce is not None:
            yield "nonce", self.nonce
        if self.application_id is not None:
            yield "application_id", str(self.application_id)
        if self.interaction is not None:
            yield "webhook_id", str(self.application_id)
            yield "interaction_metadata", self.interaction
        if self.reference is not None:
            yield "message_reference", _reference(self.reference)
            yield "referenced_message", None if self.reference.is_deleted else self.reference.payload()
        if self.reactions:
            yield (
                "reactions",
                [_reaction(emoji, people) for emoji, people in self.reactions.items() if people],
            )


class MessageBook:
    """All messages, by id and by channel, and their files."""

    def __init__(self, world: World, cdn_url: str) -> None:
        self._world = world
        self._cdn_url = cdn_url
        self._messages: dict[int, ShownMessage] = {}
        self._by_nonce: dict[tuple[int, str], ShownMessage] = {}
        self.files: dict[int, StoredFile] = {}

    def store(self, upload: Upload, channel_id: int, description: str | None = None) -> StoredFile:
        file_id = self._world.snowflake()
        url = f"{self._cdn_url}/attachments/{channel_id}/{file_id}/{upload.filename}"
        self.files[file_id] = StoredFile(file_id, upload.filename, upload.data, url, description)
        return self.files[file_id]

    def add(self, message: ShownMessage) -> None:
        message.mentions = self._mentioned(message)
        self._messages[message.id] = message
        if message.nonce is not None:
            self._by_nonce[message.channel.id, str(message.nonce)] = message

    def of_nonce(self, channel: Channel, nonce: object) -> ShownMessage | None:
        return self._by_nonce.get((channel.id, str(nonce)))

    def get(self, message_id: int) -> ShownMessage | None:
        """Find a message that is not deleted, ephemeral ones too."""
        message = self._messages.get(message_id)
        return None if message is None or message.is_deleted else message

    def in_channel(self, channel: Channel) -> list[ShownMessage]:
        """List what everybody in a channel sees, oldest first."""
        return [
            message
            for message in self._messages.values()
            if message.channel is channel and not message.is_deleted and not message.is_ephemeral
        ]

    def _mentioned(self, message: ShownMessage) -> list[Person]:
        ids = {int(number) for number in re.findall(r"<@!?(\d+)>", message.content)}
        everyone = {person.id: person for person in (self._world.bot, *self._world.people.values())}
        known = [person for number, person in everyone.items() if number in ids]
        return [*known, *(person for person in message.mentions if person not in known)]


def _reference(message: ShownMessage) -> Payload:
    guild = {} if message.channel.guild is None else {"guild_id": str(message.channel.guild.id)}
    return {"type": 0, "message_id": str(message.id), "channel_id": str(message.channel.id), **guild}


def _reaction(emoji: str, people: set[int]) -> Payload:
    return {
        "emoji": {"id": None, "name": emoji},
        "count": len(people),
        "count_details": {"burst": 0, "normal": len(people)},
        "burst_colors": [],
        "me": False,
        "me_burst": False,
    }
