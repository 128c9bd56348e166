"""The catalogue: every GIF, its vectors and its fingerprint in one SQLite file.

It is the truth, indexes are caches of it.
"""

from inference.catalogue._catalogue import WRITE_EVERY, Catalogue, Snapshot
from inference.catalogue._gifs import CatalogueGif

__all__ = ["WRITE_EVERY", "Catalogue", "CatalogueGif", "Snapshot"]
