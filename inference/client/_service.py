"""The protocol of every service, and what they have in common."""

from __future__ import annotations

import uuid
from typing import Protocol

import msgspec

from inference.protocol import ReactReply, ReactRequest

CLOSED = "The service is closed and answers no more."
BUSY = "Too many messages wait for an answer right now: ask again in a moment."
LATE = "There was no answer within {timeout_s:g} s: ask again in a moment."
MAX_TIMEOUT_S = 60.0


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
    """Give a request an id and a trace where it has none, and limit its time."""
    made = uuid.uuid4().hex
    return msgspec.structs.replace(
        request,
        id=request.id or made,
        trace=request.trace or made,
        timeout_s=min(max(request.timeout_s, 0.0), MAX_TIMEOUT_S),
    )
