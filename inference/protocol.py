"""What goes in and what comes out: the structs that adapters and the engine share.

Imports nothing of the project. Unknown fields are ignored, so that older readers accept newer writers.
"""

from __future__ import annotations

import msgspec


class ReactRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A message to react to: `k` GIFs at most, only of `categories` where any are named."""

    text: str
    id: str | int | None = None
    k: int = 3
    categories: list[str] = []


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """One ranked GIF.

    `score` is the cosine of message and GIF, `confidence` the calibrated probability that a person
    calls the pick great, `file` the path of the GIF, `categories` has the primary one first.
    """

    id: str
    file: str
    name: str
    categories: list[str]
    alt_text: str
    score: float
    confidence: float
    why: str
    code_point: str


class ReactReply(msgspec.Struct, frozen=True, kw_only=True):
    """Ranked GIFs, best first, and `hold`, the probability that no playful GIF should be sent.

    `is_cut` says that only the beginning of the message was read, `is_foreign` that it is mostly in a
    language that the model does not know; `notes` say so in sentences, for the person who asked.
    `timings_ms` has one entry a stage.
    """

    hold: float
    reactions: list[Reaction]
    bundle: str
    catalogue: str
    timings_ms: dict[str, float] = {}
    notes: list[str] = []
    is_cut: bool = False
    is_foreign: bool = False


class RankedGif(msgspec.Struct, frozen=True):
    """A GIF in the JSON output of the command line."""

    id: str
    file: str
    code_point: str
    categories: list[str]
    score: float
    alt_text: str


class RankedMessage(msgspec.Struct, frozen=True):
    """One line of the JSON output of the command line."""

    id: str | int | None
    hold: float
    gifs: list[RankedGif]


def ranked_message(message_id: str | int | None, reply: ReactReply) -> RankedMessage:
    """Shorten a reply to what the JSON output holds."""
    gifs = [RankedGif(r.id, r.file, r.code_point, r.categories, r.score, r.alt_text) for r in reply.reactions]
    return RankedMessage(message_id, reply.hold, gifs)
