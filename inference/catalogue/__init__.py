"""The catalogue: every GIF, its vectors and its fingerprint in one SQLite file.

It is the truth, indexes are caches of it. `Catalogue` keeps step with the packs on disk, `OwnGifs` holds what
people added.
"""

from inference.catalogue._catalogue import WRITE_EVERY, Catalogue, Snapshot
from inference.catalogue._export import check, export
from inference.catalogue._files import identity
from inference.catalogue._gifs import CatalogueGif, content_of
from inference.catalogue._own import OwnGifs
from inference.catalogue._records import Change, Changes, GifChange, NewGif, OwnGif, PackSummary

__all__ = [
    "WRITE_EVERY",
    "Catalogue",
    "CatalogueGif",
    "Change",
    "Changes",
    "GifChange",
    "NewGif",
    "OwnGif",
    "OwnGifs",
    "PackSummary",
    "Snapshot",
    "check",
    "content_of",
    "export",
    "identity",
]
