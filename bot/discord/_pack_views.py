"""What the pack of a server looks like on Discord: the form, the buttons, the files of a message."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import discord

from bot import messages
from bot.discord._posting import shorten
from bot.errors import NoPacksError, PackWishError
from bot.messages import refusal
from bot.moods import spoken
from bot.packs import ALT_LETTERS, MOST_FILES, NAME_LETTERS, Shelf, check_size, is_kind
from inference.catalogue import OwnGif
from inference.pack import PackGif

CDN = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
TEMPLATE = r"rp:pack:(?P<act>change|page):(?P<what>[0-9a-f]{64}|\d{1,4})"
FORM_LIFE_S = 14 * 60.0
SHOWN_LETTERS = 80  # of a label
CONTENT_LETTERS = 2000
LONG = frozenset({"alt_text"})
LETTERS = {"tags": 400, "name": NAME_LETTERS, "category": 100, "alt_text": ALT_LETTERS}

Interaction = discord.Interaction[Any]
Finish = Callable[[Interaction, dict[str, str]], Awaitable[None]]


class PackForm(discord.ui.Modal):
    """A form for what is said of a GIF; of several at once only tags and kind."""

    def __init__(
        self, title: str, finish: Finish, *, entry: PackGif | None = None, is_one: bool = True
    ) -> None:
        """Lay the form out; with an entry it begins with what is known of it."""
        super().__init__(title=shorten(title, 45), timeout=FORM_LIFE_S)
        self._finish = finish
        self._fields: dict[str, discord.ui.TextInput[Any]] = {}
        known = {} if entry is None else known_of(entry)
        for name in messages.PACK_FIELDS if is_one else ("tags", "category"):
            label, description = messages.PACK_FIELDS[name]
            self._fields[name] = discord.ui.TextInput(
                custom_id=name,
                style=discord.TextStyle.paragraph if name in LONG else discord.TextStyle.short,
                default=known.get(name),
                required=False,
                max_length=LETTERS[name],
            )
            self.add_item(discord.ui.Label(text=label, description=description, component=self._fields[name]))

    async def on_submit(self, interaction: Interaction) -> None:
        """Hand over what was put in."""
        await self._finish(interaction, {name: field.value for name, field in self._fields.items()})


class PackButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
    """A button that opens the form of a GIF or turns a page; its id says which, also after a restart."""

    def __init__(self, button: discord.ui.Button[Any], act: str, what: str) -> None:
        super().__init__(button)
        self._act = act
        self._what = what

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> PackButton:
        """Make the button anew out of its id."""
        assert isinstance(item, discord.ui.Button)
        return cls(item, match["act"], match["what"])

    async def callback(self, interaction: Interaction) -> None:
        """Hand the click over."""
        packs = interaction.client.packs
        if packs is None:
            await interaction.response.send_message(refusal(NoPacksError()), ephemeral=True)
        elif self._act == "change":
            await packs.open_change(interaction, self._what)
        else:
            await packs.turn(interaction, int(self._what))


def change_buttons(gifs: Sequence[OwnGif]) -> discord.ui.View:
    """Return a button a GIF that opens its form."""
    view = discord.ui.View(timeout=None)
    for gif in gifs:
        label = messages.PACK_CHANGE
        if len(gifs) > 1:
            label = shorten(messages.PACK_CHANGE_NAMED.format(name=gif.entry.name), SHOWN_LETTERS)
        view.add_item(discord.ui.Button(label=label, custom_id=f"rp:pack:change:{gif.id}"))
    view.stop()  # the client need not remember it
    return view


def page_buttons(shelf: Shelf) -> discord.ui.View:
    """Return the buttons that turn the pages of a list, none where there is one page only."""
    view = discord.ui.View(timeout=None)
    for label, page in ((messages.PREVIOUS, shelf.page - 1), (messages.PACK_NEXT, shelf.page + 1)):
        if 0 <= page < shelf.pages:
            view.add_item(discord.ui.Button(label=label, custom_id=f"rp:pack:page:{page}"))
    view.stop()
    return view


def files_of(message: discord.Message) -> list[discord.Attachment]:
    """Return the files of a message that may be GIFs, also of what it forwards; not too many.

    Raises:
        PackWishError: it has none, or they do not lie with Discord.
        RefusedError: one is too large.
    """
    parts = [message.attachments, *(part.attachments for part in message.message_snapshots)]
    found = [file for part in parts for file in part if is_kind(file.content_type or "", file.filename)]
    if not found:
        raise PackWishError(messages.PACK_NO_FILE)
    for file in found[:MOST_FILES]:
        check_file(file)
    return found[:MOST_FILES]


def check_file(file: discord.Attachment) -> None:
    """Refuse a file that is too large, or not Discord's to give.

    Raises:
        PackWishError: its address is none of Discord's.
        RefusedError: it is too large.
    """
    check_size(file.filename, file.size)
    address, api = urlsplit(file.url), urlsplit(discord.http.Route.BASE)
    is_discord = address.scheme == "https" and address.hostname in CDN
    if not is_discord and (address.scheme, address.netloc) != (api.scheme, api.netloc):
        raise PackWishError(messages.PACK_ELSEWHERE)


def known_of(entry: PackGif) -> dict[str, str]:
    """Return what the form of a GIF begins with."""
    return {
        "tags": ", ".join(entry.tags)[: LETTERS["tags"]],
        "name": entry.name[:NAME_LETTERS],
        "category": ", ".join(map(spoken, entry.categories)),
        "alt_text": entry.alt_text[:ALT_LETTERS],
    }
