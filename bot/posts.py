"""What the bot has posted: who may take it away, what is never to come again, and what people think of it."""

from __future__ import annotations

import contextlib

from bot import guards
from bot.errors import ExpiredError, NotYoursError
from bot.memory import Memory
from bot.places import Place
from bot.records import Post
from inference.errors import UnavailableError
from inference.protocol import Reaction


class Posts:
    """The messages of the bot that show a GIF."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def keep(
        self, place: Place, reaction: Reaction, message: str, *, asker: str = "", author: str = ""
    ) -> None:
        """Note that a message of the bot shows a GIF, and who may take it away."""
        post = Post(
            gif=reaction.id,
            name=reaction.name,
            fingerprint=reaction.fingerprint,
            guild=place.guild,
            asker=asker,
            author=author,
        )
        with contextlib.suppress(UnavailableError):  # it is posted, whatever becomes of the note
            await self._memory.keep_post(message, place.channel, post)

    async def remove(self, message: str, person: str, *, is_moderator: bool) -> None:
        """Let a person take a post away.

        Raises:
            NotYoursError: neither asked for it, nor wrote what it answers, nor moderates.
        """
        post = await self._memory.post(message)
        asker, author = (post.asker, post.author) if post else ("", "")
        if not guards.may_remove(person, asker=asker, author=author, is_moderator=is_moderator):
            raise NotYoursError

    async def ban(self, message: str, *, is_moderator: bool) -> Post:
        """Never show the GIF of a post on its server again, nor one that looks like it.

        Raises:
            NotYoursError: only moderators decide that.
            ExpiredError: the post is too old.
        """
        if not is_moderator:
            raise NotYoursError
        post = await self._memory.post(message)
        if post is None or not post.guild or not post.fingerprint:
            raise ExpiredError
        await self._memory.ban(post.guild, post.name, post.fingerprint)
        return post

    async def vote(self, message: str, voter: str, amount: float) -> bool:
        """Count a thumb under a post of the bot, of each voter once; whether it counted.

        Args:
            message: the post.
            voter: who votes, and how: somebody may put several thumbs there.
            amount: above 0 for the GIF, below against it.
        """
        post = await self._memory.post(message)
        if post is None or not post.guild or not await self._memory.note_voter(message, voter):
            return False
        await self._memory.vote(post.guild, post.gif, amount)
        return True

    async def take_back(self, message: str, voter: str, amount: float) -> bool:
        """Take back what `vote` counted; whether there was anything."""
        post = await self._memory.post(message)
        if post is None or not post.guild or not await self._memory.drop_voter(message, voter):
            return False
        await self._memory.take_back(post.guild, post.gif, amount)
        return True
