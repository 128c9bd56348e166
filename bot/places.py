"""What a chat adapter knows of a message: where it stands, who asks, what it says."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.protocol import Rating

OPEN_RATING: Rating = "pg-13"  # what a channel without an age limit may see
ADULT_RATING: Rating = "r"
DEFAULT_MAX_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A channel; `guild` is the server or workspace, empty in direct messages.

    GIFs rated above `max_rating` or larger than `max_bytes` must not be shown there.
    """

    channel: str
    guild: str = ""
    max_rating: Rating = OPEN_RATING
    max_bytes: int = DEFAULT_MAX_BYTES


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody wants a GIF for a text, which is never shown in a repr.

    `author` wrote the text (who asks, where it is empty), `target` is the id of the message that is answered,
    empty where the text stands in no message; `mood` is a reaction category, empty for any.
    """

    text: str = field(repr=False)
    place: Place
    asker: str
    author: str = ""
    target: str = ""
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that nobody asked about; `is_top` says that it answers no other and stands in no thread.

    `settings_channel` is where its channel's settings are: a thread has those of its channel.
    """

    text: str = field(repr=False)
    place: Place
    author: str
    target: str
    is_top: bool
    settings_channel: str
