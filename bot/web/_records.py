"""What the interface takes and gives, as structs; the description under /api is written from them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from inference.metrics import POPULAR
from inference.protocol import Rating

PAGE = 48
MOST_RANKED = 48
SHIPPED, SHARED = "shipped", "shared"
Scope = Annotated[
    str,
    Meta(
        pattern=r"^(shared|(discord|slack):[A-Za-z0-9]{1,64})$(?!\n)",
        description="`shared` for everybody, else a server or workspace, such as `discord:123`.",
    ),
]
Pack = Annotated[
    str,
    Meta(
        pattern=r"^(?![.\s])[^/\\\x00-\x1f\x7f-\x9f]{1,60}$(?!\n)",
        description="Name of a pack; it begins with neither a dot nor a space.",
    ),
]
Name = Annotated[str, Meta(pattern=r"\S", max_length=100)]
Tag = Annotated[str, Meta(pattern=r"\S", max_length=60)]
Tags = Annotated[list[Tag], Meta(max_length=30)]
Category = Annotated[str, Meta(max_length=40, description=f"One of: {', '.join(POPULAR)}.")]
Categories = Annotated[list[Category], Meta(min_length=1, max_length=3, description="The primary one first.")]
AltText = Annotated[str, Meta(max_length=1_000, description="Empty to have one made up of what is known.")]
Count = Annotated[int, Meta(ge=1, le=MOST_RANKED)]


class Problem(msgspec.Struct, frozen=True):
    """What is wrong: `code` for programs, `text` for people."""

    code: str
    text: str


class Failure(msgspec.Struct, frozen=True):
    """The answer to a request that failed."""

    error: Problem


class GifView(msgspec.Struct, frozen=True, kw_only=True):
    """A GIF. `scope` is `shipped` for those that came with the program, which cannot be changed.

    `text` are the words in the picture, `caption` says what it shows, where that is known. `url` moves,
    `still` does not.
    """

    id: str
    scope: str
    pack: str
    name: str
    categories: list[str]
    tags: list[str]
    alt_text: str
    rating: str
    licence: str
    url: str
    still: str
    text: str = ""
    caption: str = ""
    bytes: int = 0
    added_at: int = 0


class ReactBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message to react to; it is neither logged nor stored.

    `k` GIFs at most, of the `mood` where one is named. The own GIFs of `scope` count along with the shared
    ones.
    """

    text: Annotated[str, Meta(min_length=1, max_length=20_000, description="The message.")]
    k: Count = 6
    scope: Scope = SHARED
    mood: Annotated[str, Meta(description="Only GIFs of this category; empty for any.")] = ""
    max_rating: Rating | None = None


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """A GIF that answers a message; `confidence` is the probability that a person calls it great."""

    gif: GifView
    score: float
    confidence: float
    why: str


class ReactAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Ranked GIFs, best first.

    `hold` is the probability that no playful GIF should be sent; above `hold_threshold` the message
    `is_held`, and `gentle` has what fits nevertheless.
    """

    reactions: list[Ranked]
    gentle: list[Ranked]
    hold: float
    hold_threshold: float
    is_held: bool
    is_cut: bool
    is_foreign: bool
    notes: list[str]
    model: str
    took_ms: float
    timings_ms: dict[str, float]


class PackView(msgspec.Struct, frozen=True, kw_only=True):
    """A pack; `scope` is `shipped` where it came with the program."""

    scope: str
    name: str
    gifs: int
    bytes: int = 0


class PacksAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All packs, and the scopes that have any, or votes."""

    packs: list[PackView]
    scopes: list[str]


class GifsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the GIFs that were found; `next_offset` is null on the last one."""

    total: int
    gifs: list[GifView]
    next_offset: int | None = None


class GifPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a GIF; what is missing or null stays."""

    name: Name | None = None
    tags: Tags | None = None
    categories: Categories | None = None
    alt_text: AltText | None = None
    rating: Rating | None = None
    pack: Pack | None = None


class AddBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a GIF that is added; what is left out is made up from the GIF."""

    scope: Scope = SHARED
    pack: Pack = "own"
    name: Annotated[str, Meta(max_length=100)] = ""
    tags: Tags = []
    categories: Annotated[list[Category], Meta(max_length=3)] = []
    alt_text: AltText = ""
    licence: Annotated[str, Meta(max_length=100)] = "unknown"


class AddUrlBody(AddBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link to a GIF on a public host, and what is said of it."""

    url: Annotated[str, Meta(description="http or https; it leads to the file itself.")]


class StageEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="stage"):
    """A stage is over: after how many milliseconds, and what it found."""

    stage: str
    ms: float
    note: str = ""


class AddedEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="added"):
    """The GIF is in its pack."""

    gif: GifView


class RefusedEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="refused"):
    """The GIF is not taken in."""

    error: Problem


IntakeEvent = StageEvent | AddedEvent | RefusedEvent


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """A GIF that was added, and the stages that it went through."""

    gif: GifView
    stages: list[StageEvent]


class Votes(msgspec.Struct, frozen=True, kw_only=True):
    """How often a server or workspace liked a GIF and how often not; passing over it counts a third."""

    scope: str
    id: str
    ups: float
    downs: float


class FeedbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Votes of the last twelve months, by scope and GIF."""

    feedback: list[Votes]


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """What a page needs to know: `csrf` goes into the header X-CSRF-Token of its changes."""

    csrf: str
    categories: list[str]
    ratings: list[str]
    stages: list[str]
    max_bytes: int
    page: int = PAGE
