"""What comes in, what becomes of it, and how it is treated: the words that both sides of the pool share."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from inference.catalogue import OwnGif

MIB = 1024 * 1024
DEFAULT_PACK = "own"


class Stage(StrEnum):
    """The stages on the way in, in this order."""

    DECODE = "decode"
    DUPLICATE = "duplicate"
    FLASH = "flash"
    TEXT = "text"
    RATING = "rating"
    ENCODE = "encode"
    CAPTION = "caption"
    VECTOR = "vector"
    STORE = "store"


SWITCHABLE = frozenset({Stage.DUPLICATE, Stage.FLASH, Stage.TEXT, Stage.RATING})


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a file may be at most; beyond it is refused before it costs more.

    `pixels` of one frame, `total_pixels` of all frames together; `time_s` of all stages together, after
    which the process is ended.
    """

    file_bytes: int = 30 * MIB
    pixels: int = 6_000_000
    total_pixels: int = 600_000_000
    frames: int = 1_000
    seconds: float = 60.0
    time_s: float = 60.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How GIFs are taken in.

    `skipped` stages are left out. What is stored is a GIF of at most `budget_bytes`, its longer edge at most
    `max_edge` pixels. From a probability of `marked_from` on a GIF is rated "r", from `refused_from` on it is
    refused. A flashing GIF is refused unless `takes_flashing`.
    """

    skipped: frozenset[Stage] = frozenset()
    limits: Limits = Limits()
    budget_bytes: int = 4 * MIB
    max_edge: int = 480
    marked_from: float = 0.5
    refused_from: float = 0.8
    takes_flashing: bool = False


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A file on this host that somebody wants in a pack.

    `label` is what people call it (file name or URL); `scope` the server or workspace that alone sees it,
    such as "discord:123", empty for everybody. Where `name`, `categories` or `alt_text` are empty, they are
    made up from the file's name, the model's opinion, and all that is known.
    """

    path: str
    label: str
    scope: str = ""
    pack: str = DEFAULT_PACK
    name: str = ""
    tags: list[str] = []
    categories: list[str] = []
    alt_text: str = ""
    licence: str = "unknown"


class StageReport(msgspec.Struct, frozen=True, kw_only=True):
    """A stage is over: after how many milliseconds, and what it found, in a few words."""

    stage: Stage
    ms: float
    note: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a submission: the GIF in its pack, or why not, for programs and for people."""

    submission: Submission
    gif: OwnGif | None = None
    code: str = ""
    text: str = ""
    stages: list[StageReport] = []

    @property
    def is_added(self) -> bool:
        """Whether it is in the pack now."""
        return self.gif is not None


OnStage = Callable[[StageReport], None]
