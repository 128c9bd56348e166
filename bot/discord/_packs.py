"""The pack of a server on Discord: the menu entry, `/pack`, forms and buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import discord
from discord import app_commands

from bot import messages
from bot.discord._desk import Desk
from bot.discord._pack_views import (
    CONTENT_LETTERS,
    PackForm,
    change_buttons,
    check_file,
    files_of,
    known_of,
    page_buttons,
)
from bot.discord._posting import gif_file, shorten
from bot.errors import PackForbiddenError, PackWishError, WishError
from bot.memory import Memory
from bot.messages import refusal
from bot.moods import spoken, suggest
from bot.packs import ALT_LETTERS, NAME_LETTERS, Added, OwnPacks, Wish, listed, read_wish, told
from inference.errors import RefusedError

MENU = messages.PACK_MENU
FETCH_S = 60.0
SHOWN = 25
CHOICE_LETTERS = 100

Interaction = discord.Interaction[Any]
escape = discord.utils.escape_markdown


class Packs:
    """What people do with the pack of their server."""

    def __init__(self, packs: OwnPacks, memory: Memory, desk: Desk) -> None:
        self._packs = packs
        self._memory = memory
        self._desk = desk

    def add_to(self, tree: app_commands.CommandTree[Any]) -> None:
        """Add the commands to a tree."""
        menu = app_commands.ContextMenu(
            name=MENU, callback=self.menu, allowed_contexts=SERVERS, allowed_installs=SERVER_INSTALL
        )
        menu.default_permissions = PERMISSION
        tree.add_command(menu)
        tree.add_command(PackCommands(self))

    async def menu(self, interaction: Interaction, message: discord.Message) -> None:
        """Open a form for the GIFs of a message that somebody right-clicked."""

        async def form() -> PackForm:
            self.scope(interaction)
            files = files_of(message)

            async def finish(sent: Interaction, said: dict[str, str]) -> None:
                await self.take_in(sent, files, said)

            return PackForm(MENU, finish, is_one=len(files) == 1)

        await self._desk.ask(interaction, "pack menu", form)

    async def take_in(
        self,
        interaction: Interaction,
        files: Sequence[discord.Attachment],
        said: dict[str, str],
        url: str = "",
    ) -> None:
        """Add files, or what is behind a link."""

        async def work() -> None:
            scope, wish = self.scope(interaction), read_wish(**said)
            if bool(files) == bool(url):
                raise PackWishError(messages.PACK_FILE_OR_LINK)
            if url:
                await self._show(
                    interaction, await self._packs.add_url(scope, url, wish), messages.PACK_ADDED
                )
            elif len(files) == 1:
                added = await self._add(scope, files[0], wish)
                await self._show(interaction, added, messages.PACK_ADDED)
            else:
                await self._add_all(interaction, scope, files, wish)

        await self._desk.answer(interaction, "pack add", work)

    async def open_change(self, interaction: Interaction, gif: str) -> None:
        """Open the form of a GIF."""

        async def form() -> PackForm:
            known = await self._packs.find(self.scope(interaction), gif)

            async def finish(sent: Interaction, said: dict[str, str]) -> None:
                await self._change(sent, gif, said, known_of(known.gif.entry))

            return PackForm(known.gif.entry.name, finish, entry=known.gif.entry)

        await self._desk.ask(interaction, "pack change", form)

    async def show(self, interaction: Interaction, gif: str) -> None:
        """Show the pack, or one GIF of it."""

        async def work() -> None:
            scope = self.scope(interaction)
            if gif:
                await self._show(interaction, await self._packs.find(scope, gif), messages.PACK_SHOWN)
            else:
                await self._draw(interaction, scope, 0)

        await self._desk.answer(interaction, "pack list", work)

    async def turn(self, interaction: Interaction, page: int) -> None:
        """Show another page of the pack."""

        async def work() -> None:
            await self._draw(interaction, self.scope(interaction), page)

        await self._desk.press(interaction, "pack page", work)

    async def remove(self, interaction: Interaction, gif: str) -> None:
        """Remove a GIF."""

        async def work() -> None:
            left = await self._packs.remove(self.scope(interaction), gif)
            name = escape(left.gif.entry.name)
            line = messages.PACK_REMOVED.format(name=name, count=left.count, limit=left.limit)
            await interaction.edit_original_response(content=line)

        await self._desk.answer(interaction, "pack remove", work)

    async def complete(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Complete the name of a GIF while somebody types."""
        try:
            found = await self._packs.suggest(self.scope(interaction), typed)
        except WishError:
            return []
        return [
            app_commands.Choice(name=f"{gif.entry.name[:85]} · {gif.id[:8]}", value=gif.id)
            for gif in found[:SHOWN]
        ]

    def scope(self, interaction: Interaction) -> str:
        """Return what the pack of the server goes by; the commands are hidden from others, this is the lock.

        Raises:
            PackForbiddenError: the person may not look after it.
        """
        may = interaction.permissions
        if interaction.guild_id is None or not (may.manage_expressions or may.administrator):
            raise PackForbiddenError
        return self._memory.scope(str(interaction.guild_id))

    async def _change(
        self, interaction: Interaction, gif: str, said: dict[str, str], shown: dict[str, str]
    ) -> None:
        async def work() -> None:
            wish, old = read_wish(**said), read_wish(**shown)
            changed = await self._packs.change(self.scope(interaction), gif, wish, old)
            await self._show(interaction, changed, messages.PACK_CHANGED)

        await self._desk.answer(interaction, "pack change", work)

    async def _add(self, scope: str, file: discord.Attachment, wish: Wish) -> Added:
        check_file(file)

        async def fetch(path: Path) -> None:
            try:
                async with asyncio.timeout(FETCH_S):
                    content = await file.read()
            except (discord.NotFound, discord.Forbidden, TimeoutError):
                raise PackWishError(messages.PACK_FILE_GONE) from None
            await asyncio.to_thread(path.write_bytes, content)

        return await self._packs.add(scope, file.filename, wish, fetch)

    async def _add_all(
        self, interaction: Interaction, scope: str, files: Sequence[discord.Attachment], wish: Wish
    ) -> None:
        added, lines = [], []
        for file in files:
            try:
                done = await self._add(scope, file, wish)
            except (RefusedError, PackWishError) as error:
                reason = escape(refusal(error))
                lines.append(messages.PACK_NOT_ADDED.format(name=escape(file.filename), reason=reason))
                continue
            added.append(done)
            lines.append(messages.PACK_ADDED.format(name=escape(done.gif.entry.name)))
        if added:
            lines.append(messages.PACK_COUNT.format(count=added[-1].count, limit=added[-1].limit))
        view = change_buttons([done.gif for done in added])
        content = shorten("\n".join(lines), CONTENT_LETTERS)
        await interaction.edit_original_response(content=content, view=view if added else None)

    async def _show(self, interaction: Interaction, known: Added, head: str) -> None:
        """Show one GIF, with its picture where that is small enough, and the button that changes it."""
        content = shorten(told(known, head, escape, messages.PACK_ADULT), CONTENT_LETTERS)
        is_small = known.gif.bytes <= interaction.filesize_limit
        files = [gif_file(self._packs.reaction(known.gif))] if is_small else []
        view = change_buttons([known.gif])
        await interaction.edit_original_response(content=content, attachments=files, view=view)

    async def _draw(self, interaction: Interaction, scope: str, page: int) -> None:
        shelf = await self._packs.shelf(scope, page)
        content = shorten(listed(shelf, escape), CONTENT_LETTERS)
        await interaction.edit_original_response(content=content, view=page_buttons(shelf))


