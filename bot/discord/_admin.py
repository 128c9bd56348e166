"""`/repartee`: what those who manage channels set up, for a channel or a whole server."""

from __future__ import annotations

from typing import Any, Literal

import discord
import msgspec
from discord import app_commands

from bot import messages
from bot.discord._desk import Desk
from bot.discord._posting import shorten
from bot.discord._reading import settings_channel
from bot.memory import Memory
from bot.records import Boldness, Mode
from bot.schedule import SettingError, parse_hours, parse_timezone, suggest_timezones
from bot.status import status_of

Interaction = discord.Interaction[Any]
SHOWN = 25


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
        return [app_commands.Choice(name=name, value=name) for name in suggest_timezones(typed)[:SHOWN]]

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
            if allow is not None:
                return messages.NOT_BANNED
            names = "\n".join(f"- {shorten(ban.name, 50)}, <t:{ban.at}:D>" for ban in bans[:SHOWN])
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
        place = settings_channel(interaction.channel)
        said = await status_of(self._memory, place, f"<#{place}>", str(interaction.guild_id))
        settings = await self._memory.channel(place)
        is_deaf = settings.mode != "off" and not self._reads_messages
        return f"{said}\n{messages.INTENT_MISSING}" if is_deaf else said
