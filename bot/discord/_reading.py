"""What Discord's objects say in the words of the core: text, place, who may what."""

from __future__ import annotations

import re
from typing import Any

import discord

from bot.places import ADULT_RATING, DEFAULT_MAX_BYTES, OPEN_RATING, Heard, Place

PREVIEW_BYTES = 8 * 1024 * 1024  # three of them go into one request, which may have 25 MiB
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_MENTION = re.compile(r"<(?:@[!&]?|#|/[^:>]+:|id:)\w+>")
_TIME = re.compile(r"<t:\d+(?::\w)?>")


def plain(content: str) -> str:
    """Return what a person said: custom emoji by their names, mentions of people and channels left out."""
    named = _EMOJI.sub(lambda found: f" {found[1].replace('_', ' ')} ", content)
    return " ".join(_TIME.sub(" ", _MENTION.sub(" ", named)).split())


def text_of(message: discord.Message) -> str:
    """Return what a message says; a forwarded one says what was forwarded."""
    contents = [message.content, *(snapshot.content for snapshot in message.message_snapshots)]
    return plain(" ".join(contents))


def place_of(
    channel: Any, guild: int | None, max_bytes: int = DEFAULT_MAX_BYTES, *, channel_id: int | None = None
) -> Place:
    """Describe a channel; one with an age limit may see more."""
    return Place(
        channel=str(channel_id or channel.id),
        guild="" if guild is None else str(guild),
        max_rating=ADULT_RATING if is_age_restricted(channel) else OPEN_RATING,
        max_bytes=max_bytes,
    )


def place_of_interaction(interaction: discord.Interaction[Any]) -> Place:
    """Describe where somebody asks; the size limit is that of the very interaction."""
    return place_of(
        interaction.channel,
        interaction.guild_id,
        min(interaction.filesize_limit, PREVIEW_BYTES),
        channel_id=interaction.channel_id,
    )


def place_of_message(message: discord.Message) -> Place:
    """Describe where a message stands."""
    if message.guild is None:
        return place_of(message.channel, None)
    return place_of(message.channel, message.guild.id, message.guild.filesize_limit)


def heard(message: discord.Message) -> Heard:
    """Describe a message of a server that nobody asked to react to."""
    is_thread = isinstance(message.channel, discord.Thread)
    return Heard(
        text=text_of(message),
        place=place_of_message(message),
        author=str(message.author.id),
        target=str(message.id),
        is_top=not is_thread and message.reference is None,
        settings_channel=settings_channel(message.channel),
    )


def settings_channel(channel: Any) -> str:
    """Return the id of the channel whose settings hold: a thread has those of the one it belongs to."""
    return str(channel.parent_id if isinstance(channel, discord.Thread) else channel.id)


def is_age_restricted(channel: Any) -> bool:
    """Whether only adults see a channel, or the channel that a thread belongs to."""
    owner = channel.parent if isinstance(channel, discord.Thread) else channel
    return bool(getattr(owner, "nsfw", False))


def is_spoken_to(message: discord.Message, me: int) -> bool:
    """Whether somebody speaks to the bot: by its name, or alone with it. A mere reply to its GIF does not."""
    return message.guild is None or me in message.raw_mentions


def is_from_person(message: discord.Message, me: int) -> bool:
    """Whether a person said something; neither this bot, nor another one, nor the platform itself."""
    is_said = message.type in (discord.MessageType.default, discord.MessageType.reply)
    return is_said and not is_own_message(message, me) and not is_bot_message(message)


def is_own_message(message: discord.Message, me: int) -> bool:
    """Whether the bot itself wrote it."""
    return message.author.id == me


def is_bot_message(message: discord.Message) -> bool:
    """Whether a program wrote it: a bot or a webhook."""
    return message.author.bot or message.webhook_id is not None


def is_moderator(interaction: discord.Interaction[Any]) -> bool:
    """Whether who clicks may delete messages of others there."""
    return interaction.guild_id is not None and interaction.permissions.manage_messages


def link_of(guild: str, channel: str, message: str) -> str:
    """Return the address of a message."""
    return f"https://discord.com/channels/{guild or '@me'}/{channel}/{message}"