PERMISSION = discord.Permissions(manage_expressions=True)
SERVERS = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
SERVER_INSTALL = app_commands.AppInstallationType(guild=True, user=False)


class PackCommands(app_commands.Group):
    """The commands under /pack."""

    def __init__(self, packs: Packs) -> None:
        super().__init__(
            name="pack",
            description="Look after the GIFs that only this server has.",
            allowed_contexts=SERVERS,
            default_permissions=PERMISSION,
            allowed_installs=SERVER_INSTALL,
        )
        self._packs = packs

    @app_commands.command(name="add", description="Add a GIF to the pack of this server.")
    @app_commands.describe(
        file="A GIF, WebP, APNG or short MP4.",
        link="In place of a file: its link.",
        tags="What it is good for, such as: monday, coffee, finally.",
        name="What it is called.",
        kind="What kind of reaction it is; left out, I find out.",
        alt_text="What it shows, for people who cannot see it.",
    )
    async def add(
        self,
        interaction: Interaction,
        file: discord.Attachment | None = None,
        link: app_commands.Range[str, 1, 2000] = "",
        tags: app_commands.Range[str, 1, 400] = "",
        name: app_commands.Range[str, 1, NAME_LETTERS] = "",
        kind: app_commands.Range[str, 1, CHOICE_LETTERS] = "",
        alt_text: app_commands.Range[str, 1, ALT_LETTERS] = "",
    ) -> None:
        """Add a file, or what is behind a link."""
        said = {"name": name, "tags": tags, "category": kind, "alt_text": alt_text}
        await self._packs.take_in(interaction, [file] if file else [], said, link.strip())

    @add.autocomplete("kind")
    async def complete_kind(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Complete the kind while somebody types."""
        return [app_commands.Choice(name=spoken(kind), value=kind) for kind in suggest(typed)]

    @app_commands.command(name="list", description="The GIFs of this server's pack.")
    @app_commands.describe(gif="Show this one, with all that is known of it.")
    async def show(self, interaction: Interaction, gif: str = "") -> None:
        """Show the pack, or one GIF of it."""
        await self._packs.show(interaction, gif)

    @app_commands.command(name="remove", description="Remove a GIF from the pack of this server.")
    @app_commands.describe(gif="Its name, or its id in the list.")
    async def remove(self, interaction: Interaction, gif: str) -> None:
        """Remove a GIF."""
        await self._packs.remove(interaction, gif)

    @show.autocomplete("gif")
    @remove.autocomplete("gif")
    async def complete_gif(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Complete the name of a GIF while somebody types."""
        return await self._packs.complete(interaction, typed)
