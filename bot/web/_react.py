"""A message in, ranked GIFs out: a POST, so that no log of addresses has the message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot.gentle import GENTLE
from bot.web._bodies import answer, check_categories, read_json
from bot.web._records import GifView, Ranked, ReactAnswer, ReactBody
from bot.web._shelf import Shelf, inner_scope
from inference.client import ReactionService
from inference.protocol import Reaction, ReactReply, ReactRequest

GENTLE_SHOWN = 3


class React:
    """Asks the service for people who try it."""

    def __init__(self, service: ReactionService, shelf: Shelf) -> None:
        self._service = service
        self._shelf = shelf

    async def react(self, request: Request) -> Response:
        """Rank GIFs for a message."""
        body = await read_json(request, ReactBody)
        if body.mood:
            check_categories([body.mood])
        scope = inner_scope(body.scope)
        wanted = ReactRequest(
            text=body.text,
            k=body.k,
            categories=[body.mood] if body.mood else [],
            max_rating=body.max_rating,
            scope=scope,
        )
        started = time.perf_counter()
        reply = await self._service.react(wanted)
        gentle = await self._gentle(wanted) if reply.is_held else []
        took_ms = 1000 * (time.perf_counter() - started)
        playful = await self._ranked(body.scope, reply.reactions)
        return answer(_answer(reply, playful, await self._ranked(body.scope, gentle), round(took_ms, 2)))

    async def _gentle(self, wanted: ReactRequest) -> list[Reaction]:
        gentle = msgspec.structs.replace(wanted, categories=list(GENTLE), k=GENTLE_SHOWN)
        return (await self._service.react(gentle)).reactions

    async def _ranked(self, scope: str, reactions: Sequence[Reaction]) -> list[Ranked]:
        items = await asyncio.gather(*(self._shelf.seen_from(scope, reaction.id) for reaction in reactions))
        return [
            Ranked(
                gif=item.view if item else _elsewhere(reaction),
                score=reaction.score,
                confidence=reaction.confidence,
                why=reaction.why,
            )
            for reaction, item in zip(reactions, items, strict=True)
        ]


def _answer(reply: ReactReply, ranked: list[Ranked], gentle: list[Ranked], took_ms: float) -> ReactAnswer:
    return ReactAnswer(
        reactions=ranked,
        gentle=gentle,
        hold=reply.hold,
        hold_threshold=reply.hold_threshold,
        is_held=reply.is_held,
        is_cut=reply.is_cut,
        is_foreign=reply.is_foreign,
        notes=reply.notes,
        model=reply.bundle,
        took_ms=took_ms,
        timings_ms=reply.timings_ms,
    )


def _elsewhere(reaction: Reaction) -> GifView:
    """Describe a GIF that running workers have and this host has not."""
    return GifView(
        id=reaction.id,
        scope="elsewhere",
        pack="",
        name=reaction.name,
        categories=reaction.categories,
        tags=[],
        alt_text=reaction.alt_text,
        rating=reaction.rating,
        licence="",
        url=f"/gifs/{reaction.id}",
        still=f"/gifs/{reaction.id}/still",
    )
