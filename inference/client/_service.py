"""The protocol of every service, and what they have in common."""

from __future__ import annotations

import math
import uuid
from typing import Protocol

import msgspec

from inference.errors import MessageError
from inference.protocol import ReactReply, ReactRequest

CLOSED = "The service is closed and answers no more."
BUSY = "Too many messages wait for an answer right now: ask again in a moment."
LATE = "There was no answer within {timeout_s:g} s: ask again in a moment."
BAD_TIMEOUT = "Nobody can wait {timeout_s} s for an answer: pass a number above 0."
BAD_COUNT = "{k} GIFs are too many at once: ask for {most} at most."
MAX_TIMEOUT_S = 60.0
MAX_COUNT = 1_000
MAX_CHARACTERS = 200_000  # far more than a model reads


class ReactionService(Protocol):
    """Answers requests; who asks does not know in which process."""

    async def react(self, request: ReactRequest) -> ReactReply:
        """Rank GIFs for a message; ends within the request's `timeout_s`.

        Raises:
            MessageError: the request cannot be answered.
            ServiceError: it was not answered; the subclass says why.
        """

    async def close(self) -> None:
        """Free what the service holds; who still waits gets a `ServiceError`."""


def completed(request: ReactRequest) -> ReactRequest:
    """Give a request an id and a trace where it has none, and limit its time and text.

    Raises:
        MessageError: its time or number of GIFs is no sensible number.
    """
    if not (math.isfinite(request.timeout_s) and request.timeout_s > 0):
        raise MessageError(BAD_TIMEOUT.format(timeout_s=request.timeout_s))
    if request.k > MAX_COUNT:
        raise MessageError(BAD_COUNT.format(k=request.k, most=MAX_COUNT))
    made = uuid.uuid4().hex
    text = request.text[:MAX_CHARACTERS]
    return msgspec.structs.replace(
        request,
        text=text.encode("utf-16", "surrogatepass").decode(
            "utf-16", "replace"
        ),  # halves of pairs don't travel
        id=request.id or made,
        trace=request.trace or made,
        timeout_s=min(request.timeout_s, MAX_TIMEOUT_S),
    )
