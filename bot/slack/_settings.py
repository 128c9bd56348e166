"""What people set up in Slack: a channel by /react-settings or the Home tab, themselves in the Home tab."""

from __future__ import annotations

import msgspec
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import NotAdminError, NotAllowedError, NotInvitedError
from bot.memory import Memory
from bot.messages import SLACK_HEARS, refusal
from bot.records import ChannelSettings
from bot.slack._people import People
from bot.slack._views import home, read_form, settings_form
from bot.slack._words import Payload, mrkdwn
from bot.status import status_of


class Settings:
    """Shows and keeps settings."""

    def __init__(self, client: AsyncWebClient, memory: Memory, people: People) -> None:
        self._client = client
        self._memory = memory
        self._people = people

    async def open_form(self, person: str, channel: str, trigger: str) -> None:
        """Show the form of a channel.

        Raises:
            NotAllowedError: the person may not set it up.
        """
        if not await self._people.may_manage(person, channel):
            raise NotAllowedError
        settings, guild = await self._memory.channel(channel), await self._memory.guild(self._people.team)
        today = await self._status(channel)
        form = settings_form(channel, settings, guild, mrkdwn(today))
        await self._client.views_open(trigger_id=trigger, view=form)

    def check(self, view: Payload) -> None:
        """Refuse a form that cannot be read.

        Raises:
            FormError: says what is wrong.
        """
        read_form(view, ChannelSettings())

    async def save(self, person: str, view: Payload) -> str:
        """Keep what was put into the form; return it in words.

        Raises:
            FormError: it cannot be used.
            NotAllowedError: the person may not set the channel up.
            NotAdminError: only admins change the time zone.
        """
        channel = view["private_metadata"]
        settings, timezone = read_form(view, await self._memory.channel(channel))
        if not await self._people.may_manage(person, channel):
            raise NotAllowedError
        guild = await self._memory.guild(self._people.team)
        is_moved = timezone != guild.timezone
        if is_moved and not await self._people.may_manage(person):
            raise NotAdminError
        await self._memory.set_channel(channel, settings)
        if is_moved:
            moved = msgspec.structs.replace(guild, timezone=timezone)
            await self._memory.set_guild(self._people.team, moved)
        status = await self._status(channel)
        if settings.mode != "off" and not await self._people.am_in(channel):
            status += "\n" + refusal(NotInvitedError())
        return f"{status}\n{SLACK_HEARS}" if settings.mode != "off" else status

    async def show_home(self, person: str) -> None:
        """Show a person's Home tab."""
        is_admin = await self._people.may_manage(person)
        bans = await self._memory.bans(self._people.team) if is_admin else []
        guild = await self._memory.guild(self._people.team) if is_admin else None
        view = home(bans, has_opted_out=await self._memory.has_opted_out(person), guild=guild)
        await self._client.views_publish(user_id=person, view=view)

    async def opt_out(self, person: str) -> None:
        """Leave a person alone from now on."""
        await self._memory.opt_out(person)
        await self.show_home(person)

    async def forget(self, person: str) -> None:
        """Remove a person's settings."""
        await self._memory.forget(person)
        await self.show_home(person)

    async def switch(self, person: str) -> None:
        """Switch the automatic mode of all channels off, or on again.

        Raises:
            NotAdminError: only admins may.
        """
        if not await self._people.may_manage(person):
            raise NotAdminError
        guild = await self._memory.guild(self._people.team)
        switched = msgspec.structs.replace(guild, is_automatic=not guild.is_automatic)
        await self._memory.set_guild(self._people.team, switched)
        await self.show_home(person)

    async def allow(self, person: str, ban: str) -> None:
        """Take a ban back.

        Raises:
            NotAdminError: only admins may.
        """
        if not await self._people.may_manage(person):
            raise NotAdminError
        await self._memory.allow(self._people.team, ban)
        await self.show_home(person)

    async def _status(self, channel: str) -> str:
        return await status_of(self._memory, channel, f"<#{channel}>", self._people.team)
