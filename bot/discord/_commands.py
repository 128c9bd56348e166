"""The commands that everybody has: the context menu, /react, /privacy, /optout and /forget."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.discord._desk import Desk
from bot.discord._posting import gif_file, post_buttons
from bot.discord._previews import Previews
from bot.discord._reading import is_own_message, place_of_interaction, plain, text_of
from bot.errors import ForeignError
from bot.messages import FORGOTTEN, NOTHING_TO_FORGET, OPTED_OUT_DONE, PRIVACY, SENT_BY
from bot.moods import find_mood, spoken, suggest
from bot.places import Ask
from bot.reactor import Reactor
from inference.errors import MessageError

MENU = "React with a GIF"
MAX_MESSAGE = 2000

Interaction = discord.Interaction[Any]


class Commands:
    """What the commands do."""

    def __init__(self, reactor: Reactor, desk: Desk, previews: Previews) -> None:
        self._reactor = reactor
        self._desk = desk
        self._previews = previews

    def add_to(self, tree: app_commands.CommandTree[Any]) -> None:
        """Add the commands to a tree."""
        tree.add_command(app_commands.ContextMenu(name=MENU, callback=self.menu))
        description = "Answer a message with the GIF that a witty friend would send."
        react = app_commands.Command[Any, Any, None](
            name="react", description=description, callback=self.react
        )
        react.autocomplete("mood")(self.mood)
        tree.add_command(react)
        for name, description, callback in (
            ("privacy", "What Repartee reads and keeps.", self.privacy),
            ("optout", "Repartee never reacts to your messages again.", self.opt_out),
            ("forget", "Remove all settings of yours.", self.forget),
        ):
            tree.add_command(
                app_commands.Command[Any, Any, None](name=name, description=description, callback=callback)
            )

    async def menu(self, interaction: Interaction, message: discord.Message) -> None:
        """Show GIFs for a message that somebody right-clicked."""

        async def work() -> None:
            if is_own_message(message, interaction.client.me):
                raise MessageError
            ask = Ask(
                text=text_of(message),
                place=place_of_interaction(interaction),
                asker=str(interaction.user.id),
                author=str(message.author.id),
                target=str(message.id),
            )
            await self._previews.show(interaction, ask)

        await self._desk.answer(interaction, "menu", work)

    @app_commands.describe(
        message="What to react to.",
        mood="Only GIFs of this kind.",
        private="Look first, then send (yes). No: the best GIF goes straight to the channel.",
    )
    async def react(
        self,
        interaction: Interaction,
        message: app_commands.Range[str, 1, MAX_MESSAGE],
        mood: str = "",
        private: bool = True,
    ) -> None:
        """Show GIFs for what somebody typed, or send the best one at once."""

        async def work() -> None:
            place = place_of_interaction(interaction)
            ask = Ask(plain(message), place, asker=str(interaction.user.id), mood=find_mood(mood))
            if private:
                await self._previews.show(interaction, ask)
            else:
                await self._post_best(interaction, ask)

        await self._desk.answer(interaction, "react", work, is_public=not private)

    async def mood(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Complete the mood while somebody types."""
        return [app_commands.Choice(name=spoken(mood), value=mood) for mood in suggest(typed)]

    async def privacy(self, interaction: Interaction) -> None:
        """Say what is read and kept."""
        await interaction.response.send_message(PRIVACY, ephemeral=True)

    async def opt_out(self, interaction: Interaction) -> None:
        """Leave who asks alone."""

        async def work() -> None:
            await self._reactor.memory.opt_out(str(interaction.user.id))
            await interaction.edit_original_response(content=OPTED_OUT_DONE)

        await self._desk.answer(interaction, "optout", work)

    async def forget(self, interaction: Interaction) -> None:
        """Remove the settings of who asks."""

        async def work() -> None:
            had_some = await self._reactor.memory.forget(str(interaction.user.id))
            line = FORGOTTEN if had_some else NOTHING_TO_FORGET
            await interaction.edit_original_response(content=line)

        await self._desk.answer(interaction, "forget", work)

    async def _post_best(self, interaction: Interaction, ask: Ask) -> None:
        """Fill the public place of an interaction with the best GIF.

        On a grave or foreign message only who asked is shown something, to choose from.
        """
        try:
            pick = await self._reactor.best(ask)
        except ForeignError:
            pick = None
        if pick is None or pick.is_held:
            await interaction.delete_original_response()
            await self._previews.show_anew(interaction, ask)
            return
        view = post_buttons(has_moderators=interaction.guild_id is not None)
        sent = await interaction.edit_original_response(
            content=SENT_BY.format(who=f"<@{ask.asker}>"), attachments=[gif_file(pick.reaction)], view=view
        )
        await self._reactor.posts.keep(ask.place, pick.reaction, str(sent.id), asker=ask.asker)
