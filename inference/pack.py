"""A pack of GIFs on disk: the manifest's lines and their checks."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec.structs import force_setattr

from inference.errors import PackError
from inference.legible import NAMELESS as NAMELESS
from inference.legible import legible
from inference.lines import numbered_lines

MANIFEST_FILE = "manifest.jsonl"

Text = Annotated[str, msgspec.Meta(min_length=1)]


# gc=False: what is read from JSON has no cycles, and the collector need not walk through 200,000 objects.
class GifSource(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where a picture comes from: a package and code point, or the pictures it was composed from."""

    package: str = ""
    version: str = ""
    code_point: str = ""
    composed_from: list[str] = []
    recipe: str = ""


class PackGif(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One manifest line; the id is the sha256 of the file, the primary category comes first.

    `text` are the words in the picture, `caption` says in a sentence what it shows, where these are known;
    `made_up` names the fields that no person gave, so that they follow the others.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    file: Text
    name: Text
    categories: Annotated[list[Text], msgspec.Meta(min_length=1, max_length=3)]
    tags: list[str]
    alt_text: Text
    source: GifSource = GifSource()
    licence: str
    rating: str = "g"
    text: str = ""
    caption: str = ""
    made_up: list[str] = []


@dataclass(frozen=True)
class Pack:
    """A folder of GIFs; `digest` changes whenever the manifest does."""

    folder: Path
    gifs: list[PackGif]
    digest: str

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name


def read_pack(folder: Path) -> Pack:
    """Read `manifest.jsonl` of a pack.

    Raises:
        PackError: the manifest is missing or empty, or a line is unusable (file and line are named).
    """
    path = folder / MANIFEST_FILE
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PackError(
            f"No pack in {folder}: {MANIFEST_FILE} cannot be read ({error.strerror}); "
            "put a pack there or name other folders in REPARTEE_PACKS."
        ) from error
    gifs: dict[str, PackGif] = {}
    for number, line in numbered_lines(raw):
        gif = _share_strings(_read_line(line, f"{path}, line {number}"))
        if gif.id in gifs:
            raise PackError(f"{path}, line {number}: the GIF {gif.file} is listed twice; remove one line.")
        gifs[gif.id] = gif
    if not gifs:
        raise PackError(f"{path} lists no GIF: rebuild the pack or name other folders in REPARTEE_PACKS.")
    return Pack(folder, list(gifs.values()), hashlib.sha256(raw).hexdigest())


_decoder = msgspec.json.Decoder(PackGif)


def _read_line(line: bytes, place: str) -> PackGif:
    try:
        gif = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{place}: not a usable GIF entry ({error}); mend or remove the line.") from error
    if gif.file.startswith("/") or ".." in gif.file.split("/"):
        raise PackError(f"{place}: the file {gif.file} lies outside of the pack; mend or remove the line.")
    if not legible(gif.alt_text):
        raise PackError(
            f"{place}: the alt_text says nothing; say in a sentence what the GIF {gif.file} shows."
        )
    return gif


def _share_strings(gif: PackGif) -> PackGif:
    """Keep what many GIFs have in common once: a large pack then takes 40 % less memory."""
    gif.categories[:] = map(sys.intern, gif.categories)
    gif.tags[:] = map(sys.intern, gif.tags)
    source = gif.source
    for struct, name in ((gif, "licence"), (gif, "rating"), (source, "package"), (source, "version")):
        force_setattr(struct, name, sys.intern(getattr(struct, name)))
    return gif
