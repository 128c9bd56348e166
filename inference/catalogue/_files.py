"""The files of own GIFs, each named after its content, in a folder beside the catalogue."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

PART = ".part"


class GifFiles:
    """Files that are there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, data: bytes) -> str:
        """Keep the bytes of a GIF on the disk; return their place in the folder.

        Raises:
            OSError: the folder cannot be written.
        """
        name = place(identity(data))
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PART}")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        _settle(path.parent)
        return name

    def remove(self, name: str) -> None:
        """Remove a file, should it be there."""
        (self.folder / name).unlink(missing_ok=True)

    def damage(self, name: str) -> str:
        """Say what is wrong with a file, empty where nothing is."""
        path = self.folder / name
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return error.strerror or "unreadable"
        return "" if place(found) == name else "its content has changed"

    def strays(self, known: Collection[str]) -> Iterator[str]:
        """Give the files that belong to no GIF: what an interrupted change left behind."""
        for path in sorted(self.folder.glob("*/*")):
            name = path.relative_to(self.folder).as_posix()
            if name not in known:
                yield name


def identity(data: bytes) -> str:
    """Return the id of a GIF, the sha256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def place(sha256: str) -> str:
    """Return the place of a GIF in the folder."""
    return f"{sha256[:2]}/{sha256}.gif"


def _settle(folder: Path) -> None:
    """Make a renaming last, where the system lets folders be written through."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
