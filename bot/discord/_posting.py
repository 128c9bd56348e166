"""Sending a GIF into a channel: as a reply where there is a message, pinging nobody, with its alt text."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discord

from bot.discord._reading import link_of
from bot.errors import ForbiddenError, GoneError, NoGifError
from bot.messages import NEVER, REMOVE, SENT_BY, SENT_BY_ABOUT
from bot.records import Preview
from inference.protocol import Reaction
from inference.wording import ELLIPSIS, fitted_alt_text, shortened

MAX_ALT_TEXT = 1024
NONCE_LETTERS = 25
UNKNOWN_MESSAGE = 10008
INVALID_FORM = 50035
NO_HISTORY = 160002
LOCKED = (50083, 160005)  # a thread that is archived or locked
REMOVE_ID, NEVER_ID = "rp:remove", "rp:never"

Interaction = discord.Interaction[Any]


def gif_file(reaction: Reaction, name: str = "") -> discord.File:
    """Read a GIF for sending; its description is the alt text.

    Raises:
        NoGifError: the file is gone.
    """
    slug = re.sub(r"\W+", "-", name or reaction.name.lower()).strip("-") or "reaction"
    try:
        # At once, as an open file would be read by another thread, piece by piece.
        content = Path(reaction.file).read_bytes()
    except OSError as error:
        raise NoGifError from error
    return discord.File(io.BytesIO(content), filename=f"{slug}.gif", description=alt_text_of(reaction))


def alt_text_of(reaction: Reaction, most: int = MAX_ALT_TEXT) -> str:
    """Return the alt text of a GIF, as much of it as there is room for."""
    return fitted_alt_text(reaction.alt_text, reaction.name, most)


def shorten(text: str, most: int) -> str:
    """Cut a text where a word ends."""
    return shortened(text, most, ELLIPSIS)


def post_buttons(*, has_moderators: bool) -> discord.ui.View:
    """Return what stands under a posted GIF; the ids of the buttons say all, so a restart is no matter."""
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label=REMOVE, custom_id=REMOVE_ID))
    if has_moderators:
        view.add_item(discord.ui.Button(label=NEVER, custom_id=NEVER_ID))
    view.stop()  # the client need not remember it
    return view


async def post_choice(interaction: Interaction, preview: Preview, chosen: Reaction) -> str:
    """Post what was chosen in a preview, in the name of who chose; return the id of the message.

    Where the bot is no member it posts by the interaction, which cannot reply but by a link.

    Raises:
        GoneError: the message that was to be answered has been deleted.
        ForbiddenError: the bot may not post there.
    """
    who = f"<@{preview.asker}>"
    if is_at_home(interaction):
        check_permissions(interaction, is_reply=bool(preview.target))
        nonce = preview.id[:NONCE_LETTERS]
        content = SENT_BY.format(who=who)
        return await post(interaction.channel, chosen, preview.target, content=content, nonce=nonce)
    link = link_of(preview.guild, preview.channel, preview.target) if preview.target else ""
    content = SENT_BY_ABOUT.format(who=who, link=link) if link else SENT_BY.format(who=who)
    view = post_buttons(has_moderators=bool(preview.guild))
    with _explained():
        sent = await interaction.followup.send(content, file=gif_file(chosen), view=view, wait=True)
    return str(sent.id)


async def post(
    channel: Any,
    reaction: Reaction,
    target: str = "",
    *,
    content: str | None = None,
    nonce: str | None = None,
    is_silent: bool = False,
) -> str:
    """Post a GIF in a channel, as a reply to the message `target` if there is one; return the post's id.

    Raises:
        GoneError: the message that was to be answered has been deleted.
        ForbiddenError: the bot may not post there.
    """
    options: dict[str, Any] = {}
    if target:
        options["reference"] = discord.MessageReference(message_id=int(target), channel_id=channel.id)
    if nonce:
        options["nonce"] = nonce
    guild = getattr(channel, "guild", None)
    view = post_buttons(has_moderators=guild is not None)
    with _explained():
        sent = await channel.send(
            content, file=gif_file(reaction), view=view, mention_author=False, silent=is_silent, **options
        )
    return str(sent.id)


def is_at_home(interaction: Interaction) -> bool:
    """Whether the bot itself can write there: it is a member of the server, or alone with the person."""
    if interaction.guild_id is None:
        return interaction.context.dm_channel
    return interaction.is_guild_integration()


def check_permissions(interaction: Interaction, *, is_reply: bool) -> None:
    """Refuse a channel in which the bot lacks a permission that it needs.

    Raises:
        ForbiddenError: it may not post there.
    """
    may = interaction.app_permissions
    is_thread = isinstance(interaction.channel, discord.Thread)
    may_send = may.send_messages_in_threads if is_thread else may.send_messages
    may_all = may.view_channel and may_send and may.attach_files
    may_all = may_all and (may.read_message_history or not is_reply)
    if interaction.guild_id is not None and not may_all:
        raise ForbiddenError


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except discord.Forbidden as error:
        raise ForbiddenError from error
    except discord.HTTPException as error:
        if error.code in (NO_HISTORY, *LOCKED):
            raise ForbiddenError from error
        is_reference = error.code == INVALID_FORM and "message_reference" in error.text
        if error.code == UNKNOWN_MESSAGE or is_reference:
            raise GoneError from error
        raise
