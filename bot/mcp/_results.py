"""What the tools answer, as assistants get it: each field says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from inference.catalogue import OwnGif
from inference.pack import PackGif
from inference.protocol import Reaction, ReactReply

Id = Annotated[str, Field(description="The sha256 of the GIF's file.")]
File = Annotated[str, Field(description="Path of the GIF on the computer where the model runs.")]
Categories = Annotated[list[str], Field(description="One to three, the primary one first.")]
Rating = Literal["g", "pg", "pg-13", "r"]


class RankedGif(BaseModel):
    """A GIF that answers the message."""

    id: Id
    name: str
    categories: Categories
    alt_text: str
    confidence: Annotated[float, Field(description="Probability that a person calls the pick great.")]
    why: str
    rating: str
    file: File


class Reactions(BaseModel):
    """GIFs, best first, and whether to send any."""

    gifs: list[RankedGif]
    hold: Annotated[float, Field(description="Probability that no playful GIF should be sent.")]
    is_grave: Annotated[bool, Field(description="Whether that is so likely that only gentle GIFs fit.")]
    notes: Annotated[list[str], Field(description="What a person should know about this answer.")]


class FoundGif(BaseModel):
    """A GIF of a pack."""

    id: Id
    name: str
    pack: str
    is_own: Annotated[bool, Field(description="Whether somebody added it; only those can be changed.")]
    is_shared: Annotated[bool, Field(description="Whether every server and workspace sees it.")]
    categories: Categories
    tags: list[str]
    alt_text: str
    text: Annotated[str, Field(description="Words in the picture, where they are known.")]
    rating: str
    licence: str
    file: File


class FoundGifs(BaseModel):
    """GIFs, and how many there are beyond those shown."""

    gifs: list[FoundGif]
    total: int


class PackInfo(BaseModel):
    """A pack of GIFs."""

    name: str
    gifs: Annotated[int, Field(description="How many it has.")]
    is_own: Annotated[bool, Field(description="Whether it consists of GIFs that people added.")]
    is_shared: Annotated[bool, Field(description="Whether every server and workspace sees it.")]


class Packs(BaseModel):
    """All packs."""

    packs: list[PackInfo]


class StageInfo(BaseModel):
    """A stage on the way in."""

    stage: str
    ms: float
    note: str


class Added(BaseModel):
    """A GIF that is in its pack now."""

    gif: FoundGif
    stages: Annotated[
        list[StageInfo], Field(description="What was done with the file, and how long it took.")
    ]


class Changed(BaseModel):
    """A GIF as it is now, or was before it was removed."""

    gif: FoundGif


def reactions(reply: ReactReply, notes: list[str]) -> Reactions:
    """Put a reply of the service into the words of the tool."""
    return Reactions(
        gifs=[_ranked(reaction) for reaction in reply.reactions],
        hold=reply.hold,
        is_grave=reply.is_held,
        notes=[*notes, *reply.notes],
    )


def own(gif: OwnGif, path: Path) -> FoundGif:
    """Describe a GIF that somebody added."""
    return _found(gif.entry, gif.pack, path, is_own=True, is_shared=not gif.scope)


def shipped(folder: Path, entry: PackGif) -> FoundGif:
    """Describe a GIF that came with the program."""
    return _found(entry, folder.name, folder / entry.file, is_own=False, is_shared=True)


def _ranked(reaction: Reaction) -> RankedGif:
    return RankedGif(
        id=reaction.id,
        name=reaction.name,
        categories=reaction.categories,
        alt_text=reaction.alt_text,
        confidence=round(reaction.confidence, 4),
        why=reaction.why,
        rating=reaction.rating,
        file=reaction.file,
    )


def _found(entry: PackGif, pack: str, path: Path, *, is_own: bool, is_shared: bool) -> FoundGif:
    return FoundGif(
        id=entry.id,
        name=entry.name,
        pack=pack,
        is_own=is_own,
        is_shared=is_shared,
        categories=entry.categories,
        tags=entry.tags,
        alt_text=entry.alt_text,
        text=entry.text,
        rating=entry.rating,
        licence=entry.licence,
        file=str(path),
    )
