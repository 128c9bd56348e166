"""The preview that only one person sees: three GIFs with their alt texts, and buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.discord._posting import alt_text_of, gif_file
from bot.messages import CANCEL, NOTE, OPTION, PAGE, PICK, PICK_GENTLE, PREVIOUS, SEND, SHUFFLE
from bot.records import SHOWN, Preview

if TYPE_CHECKING:
    import re

PREFIX = "rp"
TEMPLATE = rf"{PREFIX}:(?P<act>send|page|cancel):(?P<place>\d{{1,3}}):(?P<ticket>[\w-]{{20,60}})"
SHOWN_ALT_TEXT = 300  # of each, as all text of a message together may have 4,000 characters


class PreviewButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
    """A button of a preview; its id has the signed name of the preview, which outlives the bot's process."""

    def __init__(self, button: discord.ui.Button[Any], act: str, place: int, ticket: str) -> None:
        super().__init__(button)
        self._act = act
        self._place = place
        self._ticket = ticket

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> PreviewButton:
        """Make the button anew out of its id."""
        assert isinstance(item, discord.ui.Button)
        return cls(item, match["act"], int(match["place"]), match["ticket"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the click over."""
        await interaction.client.previews.press(interaction, self._act, self._place, self._ticket)


def preview_view(preview: Preview) -> discord.ui.LayoutView:
    """Lay a page of a preview out."""
    head = PICK_GENTLE if preview.is_held else PICK
    place = PAGE.format(page=preview.page + 1, pages=preview.pages)
    view = discord.ui.LayoutView(timeout=None)
    notes = [NOTE.format(note=note) for note in preview.notes]
    view.add_item(discord.ui.TextDisplay("\n".join([head, *notes, NOTE.format(note=place)])))
    for number, reaction in enumerate(preview.shown, 1):
        alt_text = discord.utils.escape_markdown(alt_text_of(reaction, SHOWN_ALT_TEXT))
        text = OPTION.format(number=number, alt_text=alt_text)
        picture = discord.ui.Thumbnail[Any](_address(number), description=alt_text_of(reaction))
        view.add_item(discord.ui.Section(text, accessory=picture))
    view.add_item(discord.ui.ActionRow(*(_send(preview, n) for n in range(len(preview.shown)))))
    last = preview.page + 1 >= preview.pages
    view.add_item(
        discord.ui.ActionRow(
            _button(preview, SHUFFLE, "page", preview.page + 1, is_disabled=last),
            _button(preview, PREVIOUS, "page", max(0, preview.page - 1), is_disabled=preview.page == 0),
            _button(preview, CANCEL, "cancel", 0),
        )
    )
    view.stop()  # the client need not remember it: the buttons say all by their ids
    return view


def preview_files(preview: Preview) -> list[discord.File]:
    """Open the GIFs of a page."""
    return [gif_file(reaction, str(number)) for number, reaction in enumerate(preview.shown, 1)]


def _send(preview: Preview, place: int) -> discord.ui.Button[Any]:
    number = preview.page * SHOWN + place
    button = _button(preview, SEND.format(number=place + 1), "send", number)
    button.style = discord.ButtonStyle.primary
    return button


def _button(
    preview: Preview, label: str, act: str, place: int, *, is_disabled: bool = False
) -> discord.ui.Button[Any]:
    """Return a button whose id says which GIF or page it means, whatever is stored by then."""
    name = f"{PREFIX}:{act}:{place}:{preview.id}"
    return discord.ui.Button(label=label, custom_id=name, disabled=is_disabled)


def _address(number: int) -> str:
    return f"attachment://{number}.gif"
