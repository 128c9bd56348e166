"""What the buttons of previews and posts do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import discord

from bot.discord._desk import Desk
from bot.discord._posting import post_choice
from bot.discord._preview import preview_files, preview_view
from bot.discord._reading import is_moderator
from bot.messages import BANNED
from bot.places import Ask
from bot.reactor import Reactor
from bot.records import Preview

Interaction = discord.Interaction[Any]


class Previews:
    """Shows previews and does what is clicked in them and under posts."""

    def __init__(self, reactor: Reactor, desk: Desk, check: Callable[[str], None]) -> None:
        """Put it together; `check` refuses names of previews that this bot did not issue."""
        self._reactor = reactor
        self._desk = desk
        self._check = check

    async def show(self, interaction: Interaction, ask: Ask) -> None:
        """Show a new preview in the place of an acknowledged interaction."""
        await self._draw(interaction, await self._reactor.preview(ask))

    async def show_anew(self, interaction: Interaction, ask: Ask) -> None:
        """Show a new preview, as a further answer that only who asked can see."""
        preview = await self._reactor.preview(ask)
        view, files = preview_view(preview), preview_files(preview)
        await interaction.followup.send(view=view, files=files, ephemeral=True)

    async def press(self, interaction: Interaction, act: str, place: int, ticket: str) -> None:
        """Deal with a click in a preview; `place` is that of the GIF or the page that it means."""
        person = str(interaction.user.id)

        async def work() -> None:
            self._check(ticket)
            if act == "cancel":
                await self._reactor.drop(ticket, person)
                await _vanish(interaction)
            elif act == "page":
                await self._draw(interaction, await self._reactor.turn(ticket, person, place))
            else:
                await self._send(interaction, ticket, person, place)

        await self._desk.press(interaction, f"preview {act}", work)

    async def remove(self, interaction: Interaction) -> None:
        """Deal with a click that takes a post away."""
        message = _message(interaction)

        async def work() -> None:
            person = str(interaction.user.id)
            may_all = is_moderator(interaction) or interaction.context.dm_channel
            await self._reactor.posts.remove(message, person, is_moderator=may_all)
            await _vanish(interaction)

        await self._desk.press(interaction, "remove", work)

    async def ban(self, interaction: Interaction) -> None:
        """Deal with a click that bans the GIF of a post."""
        message = _message(interaction)

        async def work() -> None:
            post = await self._reactor.posts.ban(message, is_moderator=is_moderator(interaction))
            await _vanish(interaction)
            await interaction.followup.send(BANNED.format(name=post.name), ephemeral=True)

        await self._desk.press(interaction, "never again", work)

    async def _draw(self, interaction: Interaction, preview: Preview) -> None:
        view, files = preview_view(preview), preview_files(preview)
        await interaction.edit_original_response(view=view, attachments=files)

    async def _send(self, interaction: Interaction, ticket: str, person: str, place: int) -> None:
        preview, chosen = await self._reactor.choose(ticket, person, place)
        try:
            message = await post_choice(interaction, preview, chosen)
        except BaseException:
            await self._reactor.give_back(preview)
            raise
        await self._reactor.settle(preview, chosen, message)
        await _vanish(interaction)


async def _vanish(interaction: Interaction) -> None:
    """Take away what was clicked; another click may have done so before."""
    with contextlib.suppress(discord.NotFound):
        await interaction.delete_original_response()


def _message(interaction: Interaction) -> str:
    assert interaction.message is not None  # a button stands under a message
    return str(interaction.message.id)
