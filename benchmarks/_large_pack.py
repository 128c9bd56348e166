"""A pack of as many GIFs as one likes, with a catalogue that knows their vectors already.

The entries are those of the shipped pack with an id, a name, an alternative text and a last tag of their own.
The files are links of one little GIF: nobody looks into a file whose vector is known.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks._vectors import Floats, Ints
from inference.catalogue import Catalogue, CatalogueGif
from inference.fingerprints import BYTES, KIND
from inference.pack import MANIFEST_FILE, PackGif

PACK, DATA, CATALOGUE = "pack", "data", "catalogue.sqlite"
FOLDER_SIZE = 1_000
LINKS = 10_000  # of one file; file systems take 65,000 or so
RARE_TAGS = 20_000
TINY_GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02L\x01\x00;"


def is_laid_out(folder: Path) -> bool:
    """Say whether `folder` holds a whole pack."""
    return (folder / PACK / MANIFEST_FILE).is_file()


def lay_out(folder: Path, gifs: Sequence[PackGif], origins: Ints, vectors: Floats, model: str) -> None:
    """Write a pack into `folder`/pack and its catalogue into `folder`/data.

    Args:
        folder: where to.
        gifs: entries to make others of.
        origins: (n,), which of them each GIF is made of.
        vectors: (n, dim) float32, unit norm.
        model: key of the model that the vectors are said to be of.
    """
    pack = folder / PACK
    entries = [_entry(gifs[origin], number) for number, origin in enumerate(origins.tolist())]
    _link_files(pack, entries)
    _fill_catalogue(folder / DATA / CATALOGUE, pack, entries, vectors, model)
    lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    (pack / MANIFEST_FILE).write_bytes(lines)


def forget_list(folder: Path) -> None:
    """Let the catalogue know nothing but the vectors, and drop the index beside it."""
    for path in (folder / DATA).glob("*.hnsw*"):
        path.unlink()
    database = sqlite3.connect(folder / DATA / CATALOGUE)
    with database:
        for table in ("gifs", "packs", "meta"):
            database.execute(f"DELETE FROM {table}")
    database.close()


def _entry(gif: PackGif, number: int) -> PackGif:
    return msgspec.structs.replace(
        gif,
        id=hashlib.sha256(str(number).encode()).hexdigest(),
        file=f"gifs/{number // FOLDER_SIZE}/{number}.gif",
        name=f"{gif.name} {number}",
        tags=[*gif.tags[:-1], f"{gif.tags[-1]} {number % RARE_TAGS}"],
        alt_text=f"{gif.alt_text} It is number {number}.",
    )


def _link_files(pack: Path, entries: Sequence[PackGif]) -> None:
    for number, entry in enumerate(entries):
        path = pack / entry.file
        if number % FOLDER_SIZE == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if number % LINKS == 0:
            path.write_bytes(TINY_GIF)
            linked = path
        else:
            os.link(linked, path)


def _fill_catalogue(path: Path, pack: Path, entries: Sequence[PackGif], vectors: Floats, model: str) -> None:
    Catalogue(path).close()  # makes the tables

    def rows() -> Iterator[tuple[str, str, str, bytes]]:
        for entry, vector in zip(entries, vectors, strict=True):
            yield entry.id, model, CatalogueGif(pack, entry).content, vector.tobytes()

    def looks() -> Iterator[tuple[str, str, bytes]]:
        for entry in entries:
            yield entry.id, KIND, (bytes.fromhex(entry.id) * BYTES)[:BYTES]

    database = sqlite3.connect(path)
    with database:
        database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows())
        database.executemany("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", looks())
    database.close()
