"""The workspace: people, the bot, channels with or without the bot, direct messages, and ids."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Payload = dict[str, Any]


@dataclass(eq=False)
class Person:
    """A user of the workspace; the bot and other apps are users too."""

    id: str
    name: str
    is_admin: bool = False
    bot_id: str | None = None
    tz: str = "Europe/Amsterdam"
    tz_offset_s: int = 3600
    locale: str = "en-US"

    @property
    def is_bot(self) -> bool:
        return self.bot_id is not None

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False)
class Channel:
    """A conversation; `kind` is channel, group (private), im or mpim."""

    id: str
    name: str
    kind: str = "channel"
    members: list[Person] = field(default_factory=list)
    is_archived: bool = False

    @property
    def is_dm(self) -> bool:
        return self.kind == "im"

    @property
    def shown_name(self) -> str:
        """The name that slash commands and actions carry."""
        return {"channel": self.name, "group": "privategroup", "im": "directmessage"}.get(
            self.kind, self.name
        )

    @property
    def counterpart(self) -> Person:
        """The person of a direct message."""
        return next(each for each in self.members if not each.is_bot)


class World:
    """Ann, bob and the admin; general, random, a private channel, one without the bot, one archived, DMs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._numbers, self._last_ts_us = clock, itertools.count(1), 0
        self.team_id, self.team_name, self.domain = "T012PARLOUR", "The Parlour", "parlour"
        self.app_id, self.verification_token = "A012REPARTEE", "verification-token"
        self.bot = Person("U012REPARTEE", "repartee", bot_id="B012REPARTEE")
        self.other_bot = Person("U012OTHERBOT", "otherbot", bot_id="B012OTHERBOT")
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.dms: dict[str, Channel] = {}
        for name in ("ann", "bob", "admin"):
            self.add_person(name, is_admin=name == "admin")
        self.general, self.random = self.add_channel("general"), self.add_channel("random")
        self.private = self.add_channel("secret", kind="group")
        self.foreign = self.add_channel("elsewhere", has_bot=False)
        self.foreign_private = self.add_channel("far-away", kind="group", has_bot=False)
        self.archived = self.add_channel("attic")
        self.archived.is_archived = True

    def new_id(self, letter: str) -> str:
        """Make an id of a kind: C, D, U, F, V, Ev."""
        return f"{letter}0{next(self._numbers):09d}"

    def new_ts(self) -> str:
        """Make a time stamp, unique and rising: what Slack identifies messages by."""
        self._last_ts_us = max(math.floor(self._clock() * 1e6), self._last_ts_us + 1)
        return f"{self._last_ts_us // 1_000_000}.{self._last_ts_us % 1_000_000:06d}"

    def add_person(self, name: str, *, is_admin: bool = False) -> Person:
        """Let somebody join the workspace and every channel, with a direct message to the bot."""
        person = self.people[name] = Person(self.new_id("U"), name, is_admin=is_admin)
        for channel in self.channels.values():
            if channel.kind in {"channel", "group"}:
                channel.members.append(person)
        self.dms[name] = self._kept(Channel(self.new_id("D"), name, "im", [person, self.bot]))
        return person

    def add_channel(self, name: str, *, kind: str = "channel", has_bot: bool = True) -> Channel:
        """Open a channel with everybody in it."""
        members = [*self.people.values(), self.other_bot, *([self.bot] if has_bot else [])]
        return self._kept(Channel(self.new_id("C"), name, kind, members))

    def add_group(self, people: list[Person]) -> Channel:
        """Open a group message of several people and the bot."""
        name = "mpdm-" + "--".join(each.name for each in people)
        return self._kept(Channel(self.new_id("C"), name, "mpim", [*people, self.bot]))

    def has_bot(self, channel: Channel) -> bool:
        return self.bot in channel.members

    def user(self, user_id: str) -> Person | None:
        users = [*self.people.values(), self.bot, self.other_bot]
        return next((each for each in users if each.id == user_id), None)

    def dm_of(self, person: Person) -> Channel:
        """Find the direct message between a person and the bot."""
        return next(each for each in self.dms.values() if each.counterpart is person)

    def _kept(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        return channel
