"""Own packs out to a folder, and whether all of them are sound."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from inference.catalogue._own import OwnGifs
from inference.errors import CatalogueError
from inference.pack import MANIFEST_FILE

TAKEN = "{folder} holds a pack already: name an empty folder."
UNWRITABLE = "The pack cannot be written to {folder} ({reason})."
DAMAGED = 'The file of "{name}" ({id}) is unusable ({reason}): remove the GIF and add it again.'
STRAY = "The file {name} belongs to no GIF; it takes up space only."


def export(own: OwnGifs, scope: str, pack: str, folder: Path) -> int:
    """Write the GIFs of a scope, or of one pack of it, as a pack of their own; return how many.

    Raises:
        CatalogueError: the folder cannot be written, or is in use.
    """
    gifs = own.gifs(scope, pack)
    if (folder / MANIFEST_FILE).exists():
        raise CatalogueError(TAKEN.format(folder=folder))
    lines = []
    try:
        (folder / "gifs").mkdir(parents=True, exist_ok=True)
        for gif in gifs:
            file = f"gifs/{gif.id}.gif"
            shutil.copyfile(own.path(gif), folder / file)
            lines.append(msgspec.json.encode(msgspec.structs.replace(gif.entry, file=file)) + b"\n")
        (folder / MANIFEST_FILE).write_bytes(b"".join(lines))
    except OSError as error:
        raise CatalogueError(UNWRITABLE.format(folder=folder, reason=error.strerror)) from error
    return len(gifs)


def check(own: OwnGifs) -> list[str]:
    """Say in sentences what is wrong with the files of all own packs.

    What looks wrong is looked at again while nobody changes anything: a file may be on its way in or out.
    """
    gifs = own.gifs()
    suspects = {gif.entry.file for gif in gifs if own.files.damage(gif.entry.file)}
    strays = set(own.files.strays({gif.entry.file for gif in gifs}))
    if not suspects and not strays:
        return []
    with own.held():
        gifs = own.gifs()
        damages = [(gif, own.files.damage(gif.entry.file)) for gif in gifs if gif.entry.file in suspects]
        strays &= set(own.files.strays({gif.entry.file for gif in gifs}))
    found = [
        DAMAGED.format(name=gif.entry.name, id=gif.id[:8], reason=reason) for gif, reason in damages if reason
    ]
    return found + [STRAY.format(name=name) for name in sorted(strays)]
