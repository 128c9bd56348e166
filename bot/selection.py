"""Which GIFs can be shown in a place now: ranked, without what was seen, is banned or cannot be sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from bot.memory import Memory
from bot.places import Place
from inference.client import ReactionService
from inference.logs import get_logger
from inference.protocol import Reaction, ReactReply, ReactRequest

ATTEMPTS = 4  # at GIFs that can be sent, each without those that cannot


@dataclass(frozen=True)
class Limits:
    """What must not be shown in a place now."""

    place: Place
    recent: list[str]
    banned: list[str]
    shifts: dict[str, float]

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
        )


class Selection:
    """Asks the service under the limits of a place."""

    def __init__(self, service: ReactionService, memory: Memory) -> None:
        self._service = service
        self._memory = memory
        self._sizes: dict[
            str, int
        ] = {}  # of files: asking for them anew took as long as all else of a ranking
        self._log = get_logger("selection")

    async def limits(self, place: Place) -> Limits:
        """Look up what must not be shown in a place now."""
        recent = await self._memory.recent(place.channel)
        if not place.guild:
            return Limits(place, recent, [], {})
        bans, shifts = await asyncio.gather(self._memory.bans(place.guild), self._memory.shifts(place.guild))
        return Limits(place, recent, [ban.fingerprint for ban in bans], shifts)

    async def rank(
        self, text: str, limits: Limits, k: int, categories: Sequence[str], kinds: int = 0
    ) -> tuple[ReactReply, list[Reaction]]:
        """Rank GIFs; others take the place of those that cannot be sent, as far as there are some."""
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
