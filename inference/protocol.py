"""What goes in and what comes out: the structs that adapters and the engine share, also on the wire.

Imports nothing of the project. On the wire they are MessagePack maps; unknown fields are ignored and new ones
have defaults, so that readers and writers of one schema version may differ in age.
"""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA_VERSION = 1
READABLE_VERSIONS = frozenset({1})
DEFAULT_TIMEOUT_S = 5.0

Rating = Literal["g", "pg", "pg-13", "r"]
RATINGS: tuple[Rating, ...] = ("g", "pg", "pg-13", "r")


class ReactRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message to react to.

    At most `k` GIFs are wanted, only of `categories` where any are named, of no more than the `kinds` best
    ones where that is above 0, none whose id is in `avoid`, none rated above `max_rating`, none that looks
    like one of `banned` (each the `fingerprint` of a `Reaction`; empty ones stand for none). `shifts` holds
    by the id of a GIF what is added to its score for the order only, from -1 to 1; unknown ids are ignored.
    Beside the GIFs for everybody those of the own packs of `scope` are looked at, a server or workspace such
    as "discord:123". Who asks waits `timeout_s` seconds. Requests of one `id` are answered once; a service
    makes up an id where there is none. `trace` is handed on into the reply and the log.
    """

    text: str
    id: str = ""
    k: int = 3
    categories: list[str] = []
    avoid: list[str] = []
    max_rating: Rating | None = None
    kinds: int = 0
    banned: list[str] = []
    shifts: dict[str, float] = {}
    scope: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S
    trace: str = ""


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """One ranked GIF.

    `score` is the cosine of message and GIF, `confidence` the calibrated probability that a person
    calls the pick great, `file` the path of the GIF where the model runs, `categories` has the primary one
    first. `fingerprint` says in hexadecimal digits how it looks: that of a re-encoding is nearly the same.
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
    rating: str = "g"
    fingerprint: str = ""


class ReactReply(msgspec.Struct, frozen=True, kw_only=True, tag="reply"):
    """Ranked GIFs, best first, and `hold`, the probability that no playful GIF should be sent.

    Above `hold_threshold` only gentle reactions fit. `is_cut` says that only the beginning of the message
    was read, `is_foreign` that it is mostly in a language that the model does not know; `notes` say so in
    sentences, for the person who asked. `timings_ms` has one entry a stage.
    """

    hold: float
    reactions: list[Reaction]
    bundle: str
    catalogue: str
    hold_threshold: float = 1.0
    timings_ms: dict[str, float] = {}
    notes: list[str] = []
    is_cut: bool = False
    is_foreign: bool = False
    trace: str = ""

    @property
    def is_held(self) -> bool:
        """Whether only gentle reactions fit."""
        return self.hold > self.hold_threshold


class ErrorReply(msgspec.Struct, frozen=True, kw_only=True, tag="error"):
    """Why there is no answer: `code` for programs (`inference.wire` lists them), `text` for people."""

    code: str
    text: str
    trace: str = ""


Reply = ReactReply | ErrorReply

_encoder = msgspec.msgpack.Encoder()
_request_decoder = msgspec.msgpack.Decoder(ReactRequest)
_reply_decoder = msgspec.msgpack.Decoder(Reply)


def encode(message: ReactRequest | Reply) -> bytes:
    """Write a message as MessagePack, in the current schema version."""
    return _encoder.encode(message)


def decode_request(payload: bytes) -> ReactRequest:
    """Read a request of any readable version.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _request_decoder.decode(payload)


def decode_reply(payload: bytes) -> Reply:
    """Read a reply of any readable version.

    Raises:
        msgspec.DecodeError: it is none.
    """
    reply: Reply = _reply_decoder.decode(payload)
    return reply


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
