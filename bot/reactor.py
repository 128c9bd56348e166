"""May we react, where, and with what: the rules of every chat, whatever the platform.

An adapter says what happened (`bot.places`) and gets GIFs or a typed refusal (`bot.errors`,
`inference.errors`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from bot.errors import ExpiredError, ForeignError, NoGifError, NotYoursError, OptedOutError
from bot.feedback import PASSED_OVER, SEND
from bot.gentle import GENTLE
from bot.memory import Memory
from bot.places import Ask, Place
from bot.posts import Posts
from bot.records import Preview
from bot.selection import Selection
from bot.variety import in_pages
from bot.volunteer import Volunteer
from inference.client import ReactionService
from inference.errors import UnavailableError
from inference.protocol import Reaction, ReactReply

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
        reply, sendable = await self._select(ask, PREVIEWED, KINDS)
        preview = Preview(
            id=self._issue(),
            asker=ask.asker,
            author=ask.author,
            channel=ask.place.channel,
            guild=ask.place.guild,
            target=ask.target,
            reactions=[msgspec.structs.replace(r, why="") for r in in_pages(_required(sendable))],
            is_held=reply.is_held,
            notes=reply.notes,
        )
        await self.memory.keep_preview(preview)
        return preview

    async def turn(self, name: str, person: str, page: int) -> Preview:
        """Leaf to a page (from 0) of a preview; who leafs on casts a vote against what is passed over.

        That counts once a page. The page is absolute, as what people see may be older than what is stored.

        Raises:
            WishError: it is too old, or somebody else's.
        """
        preview = await self.find(name, person)
        turned = msgspec.structs.replace(preview, page=min(max(0, page), preview.pages - 1))
        passed = turned.page - 1
        if passed >= 0 and preview.guild and await self.memory.claim(f"passed:{name}:{passed}"):
            gifs = [reaction.id for reaction in preview.on_page(passed)]
            await self._vote(preview.guild, gifs, -PASSED_OVER)
        await self.memory.keep_preview(turned)
        return turned

    async def choose(self, name: str, person: str, number: int) -> tuple[Preview, Reaction]:
        """Take the GIF at a place of the whole preview, from 0; nobody can take one of it again.

        The adapter posts it and then calls `settle`, or `give_back` where that failed.

        Raises:
            WishError: the preview is too old, used up, or somebody else's.
        """
        preview = await self.find(name, person)
        if not 0 <= number < len(preview.reactions):
            raise ExpiredError
        chosen = preview.reactions[number]
        await self._check_author(person, preview.author)
        if preview.guild and chosen.fingerprint in await self._banned(preview.guild):
            raise NoGifError
        if not await self.memory.claim(f"choice:{name}"):
            raise ExpiredError
        return preview, chosen

    async def settle(self, preview: Preview, chosen: Reaction, message: str) -> None:
        """Note that a chosen GIF is posted, as the given message; it is, whatever becomes of the note."""
        with contextlib.suppress(UnavailableError):
            await self._note(preview, chosen, message)

    async def _note(self, preview: Preview, chosen: Reaction, message: str) -> None:
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
        reply, sendable = await self._select(ask, 1)
        if reply.is_foreign:
            raise ForeignError
        return Pick(_required(sendable)[0], reply.is_held)

    async def _select(self, ask: Ask, k: int, kinds: int = 0) -> tuple[ReactReply, list[Reaction]]:
        """Rank GIFs for what somebody asked; gentle ones where the message is grave."""
        async with self._selection.turn():
            await self._check_author(ask.asker, ask.author)
            limits = await self._selection.limits(ask.place)
            wanted = (ask.mood,) if ask.mood else ()
            reply, sendable = await self._selection.rank(ask.text, limits, k, wanted, kinds)
            reply = await self._selection.hear_out(ask.text, reply)
            if reply.is_held:
                sendable = (await self._selection.rank(ask.text, limits, k, GENTLE))[1]
            return reply, sendable

    async def _banned(self, guild: str) -> set[str]:
        return {ban.fingerprint for ban in await self.memory.bans(guild)}

    async def _check_author(self, asker: str, author: str) -> None:
        if author and author != asker and await self.memory.has_opted_out(author):
            raise OptedOutError

    async def _vote(self, guild: str, gifs: Sequence[str], amount: float) -> None:
        for gif in gifs:
            await self.memory.vote(guild, gif, amount)


def _required(reactions: list[Reaction]) -> list[Reaction]:
    if not reactions:
        raise NoGifError
    return reactions
