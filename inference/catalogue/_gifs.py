"""The GIFs of several packs as one list, and what of them is compared with the file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from inference.errors import PackError
from inference.pack import Pack, PackGif


@dataclass(frozen=True, slots=True)
class CatalogueGif:
    """A GIF and the folder of the pack that it lies in."""

    pack: Path
    entry: PackGif

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.pack / self.entry.file

    @property
    def content(self) -> str:
        """Digest of the words that go into its vector, beside the picture that the id stands for."""
        entry = self.entry
        return content_of(entry)


def content_of(entry: PackGif) -> str:
    """Return the digest of the words that go into the vector of a GIF."""
    seen = [entry.text, ""] if entry.text else []  # a caption stood there: so stored vectors stay
    return digest([entry.name, *entry.tags, "", *entry.categories, *seen])


def merge(packs: Sequence[Pack]) -> list[CatalogueGif]:
    """List the GIFs of all packs; one that is in several counts for the first."""
    gifs: dict[str, CatalogueGif] = {}
    for pack in packs:
        folder = pack.folder.resolve()
        for entry in pack.gifs:
            gifs.setdefault(entry.id, CatalogueGif(folder, entry))
    return list(gifs.values())


def rows(gifs: Iterable[CatalogueGif]) -> Iterator[tuple[str, int, str, str, bytes]]:
    """Give the rows of the table `gifs`, one at a time: all at once would double the start's memory."""
    for position, gif in enumerate(gifs):
        yield gif.entry.id, position, str(gif.pack), gif.content, msgspec.json.encode(gif.entry)


def check_presence(gifs: Iterable[CatalogueGif]) -> None:
    """Look files up in listings of their folders, which is faster than to ask for each.

    Raises:
        PackError: one is missing.
    """
    listed: dict[tuple[Path, str], set[str]] = {}
    for gif in gifs:
        folder, _, name = gif.entry.file.rpartition("/")
        files = listed.get((gif.pack, folder))
        if files is None:
            files = listed[gif.pack, folder] = _files_in(gif.pack / folder)
        if name not in files and not gif.path.is_file():
            raise PackError(f"The GIF {gif.path} is missing: rebuild the pack or remove its line.")


def digest(parts: Sequence[str]) -> str:
    """Return a short digest of some texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _files_in(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()
