"""What of own GIFs goes in and out: the GIF, what is to be stored or changed, what has changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.fingerprints import Bits
from inference.legible import legible
from inference.pack import NAMELESS, PackGif
from inference.protocol import Rating
from inference.wording import caption_name, made_name, make_alt_text

Floats = NDArray[np.float32]
OWN_COLUMNS = "scope, pack, entry, origin, at, bytes, revision"
_decoder = msgspec.json.Decoder(PackGif)


class OwnGif(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A GIF of an own pack; `scope` is the server or workspace that alone sees it, empty for everybody.

    `origin` is the sha256 of the file as it came in, `bytes` the size of what is stored, `added_at` in
    seconds since 1970.
    """

    scope: str
    pack: str
    entry: PackGif
    origin: str
    added_at: int
    bytes: int
    revision: int

    @property
    def id(self) -> str:
        """The sha256 of the stored file."""
        return self.entry.id


class NewGif(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be stored: the GIF's bytes, its fingerprint (BYTES,) uint8, its (dim,) vector of `model`.

    Without a vector the engines make one. `takes_alike` lets in what looks like a GIF that is there.
    """

    scope: str
    pack: str
    entry: PackGif
    origin: str
    data: bytes
    fingerprint: Any
    vector: Any = None
    model: str = ""
    takes_alike: bool = False


class GifChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed of a GIF; None leaves it."""

    name: str | None = None
    tags: list[str] | None = None
    categories: list[str] | None = None
    alt_text: str | None = None
    caption: str | None = None
    rating: Rating | None = None
    pack: str | None = None


class PackSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A pack: how many GIFs it has, how large they are together, and its version, that of its last change."""

    scope: str
    name: str
    gifs: int
    bytes: int
    version: int


class Change(NamedTuple):
    """A line of the table: `gif` is None where it is gone, `vector` where there is none that fits.

    `content` is the digest of the words that go into the vector.
    """

    scope: str
    id: str
    content: str
    gif: OwnGif | None
    vector: Floats | None
    fingerprint: Bits


class Changes(NamedTuple):
    """What changed up to `revision`; `is_whole` says that the lines are all there are."""

    revision: int
    lines: list[Change]
    is_whole: bool


def reworded(entry: PackGif, wanted: Mapping[str, Any]) -> PackGif:
    """Return a GIF with other values of some fields, and with what was made up of them made up again.

    An alt text that is emptied is made up from then on, a name that says nothing stays as it is. A name made
    of the old caption, or of nothing, is made of the new one.
    """
    wanted = dict(wanted)
    if not legible(wanted.get("name", NAMELESS)):
        del wanted["name"]
    if "name" in entry.made_up and "caption" in wanted and "name" not in wanted and _is_by_caption(entry):
        caption = wanted["caption"]
        entry = msgspec.structs.replace(
            entry, name=caption_name(caption) or made_name(entry.tags, entry.text)
        )
    given = {field for field, value in wanted.items() if value != getattr(entry, field)}
    made_up = [field for field in entry.made_up if field not in given]
    if "alt_text" in given and not legible(wanted["alt_text"]):
        made_up.append("alt_text")
    entry = msgspec.structs.replace(entry, **wanted, made_up=made_up)
    if "alt_text" not in made_up:
        return entry
    alt_text = make_alt_text(entry.name, entry.tags, entry.text, entry.caption)
    return msgspec.structs.replace(entry, alt_text=alt_text)


def _is_by_caption(entry: PackGif) -> bool:
    return entry.name == (caption_name(entry.caption) or NAMELESS)


def own_gif(row: Sequence[Any]) -> OwnGif:
    """Read a row of `OWN_COLUMNS`."""
    scope, pack, entry, origin, at, size, revision = row
    return OwnGif(
        scope=scope,
        pack=pack,
        entry=_decoder.decode(entry),
        origin=origin,
        added_at=at,
        bytes=size,
        revision=revision,
    )


def stored_vector(blob: bytes | None, dim: int) -> Floats | None:
    """Return a (dim,) vector, None where it is missing or damaged."""
    if blob is None or len(blob) != 4 * dim:
        return None
    vector = np.frombuffer(blob, "<f4")
    return vector if math.isfinite(np.dot(vector, vector)) else None
