"""Who and what is there: people, servers, channels, and ids as Discord makes them."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from enum import IntFlag

EPOCH_MS = 1_420_070_400_000
PUBLIC_THREAD = 11
SHARD_BASE = 720_720 * 416_251  # a multiple of every number of shards up to 16


class Permission(IntFlag):
    """The permissions that matter to a bot that posts pictures."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    USE_EXTERNAL_EMOJIS = 1 << 18
    MANAGE_EXPRESSIONS = 1 << 30
    USE_APPLICATION_COMMANDS = 1 << 31
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EXTERNAL_APPS = 1 << 50


MEMBER = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.USE_EXTERNAL_APPS
)
MODERATOR = (
    MEMBER
    | Permission.MANAGE_GUILD
    | Permission.MANAGE_CHANNELS
    | Permission.MANAGE_MESSAGES
    | Permission.MANAGE_EXPRESSIONS
)


class Intent(IntFlag):
    """The gateway intents that decide which events a session is sent."""

    NONE = 0
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT


@dataclass(eq=False)
class Person:
    """A user: one of the people, or the bot itself."""

    id: int
    name: str
    permissions: int = MEMBER
    is_bot: bool = False
    locale: str = "en-US"

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False)
class Guild:
    """A server; the bot may be in it or not."""

    id: int
    name: str
    has_bot: bool = True
    locale: str = "en-US"
    channels: list[Channel] = field(default_factory=list)
    threads: list[Channel] = field(default_factory=list)
    members: list[Person] = field(default_factory=list)

    @property
    def moderator_role_id(self) -> int:
        return self.id + 1


@dataclass(eq=False)
class Channel:
    """A text channel of a server (type 0), a direct message (1), a group of people (3), a public thread (11).

    A thread has no permissions and no age limit of its own: those of its `home` hold.
    """

    id: int
    name: str
    guild: Guild | None = None
    type: int = 0
    is_nsfw: bool = False
    recipients: list[Person] = field(default_factory=list)
    bot_permissions: int = MEMBER
    has_bot: bool = True
    parent: Channel | None = None
    owner: Person | None = None

    @property
    def home(self) -> Channel:
        """The channel that a thread belongs to; any other belongs to itself."""
        return self.parent or self

    @property
    def context(self) -> int:
        """The interaction context: guild, bot DM or private channel."""
        return 0 if self.guild else 1 if self.has_bot else 2

    def bot_may(self, needed: Permission) -> bool:
        """Say whether the bot may do something here; to write in a thread is a permission of its own."""
        if not self.has_bot:
            return False
        if self.parent is not None and needed & Permission.SEND_MESSAGES:
            needed = needed & ~Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS
        may = self.home.bot_permissions
        return bool(may & Permission.ADMINISTRATOR) or may & needed == needed


class World:
    """A server with three people and two channels, one on the other shard, one without the bot, DMs."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.application_id = 1_100_000_000_000_000_001
        self.bot = Person(1_100_000_000_000_000_002, "repartee", is_bot=True)
        names = {"ann": MEMBER, "bob": MEMBER, "moderator": MODERATOR}
        self.people = {name: Person(self.snowflake(), name, may) for name, may in names.items()}
        self.channels: dict[int, Channel] = {}
        self.guilds: dict[int, Guild] = {}
        # The ids decide the shard, (id >> 22) % shards: of two, the first is on shard 1.
        self.guild = self._add_guild("The Parlour", 300_000_000_001)
        self.other_guild = self._add_guild("Next Door", 300_000_000_002)
        self.foreign_guild = self._add_guild("Elsewhere", 300_000_000_003, has_bot=False)
        self.channel = self.add_channel("general", self.guild)
        self.nsfw_channel = self.add_channel("after-dark", self.guild, is_nsfw=True)
        self.other_channel = self.add_channel("lobby", self.other_guild)
        self.foreign_channel = self.add_channel("far-away", self.foreign_guild)
        self.dms = {name: self._add_dm(person) for name, person in self.people.items()}
        self.private_channel = self._add_private()

    def snowflake(self) -> int:
        """Make an id of this moment."""
        return (int(time.time() * 1000) - EPOCH_MS) << 22 | next(self._numbers) & 0x3FFFFF

    def add_person(self, name: str, permissions: int = MEMBER) -> Person:
        """Let somebody else join every server."""
        person = self.people[name] = Person(self.snowflake(), name, permissions)
        for guild in self.guilds.values():
            guild.members.append(person)
        self.dms[name] = self._add_dm(person)
        return person

    def add_channel(self, name: str, guild: Guild, *, is_nsfw: bool = False) -> Channel:
        """Open a text channel (before the bot connects, or it will not have heard of it)."""
        channel = Channel(self.snowflake(), name, guild, is_nsfw=is_nsfw, has_bot=guild.has_bot)
        guild.channels.append(channel)
        return self._kept(channel)

    def add_thread(self, name: str, parent: Channel, owner: Person | None = None) -> Channel:
        """Open a public thread in a channel of a server (before the bot connects); Ann's, if not told.

        Raises:
            ValueError: where there can be none.
        """
        if parent.guild is None or parent.parent is not None:
            raise ValueError(f"{parent.name} is no channel of a server")
        thread = Channel(
            self.snowflake(),
            name,
            parent.guild,
            type=PUBLIC_THREAD,
            has_bot=parent.has_bot,
            parent=parent,
            owner=owner or self.people["ann"],
        )
        parent.guild.threads.append(thread)
        return self._kept(thread)

    def add_guild(self, name: str, number: int) -> Guild:
        """Open one more server with one channel; of n shards, shard `number % n` serves it."""
        guild = self._add_guild(name, SHARD_BASE + number)
        self.add_channel("general", guild)
        return guild

    def _add_guild(self, name: str, number: int, *, has_bot: bool = True) -> Guild:
        members = [*self.people.values(), *([self.bot] if has_bot else [])]
        guild = self.guilds[number << 22] = Guild(number << 22, name, has_bot, members=members)
        return guild

    def _add_dm(self, person: Person) -> Channel:
        return self._kept(Channel(self.snowflake(), person.name, type=1, recipients=[person]))

    def _add_private(self) -> Channel:
        both = [self.people["ann"], self.people["bob"]]
        channel = Channel(self.snowflake(), "ann and bob", type=1, recipients=both, has_bot=False)
        return self._kept(channel)

    def _kept(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        return channel
