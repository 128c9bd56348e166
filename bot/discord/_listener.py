"""Messages and reactions that come by themselves: mentions, direct messages, the automatic mode, thumbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.discord._desk import Desk
from bot.discord._posting import post
from bot.discord._reading import (
    heard,
    is_from_person,
    is_own_message,
    is_spoken_to,
    place_of_message,
    text_of,
)
from bot.errors import GoneError
from bot.feedback import THUMB
from bot.guards import is_pushy
from bot.messages import CANNOT_READ, NOTHING_SAID, refusal
from bot.places import Ask
from bot.reactor import Reactor
from inference.errors import MessageError, ReparteeError

if TYPE_CHECKING:
    from bot.discord._bot import DiscordBot

VOTES = {"\N{THUMBS UP SIGN}": THUMB, "\N{THUMBS DOWN SIGN}": -THUMB}
SKIN_TONES = {ord(tone): None for tone in "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"}


class Listener:
    """Answers who speaks to the bot, and decides about what is said in its presence."""

    def __init__(self, bot: DiscordBot, reactor: Reactor, desk: Desk, *, menu: str) -> None:
        self._bot = bot
        self._reactor = reactor
        self._desk = desk
        self._menu = menu

    async def hear(self, message: discord.Message) -> None:
        """Deal with a message that was just written."""
        me = self._bot.me
        if not is_from_person(message, me):
            return
        if is_spoken_to(message, me):
            await self._desk.note("mention", lambda: self._answer(message))
        elif self._bot.reads_messages and message.guild is not None and message.content:
            await self._desk.note("automatic", lambda: self._volunteer(message))

    async def vote(self, event: discord.RawReactionActionEvent) -> None:
        """Deal with a thumb that somebody puts under a message, or takes away."""
        value = VOTES.get(str(event.emoji).translate(SKIN_TONES))
        if value is None or event.user_id == self._bot.me or event.guild_id is None:
            return
        if event.message_author_id not in (None, self._bot.me) or (event.member and event.member.bot):
            return
        is_taken_back = event.event_type == "REACTION_REMOVE"

        async def work() -> str:
            voter = f"{event.user_id}:{value}"
            count = self._reactor.posts.take_back if is_taken_back else self._reactor.posts.vote
            return "counted" if await count(str(event.message_id), voter, value) else "not counted"

        await self._desk.note("thumb", work)

    async def _answer(self, message: discord.Message) -> str:
        memory, asker = self._reactor.memory, str(message.author.id)
        try:
            if not await memory.is_first(str(message.id)):
                return "delivered twice"
            if is_pushy(await memory.count_question(str(message.channel.id), asker)):
                return "too many"
            return await self._react(message)
        except ReparteeError as error:
            await _say(message, refusal(error))
            return type(error).__name__

    async def _react(self, message: discord.Message) -> str:
        about = message if text_of(message) or message.reference is None else await _answered(message)
        if about is not None and is_own_message(about, self._bot.me):
            raise MessageError
        is_empty = about is not message and (about is None or not text_of(about))
        if about is None or (is_empty and not self._bot.reads_messages):
            await _say(message, CANNOT_READ.format(menu=self._menu))
            return "unreadable"
        if about is message and not text_of(about) and not about.attachments:
            await _say(message, NOTHING_SAID.format(name=f"@{self._bot.name}"))
            return "nothing said"
        asker, author = str(message.author.id), str(about.author.id)
        place = place_of_message(message)
        ask = Ask(text_of(about), place, asker, author=author, target=str(about.id))
        pick = await self._reactor.best(ask)
        posted = await post(message.channel, pick.reaction, str(about.id), nonce=str(message.id))
        await self._reactor.posts.keep(place, pick.reaction, posted, asker=asker, author=author)
        return "gentle" if pick.is_held else "answered"

    async def _volunteer(self, message: discord.Message) -> str:
        event = heard(message)
        try:
            verdict = await self._reactor.volunteer.decide(event)
        except MessageError:
            return "nothing said"
        if verdict.reaction is None:
            return verdict.why
        nonce = str(message.id)
        try:
            posted = await post(message.channel, verdict.reaction, event.target, nonce=nonce, is_silent=True)
        except BaseException:
            await self._reactor.volunteer.give_back(event)
            raise
        await self._reactor.posts.keep(event.place, verdict.reaction, posted, author=event.author)
        return "answered"


async def _answered(message: discord.Message) -> discord.Message | None:
    """Return the message that another one answers, None where it cannot be seen.

    Raises:
        GoneError: it has been deleted.
    """
    reference = message.reference
    assert reference is not None
    if isinstance(reference.resolved, discord.Message):
        return reference.resolved
    if isinstance(reference.resolved, discord.DeletedReferencedMessage) or reference.message_id is None:
        raise GoneError
    try:
        return await message.channel.fetch_message(reference.message_id)
    except discord.NotFound as error:
        raise GoneError from error
    except discord.Forbidden:
        return None


async def _say(message: discord.Message, line: str) -> None:
    await message.reply(line, mention_author=False)
