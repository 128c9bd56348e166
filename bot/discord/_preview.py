"""The preview that only one person sees: three GIFs with their alt texts, and buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.discord._posting import gif_file
from bot.messages import CANCEL, OPTION, PAGE, PICK, PICK_GENTLE, PREVIOUS, SEND, SHUFFLE
from bot.records import Preview

if TYPE_CHECKING:
    import re

PREFIX = "rp"
TEMPLATE = rf"{PREFIX}:(?P<act>send[0-2]|shuffle|previous|cancel):(?P<ticket>[\w-]{{20,60}})"


class PreviewButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
    """A button of a preview; its id has the signed name of the preview, which outlives the bot's process."""

    def __init__(self, button: discord.ui.Button[Any], act: str, ticket: str) -> None:
        super().__init__(button)
        self._act = act
        self._ticket = ticket

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> PreviewButton:
        """Make the button anew out of its id."""
        assert isinstance(item, discord.ui.Button)
        return cls(item, match["act"], match["ticket"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the click over."""
        await interaction.client.previews.press(interaction, self._act, self._ticket)


def preview_view(preview: Preview) -> discord.ui.LayoutView:
    """Lay a page of a preview out."""
    head = PICK_GENTLE if preview.is_held else PICK
    place = PAGE.format(page=preview.page + 1, pages=preview.pages)
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay(f"{head}\n-# {place}"))
    for number, reaction in enumerate(preview.shown, 1):
        text = OPTION.format(number=number, alt_text=discord.utils.escape_markdown(reaction.alt_text))
        picture = discord.ui.Thumbnail[Any](_address(number), description=reaction.alt_text[:1024])
        view.add_item(discord.ui.Section(text, accessory=picture))
    view.add_item(discord.ui.ActionRow(*(_send(preview, n) for n in range(len(preview.shown)))))
    last = preview.page + 1 >= preview.pages
    view.add_item(
        discord.ui.ActionRow(
            _button(preview, SHUFFLE, "shuffle", is_disabled=last),
            _button(preview, PREVIOUS, "previous", is_disabled=preview.page == 0),
            _button(preview, CANCEL, "cancel"),
        )
    )
    view.stop()  # the client need not remember it: the buttons say all by their ids
    return view


def preview_files(preview: Preview) -> list[discord.File]:
    """Open the GIFs of a page."""
    return [gif_file(reaction, str(number)) for number, reaction in enumerate(preview.shown, 1)]


def _send(preview: Preview, place: int) -> discord.ui.Button[Any]:
    button = _button(preview, SEND.format(number=place + 1), f"send{place}")
    button.style = discord.ButtonStyle.primary
    return button


def _button(preview: Preview, label: str, act: str, *, is_disabled: bool = False) -> discord.ui.Button[Any]:
    return discord.ui.Button(label=label, custom_id=f"{PREFIX}:{act}:{preview.id}", disabled=is_disabled)


def _address(number: int) -> str:
    return f"attachment://{number}.gif"
