"""What the bots keep, as structs that the store holds as MessagePack; no word that was said is in them."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from inference.protocol import Reaction

Mode = Literal["off", "top", "all"]
Boldness = Literal["shy", "normal", "chatty"]

# Calibrated probability that a person calls the pick great, from which on a GIF comes unasked. On ReactBench
# dev 9, 25 and 67 % of the messages get one then, and 91, 85 and 75 % of those are great.
CONFIDENCE: dict[Boldness, float] = {"shy": 0.75, "normal": 0.65, "chatty": 0.5}
SHOWN = 3


class QuietHours(msgspec.Struct, frozen=True):
    """From one full hour of the day to another; over midnight where `start` is the later one."""

    start: int
    end: int


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the automatic mode works in a channel."""

    mode: Mode = "off"
    boldness: Boldness = "normal"
    cooldown_s: int = 300
    daily_cap: int = 20
    quiet: QuietHours | None = None
    is_dry_run: bool = False


class GuildSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What holds for a whole server: the switch over all automatic modes, and the time zone of its hours."""

    is_automatic: bool = True
    timezone: str = "UTC"


class Preview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one person is shown to choose from, `SHOWN` a page.

    `target` is the message that is to be answered, empty for none; `author` wrote it. `notes` say what the
    model could not make out.
    """

    id: str
    asker: str
    channel: str
    guild: str
    reactions: list[Reaction]
    target: str = ""
    author: str = ""
    is_held: bool = False
    page: int = 0
    notes: list[str] = []

    @property
    def shown(self) -> list[Reaction]:
        """The GIFs of the present page."""
        return self.on_page(self.page)

    def on_page(self, page: int) -> list[Reaction]:
        """Return the GIFs of a page, counted from 0."""
        return self.reactions[page * SHOWN : (page + 1) * SHOWN]

    @property
    def pages(self) -> int:
        """Number of pages."""
        return -(-len(self.reactions) // SHOWN)


class Post(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which GIF a message of the bot shows and who may take it away."""

    gif: str
    name: str
    fingerprint: str
    guild: str
    asker: str = ""
    author: str = ""


class Ban(msgspec.Struct, frozen=True, kw_only=True):
    """A GIF that a server never wants to see again, nor any that looks like it."""

    fingerprint: str
    name: str
    at: int

    @property
    def key(self) -> str:
        """A short name for it."""
        return hashlib.sha256(self.fingerprint.encode()).hexdigest()[:16]
