"""What Slack's payloads say in the words of the core: text, place, who and what is answered."""

from __future__ import annotations

import html
import re

import emoji

from bot.places import Heard, Place
from bot.slack._words import Payload

_LINK = re.compile(r"<(?:https?:|mailto:)[^|>]*(?:\|([^>]*))?>")
_MENTION = re.compile(r"<[@#!][^>]*>")
_EMOJI = re.compile(r"(?<![\w:]):([a-z0-9_+'-]{1,100}):(?::skin-tone-\d:)?")
_PERSONAL = (None, "file_share", "thread_broadcast")


def plain(text: str) -> str:
    """Return what a person said: emoji by their names, links by their labels, mentions left out."""
    unlinked = _MENTION.sub(" ", _LINK.sub(lambda found: f" {found[1] or ''} ", text))
    return " ".join(html.unescape(_EMOJI.sub(_emoji, unlinked)).split())


def _emoji(found: re.Match[str]) -> str:
    """Return the emoji that a name stands for, a name of the workspace's own as words; times stay times."""
    known = emoji.emojize(f":{found[1]}:", language="alias")
    if known != f":{found[1]}:":
        return f" {known} "
    return f" {found[1].replace('_', ' ')} " if re.search("[a-z]", found[1]) else found[0]


def place_of(team: str, channel: str) -> Place:
    """Describe a conversation."""
    return Place(channel=channel, guild=team)


def name_of(channel: str, ts: str) -> str:
    """Name a message: a time stamp is one of its channel only."""
    return f"{channel}:{ts}"


def heard(team: str, event: Payload) -> Heard:
    """Describe a message that nobody asked to react to."""
    channel, ts = event["channel"], event["ts"]
    return Heard(
        text=plain(event.get("text", "")),
        place=place_of(team, channel),
        author=event["user"],
        target=name_of(channel, ts),
        is_top=event.get("thread_ts", ts) == ts,
        settings_channel=channel,
    )


def is_from_person(event: Payload, me: str) -> bool:
    """Whether a person said something new: neither this bot, nor a program, nor an edit or a notice."""
    if event.get("subtype") not in _PERSONAL or event.get("hidden") or "edited" in event:
        return False
    return not is_own_message(event, me) and not is_bot_message(event)


def is_own_message(event: Payload, me: str) -> bool:
    """Whether the bot itself wrote it."""
    return bool(event.get("user") == me)


def is_bot_message(event: Payload) -> bool:
    """Whether a program wrote it."""
    return "bot_id" in event or "user" not in event


def is_direct(event: Payload) -> bool:
    """Whether somebody is alone with the bot."""
    return event.get("channel_type") == "im" or str(event.get("channel", "")).startswith("D")


def is_spoken_to(event: Payload, me: str) -> bool:
    """Whether the bot is mentioned."""
    return f"<@{me}" in event.get("text", "")
