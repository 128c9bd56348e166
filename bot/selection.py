"""Which GIFs can be shown in a place now: ranked, without what was seen, is banned or cannot be sent."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from bot.memory import Memory
from bot.places import Place
from inference.client import ReactionService
from inference.errors import DeadlineError
from inference.logs import get_logger
from inference.protocol import DEFAULT_TIMEOUT_S, Reaction, ReactReply, ReactRequest

WINDOW = 400  # characters: what a model reads of a message, and a little less
MOST_WINDOWS = 40  # 8,000 characters with overlap, 16,000 without
LAST_WORDS = 40
AT_ONCE = 8
LATE = "So many ask at once that this one was not looked at in time."
ATTEMPTS = 4  # at GIFs that can be sent, each without those that cannot


@dataclass(frozen=True)
class Limits:
    """What must not be shown in a place now."""

    place: Place
    recent: list[str]
    banned: list[str]
    shifts: dict[str, float]
    scope: str = ""

    def request(
        self, text: str, k: int, categories: Sequence[str], avoid: Sequence[str], kinds: int = 0
    ) -> ReactRequest:
        """Ask for GIFs that may be shown."""
        return ReactRequest(
            text=text,
            k=k,
            categories=list(categories),
            kinds=kinds,
            avoid=[*self.recent, *avoid],
            max_rating=self.place.max_rating,
            banned=self.banned,
            shifts=self.shifts,
            scope=self.scope,
        )


class Selection:
    """Asks the service under the limits of a place."""

    def __init__(
        self, service: ReactionService, memory: Memory, *, patience_s: float = DEFAULT_TIMEOUT_S
    ) -> None:
        self._service = service
        self._memory = memory
        # Of files: to ask for them anew took as long as all else of a ranking.
        self._sizes: dict[str, int] = {}
        self._patience_s = patience_s
        self._places = asyncio.Semaphore(AT_ONCE)
        self._log = get_logger("selection")

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one of a few places, so that a crowd's looking up and ranking does not delay acknowledgements.

        Raises:
            DeadlineError: there was none in time.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError:
            raise DeadlineError(LATE) from None
        try:
            yield
        finally:
            self._places.release()

    async def limits(self, place: Place) -> Limits:
        """Look up what must not be shown in a place now."""
        recent = await self._memory.recent(place.channel)
        if not place.guild:
            return Limits(place, recent, [], {})
        bans, shifts = await asyncio.gather(self._memory.bans(place.guild), self._memory.shifts(place.guild))
        banned = [ban.fingerprint for ban in bans]
        return Limits(place, recent, banned, shifts, self._memory.scope(place.guild))

    async def rank(
        self, text: str, limits: Limits, k: int, categories: Sequence[str], kinds: int = 0
    ) -> tuple[ReactReply, list[Reaction]]:
        """Rank GIFs; others take the place of those that cannot be sent, as far as there are some.

        Where nothing else is left, what was seen comes again, the longest ago first.
        """
        reply, sendable = await self._rank(text, limits, k, categories, kinds)
        while not sendable and limits.recent:
            limits = replace(limits, recent=limits.recent[: len(limits.recent) // 2])
            reply, sendable = await self._rank(text, limits, k, categories, kinds)
        return reply, sendable

    async def hear_out(self, text: str, reply: ReactReply) -> ReactReply:
        """Look at what the model cut off a long message: the reply is held if anything in it is grave."""
        parts = windows(text) if reply.is_cut else []
        for part in parts:
            if reply.is_held:
                break
            heard = await self._service.react(ReactRequest(text=part, k=1))
            reply = msgspec.structs.replace(reply, hold=max(reply.hold, heard.hold))
        return reply

    async def _rank(
        self, text: str, limits: Limits, k: int, categories: Sequence[str], kinds: int
    ) -> tuple[ReactReply, list[Reaction]]:
        unsendable: list[str] = []
        for _ in range(ATTEMPTS):
            reply = await self._service.react(limits.request(text, k, categories, unsendable, kinds))
            missing = [r.id for r in reply.reactions if not self._is_sendable(r, limits.place.max_bytes)]
            if not missing:
                break
            not_here = sum(r.file not in self._sizes for r in reply.reactions)
            self._log.warning("GIFs left out", too_large=len(missing) - not_here, not_on_this_host=not_here)
            unsendable += missing
        return reply, [reaction for reaction in reply.reactions if reaction.id not in unsendable]

    def _is_sendable(self, reaction: Reaction, max_bytes: int) -> bool:
        """Whether the file of a GIF lies on this host and is small enough."""
        size = self._sizes.get(reaction.file)
        if size is None:
            try:
                size = self._sizes[reaction.file] = os.stat(reaction.file).st_size
            except OSError:
                return False
        return size <= max_bytes


def windows(text: str) -> list[str]:
    """Cut what follows the beginning of a long message into pieces that overlap by half, the last first."""
    step = WINDOW // 2 if len(text) < MOST_WINDOWS * WINDOW // 2 else WINDOW
    starts = range(WINDOW // 2, len(text) - WINDOW // 2, step)
    pieces = [*(text[start : start + WINDOW] for start in starts), text[-LAST_WORDS:]]
    return [piece for piece in reversed(pieces) if piece.strip()][:MOST_WINDOWS]
