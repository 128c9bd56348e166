"""The bot: the connection to Discord, and which part of the adapter gets which event."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord._admin import Administration
from bot.discord._commands import MENU, Commands
from bot.discord._desk import Desk
from bot.discord._line import Line
from bot.discord._listener import Listener
from bot.discord._pack_views import PackButton
from bot.discord._packs import Packs
from bot.discord._posting import NEVER_ID, REMOVE_ID
from bot.discord._preview import PreviewButton
from bot.discord._previews import Previews
from bot.metrics import BotMetrics
from bot.packs import OwnPacks
from bot.reactor import Reactor
from bot.tickets import Tickets
from inference.logs import get_logger

DRAIN_S = 5.0
COMMANDS_NOTE = "commands"


class DiscordBot(commands.AutoShardedBot):
    """Repartee on Discord; as many shards as Discord wants."""

    def __init__(
        self,
        reactor: Reactor,
        tickets: Tickets,
        metrics: BotMetrics,
        *,
        reads_messages: bool = False,
        packs: OwnPacks | None = None,
    ) -> None:
        """Put the adapter together.

        Args:
            reactor: the core.
            tickets: names previews.
            metrics: counts.
            reads_messages: ask for the message-content intent, which the automatic mode needs.
            packs: the packs of all servers; None where these are switched off.
        """
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=discord.Intents(
                guilds=True,
                guild_messages=True,
                dm_messages=True,
                guild_reactions=True,
                message_content=reads_messages,
            ),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,  # what people wrote is not kept, not even in memory
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=True
            ),
        )
        self.reads_messages = reads_messages
        self.line = Line()
        self._reactor = reactor
        self._desk = Desk(metrics)
        self.previews = Previews(reactor, self._desk, tickets.check)
        self.packs = None if packs is None else Packs(packs, reactor.memory, self._desk)
        self._listener = Listener(self, reactor, self._desk, menu=MENU)
        self._log = get_logger("discord")

    async def setup_hook(self) -> None:
        """Add the commands, and register them with Discord where they have changed."""
        Commands(self._reactor, self._desk, self.previews).add_to(self.tree)
        self.tree.add_command(
            Administration(self._reactor.memory, self._desk, reads_messages=self.reads_messages)
        )
        if self.packs is not None:
            self.packs.add_to(self.tree)
        self.add_dynamic_items(PreviewButton, RemoveButton, NeverButton, PackButton)
        await self._register()

    async def on_ready(self) -> None:
        """Say that the bot is there."""
        self._log.info("ready", servers=len(self.guilds), shards=self.shard_count)

    async def on_shard_disconnect(self, shard: int) -> None:
        """Note that a line is down."""
        self.line.goes_down(shard)

    async def on_shard_ready(self, shard: int) -> None:
        """Note that a line is up."""
        self.line.comes_up(shard)

    async def on_shard_resumed(self, shard: int) -> None:
        """Note that a line is up again."""
        self.line.comes_up(shard)

    async def on_message(self, message: discord.Message) -> None:
        """Hand a message over; the bot has no commands that begin with a prefix."""
        await self._listener.hear(message)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        """Hand a reaction over."""
        await self._listener.vote(event)

    async def on_raw_reaction_remove(self, event: discord.RawReactionActionEvent) -> None:
        """Hand over that a reaction is taken back."""
        await self._listener.vote(event)

    async def close(self) -> None:
        """Let what is under way end, then leave."""
        if not self.is_closed():
            await self._desk.drain(DRAIN_S)
        await super().close()

    @property
    def me(self) -> int:
        """Id of the bot's own account."""
        return self.user.id if self.user else 0

    @property
    def name(self) -> str:
        """Name of the bot's own account."""
        return self.user.name if self.user else "Repartee"

    async def _register(self) -> None:
        """Register the commands where they are not; at every start that would meet Discord's daily limit."""
        described = [command.to_dict(self.tree) for command in self.tree.get_commands(type=None)]
        content = f"{self.application_id} {json.dumps(described, sort_keys=True, default=str)}"
        digest = hashlib.sha256(content.encode()).hexdigest()
        is_known = await self._reactor.memory.note(COMMANDS_NOTE) == digest
        ours = {command.name for command in self.tree.get_commands(type=None)}
        if is_known and ours == {command.name for command in await self.tree.fetch_commands()}:
            return
        registered = await self.tree.sync()
        await self._reactor.memory.make_note(COMMANDS_NOTE, digest)
        self._log.info("commands registered", count=len(registered))


class RemoveButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=REMOVE_ID):
    """The button that takes a posted GIF away."""

    @classmethod
    async def from_custom_id(cls, interaction: Any, item: Any, match: Any, /) -> RemoveButton:
        """Make the button anew."""
        return cls(item)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the click over."""
        await interaction.client.previews.remove(interaction)


class NeverButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=NEVER_ID):
    """The button that bans a posted GIF from a server."""

    @classmethod
    async def from_custom_id(cls, interaction: Any, item: Any, match: Any, /) -> NeverButton:
        """Make the button anew."""
        return cls(item)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the click over."""
        await interaction.client.previews.ban(interaction)
