"""What people pass to `repartee gifs`, read and checked before any work starts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.cli import _gifs_messages as messages
from inference.errors import MessageError
from inference.ingest import SWITCHABLE, Stage
from inference.protocol import RATINGS, Rating

SUFFIXES = frozenset({".gif", ".webp", ".png", ".apng", ".mp4", ".m4v", ".webm"})


def is_link(said: str) -> bool:
    """Whether this is a link and not a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", said) is not None


def split(said: str | None) -> list[str]:
    """Split at commas, each part once."""
    return list(dict.fromkeys(part.strip() for part in (said or "").split(",") if part.strip()))


def read_pack_name(said: str) -> str:
    """Check the name of a pack.

    Raises:
        MessageError: it is none.
    """
    name = said.strip()
    if not re.fullmatch(r"\w[\w .-]{0,39}", name):
        raise MessageError(messages.BAD_PACK.format(said=said))
    return name


def read_stages(said: Sequence[str]) -> frozenset[Stage]:
    """Read the names of stages that are to be skipped.

    Raises:
        MessageError: there is none of that name, or it cannot be skipped.
    """
    known = {stage.value: stage for stage in Stage if stage in SWITCHABLE}
    for name in said:
        if name.strip().lower() not in known:
            raise MessageError(messages.BAD_STAGE.format(said=name, stages=", ".join(known)))
    return frozenset(known[name.strip().lower()] for name in said)


def read_rating(said: str | None) -> Rating | None:
    """Read a rating.

    Raises:
        MessageError: there is none of that name.
    """
    if said is None:
        return None
    for rating in RATINGS:
        if rating == said.strip().lower():
            return rating
    raise MessageError(messages.BAD_RATING.format(said=said, ratings=", ".join(RATINGS)))


def find_sources(said: Sequence[str]) -> tuple[list[str], int]:
    """List files and links, folders replaced by what is in them; also return how many were left out.

    Raises:
        MessageError: there is no such file, or nothing in a folder.
    """
    found: list[str] = []
    left_out = 0
    for one in said:
        if is_link(one) or os.path.isfile(one):  # a Path would raise where a name is too long
            found.append(one)
            continue
        if not os.path.isdir(one):
            raise MessageError(messages.NO_FILE.format(path=one))
        inside = list(_files_below(one))
        pictures = [path for path in inside if Path(path).suffix.lower() in SUFFIXES]
        if not pictures:
            raise MessageError(messages.NOTHING_INSIDE.format(path=one))
        found += pictures
        left_out += len(inside) - len(pictures)
    return list(dict.fromkeys(found)), left_out


def _files_below(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield os.path.join(place, name)
