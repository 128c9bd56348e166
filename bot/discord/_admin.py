"""`/repartee`: what those who manage channels set up, for a channel or a whole server."""

from __future__ import annotations

import functools
import re
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import discord
import msgspec
from discord import app_commands

from bot import messages
from bot.discord._desk import Desk
from bot.discord._reading import settings_channel
from bot.memory import Memory
from bot.records import CONFIDENCE, Boldness, ChannelSettings, GuildSettings, Mode, QuietHours

Interaction = discord.Interaction[Any]
COUNTS = ("posted", "would", "unsure", "held")
NO_HOURS = "none"
HOURS = re.compile(r"(\d{1,2})\s*-\s*(\d{1,2})")
SHOWN = 25


class SettingError(ValueError):
    """A setting cannot be used; its text says why to the person who made it."""


class Administration(app_commands.Group):
    """The commands under /repartee."""

    def __init__(self, memory: Memory, desk: Desk, *, reads_messages: bool) -> None:
        super().__init__(
            name="repartee",
            description="Set Repartee up on this server.",
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=False, private_channel=False
            ),
            default_permissions=discord.Permissions(manage_channels=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        )
        self._memory = memory
        self._desk = desk
        self._reads_messages = reads_messages

    @app_commands.command(name="channel", description="When Repartee reacts unasked in this channel.")
    @app_commands.describe(
        mode="off; top: messages that answer no other and stand in no thread; all.",
        confidence="How sure it has to be: shy speaks up least.",
        cooldown="Seconds between two GIFs, at least.",
        daily_cap="GIFs a day, at most.",
        quiet="Hours of silence, such as 22-7; none for none.",
        dry_run="Only count what would have been posted.",
    )
    async def channel(
        self,
        interaction: Interaction,
        mode: Mode | None = None,
        confidence: Boldness | None = None,
        cooldown: app_commands.Range[int, 0, 86_400] | None = None,
        daily_cap: app_commands.Range[int, 1, 1000] | None = None,
        quiet: str | None = None,
        dry_run: bool | None = None,
    ) -> None:
        """Change the settings of a channel; what is not named stays as it is."""
        changes: dict[str, Any] = {
            "mode": mode,
            "boldness": confidence,
            "cooldown_s": cooldown,
            "daily_cap": daily_cap,
            "is_dry_run": dry_run,
        }

        async def change() -> str:
            if mode not in (None, "off") and not self._reads_messages:
                return messages.INTENT_MISSING
            place = settings_channel(interaction.channel)
            given = {name: value for name, value in changes.items() if value is not None}
            if quiet is not None:
                given["quiet"] = parse_hours(quiet)
            settings = msgspec.structs.replace(await self._memory.channel(place), **given)
            await self._memory.set_channel(place, settings)
            return await self._describe(interaction)

        await self._answer(interaction, "channel", change)

    @app_commands.command(name="server", description="What holds for the whole server.")
    @app_commands.describe(
        automatic="Whether Repartee may react unasked at all.",
        timezone="Time zone of quiet hours and days, such as Europe/Berlin.",
    )
    async def server(
        self,
        interaction: Interaction,
        automatic: Literal["on", "off"] | None = None,
        timezone: str | None = None,
    ) -> None:
        """Change the settings of a server; what is not named stays as it is."""

        async def change() -> str:
            guild = str(interaction.guild_id)
            settings = await self._memory.guild(guild)
            if automatic is not None:
                settings = msgspec.structs.replace(settings, is_automatic=automatic == "on")
            if timezone is not None:
                settings = msgspec.structs.replace(settings, timezone=parse_timezone(timezone))
            await self._memory.set_guild(guild, settings)
            return await self._describe(interaction)

        await self._answer(interaction, "server", change)

    @server.autocomplete("timezone")
    async def complete_timezone(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Complete a time zone while somebody types."""
        said = typed.lower().replace(" ", "_")
        names = sorted(name for name in _timezones().values() if said in name.lower())
        return [app_commands.Choice(name=name, value=name) for name in names[:SHOWN]]

    @app_commands.command(name="status", description="How Repartee is set up here, and what it did today.")
    async def status(self, interaction: Interaction) -> None:
        """Show the settings."""
        await self._answer(interaction, "status", lambda: self._describe(interaction))

    @app_commands.command(name="banned", description="The GIFs that never come again on this server.")
    @app_commands.describe(allow="One that may come again.")
    async def banned(self, interaction: Interaction, allow: str | None = None) -> None:
        """List the bans, or take one back."""

        async def change() -> str:
            guild = str(interaction.guild_id)
            bans = await self._memory.bans(guild)
            chosen = next((ban for ban in bans if allow in (ban.key, ban.name)), None)
            if chosen is not None and await self._memory.allow(guild, chosen.key):
                return messages.ALLOWED.format(name=chosen.name)
            if not bans:
                return messages.NOTHING_BANNED
            names = "\n".join(f"- {ban.name}, <t:{ban.at}:D>" for ban in bans[:SHOWN])
            return f"{messages.BANS.format(count=len(bans))}\n{names}"

        await self._answer(interaction, "banned", change)

    @banned.autocomplete("allow")
    async def complete_ban(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Complete the name of a banned GIF while somebody types."""
        bans = await self._memory.bans(str(interaction.guild_id))
        fitting = [ban for ban in bans if typed.lower() in ban.name.lower()]
        return [app_commands.Choice(name=ban.name[:100], value=ban.key) for ban in fitting[:SHOWN]]

    async def _answer(self, interaction: Interaction, surface: str, change: Any) -> None:
        async def work() -> None:
            try:
                line = await change()
            except SettingError as error:
                line = str(error)
            await interaction.edit_original_response(content=line)

        await self._desk.answer(interaction, f"repartee {surface}", work)

    async def _describe(self, interaction: Interaction) -> str:
        guild = await self._memory.guild(str(interaction.guild_id))
        place = settings_channel(interaction.channel)
        settings = await self._memory.channel(place)
        switch = "on" if guild.is_automatic else "off"
        lines = [
            describe_channel(f"<#{place}>", settings, guild),
            messages.SERVER_SETTINGS.format(switch=switch, timezone=guild.timezone),
        ]
        if not self._reads_messages and settings.mode != "off":
            lines.append(messages.INTENT_MISSING)
        day = self._memory.clock().astimezone(ZoneInfo(guild.timezone)).date().isoformat()
        counts = {kind: await self._memory.counted(kind, place, day) for kind in COUNTS}
        lines.append(messages.TODAY.format(**counts))
        return "\n".join(lines)


def describe_channel(channel: str, settings: ChannelSettings, guild: GuildSettings) -> str:
    """Put the settings of a channel into words."""
    quiet = ""
    if settings.quiet is not None:
        hours = settings.quiet
        quiet = messages.QUIET.format(start=hours.start, end=hours.end, timezone=guild.timezone)
    detail = messages.DETAIL.format(
        boldness=settings.boldness,
        share=CONFIDENCE[settings.boldness],
        pause=messages.PAUSE.format(span=messages.span(settings.cooldown_s)) if settings.cooldown_s else "",
        cap=settings.daily_cap,
        quiet=quiet,
        dry_run=messages.DRY_RUN if settings.is_dry_run else "",
    )
    return messages.CHANNEL_SETTINGS[settings.mode].format(channel=channel, detail=detail)


def parse_hours(said: str) -> QuietHours | None:
    """Read quiet hours, such as 22-7.

    Raises:
        SettingError: they are none.
    """
    if said.strip().lower() == NO_HOURS:
        return None
    found = HOURS.fullmatch(said.strip())
    hours = [int(hour) % 24 for hour in found.groups()] if found else []
    if found is None or max(map(int, found.groups())) > 24 or hours[0] == hours[1]:
        raise SettingError(messages.BAD_HOURS)
    return QuietHours(*hours)


def parse_timezone(said: str) -> str:
    """Return the name of a time zone.

    Raises:
        SettingError: there is none of that name.
    """
    name = _timezones().get(said.strip().lower().replace(" ", "_"))
    if name is None:
        raise SettingError(messages.BAD_TIMEZONE.format(name=discord.utils.escape_markdown(said[:50])))
    return name


@functools.cache
def _timezones() -> dict[str, str]:
    """Return the names of all time zones by their lower case; looking them up takes a while."""
    return {name.lower(): name for name in available_timezones()}
