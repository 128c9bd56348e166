"""The automatic mode: whether a message that nobody asked about gets a GIF. Silence wins every doubt."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from bot import guards
from bot.memory import Memory
from bot.places import Heard
from bot.records import ChannelSettings
from bot.selection import Selection
from inference.protocol import Reaction, ReactReply

Silence = Literal[
    "off",
    "opted out",
    "quiet",
    "cooling down",
    "delivered twice",
    "held",
    "unsure",
    "used up",
    "dry run",
    "",
]


class Verdict(NamedTuple):
    """What becomes of a message that nobody asked about: a GIF, or why there is none."""

    reaction: Reaction | None
    why: Silence


class Volunteer:
    """Speaks up unasked where a channel wants that."""

    def __init__(self, selection: Selection, memory: Memory) -> None:
        self._selection = selection
        self._memory = memory

    async def decide(self, heard: Heard) -> Verdict:
        """Decide on a message that nobody asked about.

        Raises:
            ReparteeError: nothing answers.
        """
        settings = await self._memory.channel(heard.settings_channel)
        if not guards.is_wanted_here(settings.mode, is_top=heard.is_top):
            return Verdict(None, "off")
        guild = await self._memory.guild(heard.place.guild)
        now = self._memory.now_in(guild)
        if why := await self._reserve(heard, settings, is_on=guild.is_automatic, now=now):
            return Verdict(None, why)
        async with self._selection.turn():
            limits = await self._selection.limits(heard.place)
            reply, sendable = await self._selection.rank(heard.text, limits, 1, ())
            reply = await self._selection.hear_out(heard.text, reply)
        why = await self._judge(heard, settings, msgspec.structs.replace(reply, reactions=sendable), now)
        return Verdict(None if why else sendable[0], why)

    async def give_back(self, heard: Heard) -> None:
        """Take back that a GIF was counted which could not be posted, and the cool-down that it began."""
        guild = await self._memory.guild(heard.place.guild)
        day = self._memory.now_in(guild).date().isoformat()
        await self._memory.count("posted", heard.settings_channel, day, by=-1)
        await self._memory.warm_up(heard.settings_channel)

    async def _reserve(
        self, heard: Heard, settings: ChannelSettings, *, is_on: bool, now: datetime
    ) -> Silence:
        """Say why a message is not even read; empty where it is."""
        if not is_on:
            return "off"
        if guards.is_quiet(settings.quiet, now):
            return "quiet"
        if await self._memory.is_cooling_down(heard.settings_channel):
            return "cooling down"
        if await self._memory.has_opted_out(heard.author):
            return "opted out"
        return "" if await self._memory.is_first(f"heard:{heard.target}") else "delivered twice"

    async def _judge(
        self, heard: Heard, settings: ChannelSettings, reply: ReactReply, now: datetime
    ) -> Silence:
        """Say why a message that was read gets no GIF, and count the decision; empty where it gets one."""
        channel, day = heard.settings_channel, now.date().isoformat()
        if reply.is_held:
            await self._memory.count("held", channel, day)
            return "held"
        if not guards.is_confident(reply, settings.boldness):
            await self._memory.count("unsure", channel, day)
            return "unsure"
        kind = "would" if settings.is_dry_run else "posted"
        if guards.is_used_up(await self._memory.counted(kind, channel, day) + 1, settings):
            return "used up"
        if not await self._memory.cool_down(channel, settings.cooldown_s):
            return "cooling down"
        if guards.is_used_up(await self._memory.count(kind, channel, day), settings):
            return "used up"  # others were quicker
        return "dry run" if settings.is_dry_run else ""
