"""May we react, where, and with what: the rules of every chat, whatever the platform.

An adapter says what happened (`bot.places`) and gets GIFs or a typed refusal (`bot.errors`,
`inference.errors`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from bot.errors import ExpiredError, NoGifError, NotYoursError, OptedOutError
from bot.feedback import PASSED_OVER, SEND
from bot.memory import Memory
from bot.places import Ask, Place
from bot.posts import Posts
from bot.records import Preview
from bot.selection import Selection
from bot.variety import in_pages
from bot.volunteer import Volunteer
from inference.client import ReactionService
from inference.protocol import Reaction

GENTLE = ("hug", "hearts", "sorry")  # the primary categories that fit a grave message
KINDS = 8  # of which a preview is made up
PREVIEWED = 24


class Pick(NamedTuple):
    """The best GIF, and whether the message is grave, so that it is a gentle one."""

    reaction: Reaction
    is_held: bool


class Reactor:
    """Answers what people ask; its `volunteer` speaks up unasked, its `posts` are what came of it."""

    def __init__(self, service: ReactionService, memory: Memory, *, issue: Callable[[], str]) -> None:
        """Put the core together.

        Args:
            service: ranks GIFs.
            memory: settings and counters of the platform.
            issue: makes names of previews that nobody can guess.
        """
        self._issue = issue
        self._selection = Selection(service, memory)
        self.memory = memory
        self.posts = Posts(memory)
        self.volunteer = Volunteer(self._selection, memory)

    async def preview(self, ask: Ask) -> Preview:
        """Lay out GIFs for a person to choose from; gentle ones only where the message is grave.

        Raises:
            WishError: there is none to be had.
            ReparteeError: the message cannot be answered, or nothing answers.
        """
        await self._check_author(ask)
        limits = await self._selection.limits(ask.place)
        wanted = (ask.mood,) if ask.mood else ()
        reply, sendable = await self._selection.rank(ask.text, limits, PREVIEWED, wanted, KINDS)
        if reply.is_held:
            sendable = (await self._selection.rank(ask.text, limits, PREVIEWED, GENTLE))[1]
        preview = Preview(
            id=self._issue(),
            asker=ask.asker,
            author=ask.author,
            channel=ask.place.channel,
            guild=ask.place.guild,
            target=ask.target,
            reactions=[msgspec.structs.replace(r, why="") for r in in_pages(_required(sendable))],
            is_held=reply.is_held,
        )
        await self.memory.keep_preview(preview)
        return preview

    async def turn(self, name: str, person: str, step: int) -> Preview:
        """Leaf through a preview; who leafs on casts a vote against what is passed over for the first time.

        Raises:
            WishError: it is too old, or somebody else's.
        """
        preview = await self.find(name, person)
        page = min(max(0, preview.page + step), preview.pages - 1)
        is_new = page > preview.furthest
        if is_new and preview.guild:
            await self._vote(preview.guild, [reaction.id for reaction in preview.shown], -PASSED_OVER)
        turned = msgspec.structs.replace(preview, page=page, furthest=max(page, preview.furthest))
        await self.memory.keep_preview(turned)
        return turned

    async def choose(self, name: str, person: str, number: int) -> tuple[Preview, Reaction]:
        """Take the GIF at a place of the page, counted from 0; nobody can take one of this preview again.

        The adapter posts it and then calls `settle`, or `give_back` where that failed.

        Raises:
            WishError: the preview is too old, used up, or somebody else's.
        """
        preview = await self.find(name, person)
        if not 0 <= number < len(preview.shown) or not await self.memory.claim(f"choice:{name}"):
            raise ExpiredError
        return preview, preview.shown[number]

    async def settle(self, preview: Preview, chosen: Reaction, message: str) -> None:
        """Note that a chosen GIF is posted, as the given message."""
        place = Place(preview.channel, preview.guild)
        await self.posts.keep(place, chosen, message, asker=preview.asker, author=preview.author)
        if preview.guild:
            await self._vote(preview.guild, [chosen.id], SEND)
        await self.memory.drop_preview(preview.id)

    async def give_back(self, preview: Preview) -> None:
        """Let a person choose again, as what was chosen could not be posted."""
        await self.memory.release(f"choice:{preview.id}")

    async def drop(self, name: str, person: str) -> None:
        """Throw a preview away.

        Raises:
            NotYoursError: it is somebody else's.
        """
        try:
            await self.find(name, person)
        except ExpiredError:
            return
        await self.memory.drop_preview(name)

    async def find(self, name: str, person: str) -> Preview:
        """Return a preview of this person.

        Raises:
            WishError: it is too old, or somebody else's.
        """
        preview = await self.memory.preview(name)
        if preview is None:
            raise ExpiredError
        if preview.asker != person:
            raise NotYoursError
        return preview

    async def best(self, ask: Ask) -> Pick:
        """Return the best GIF for what somebody asked; a gentle one where the message is grave.

        Raises:
            WishError: there is none to be had.
            ReparteeError: the message cannot be answered, or nothing answers.
        """
        await self._check_author(ask)
        limits = await self._selection.limits(ask.place)
        wanted = (ask.mood,) if ask.mood else ()
        reply, sendable = await self._selection.rank(ask.text, limits, 1, wanted)
        if reply.is_held:
            sendable = (await self._selection.rank(ask.text, limits, 1, GENTLE))[1]
        return Pick(_required(sendable)[0], reply.is_held)

    async def _check_author(self, ask: Ask) -> None:
        if ask.author and ask.author != ask.asker and await self.memory.has_opted_out(ask.author):
            raise OptedOutError

    async def _vote(self, guild: str, gifs: Sequence[str], amount: float) -> None:
        for gif in gifs:
            await self.memory.vote(guild, gif, amount)


def _required(reactions: list[Reaction]) -> list[Reaction]:
    if not reactions:
        raise NoGifError
    return reactions
