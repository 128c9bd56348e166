"""Own GIFs on their way from the catalogue into an engine: read, and given the vectors that they lack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from inference.bundle import Bundle
from inference.catalogue import CatalogueGif, Change, OwnGif, OwnGifs, content_of
from inference.encoders import TextEncoder
from inference.errors import PackError
from inference.frames import read_frames
from inference.fusion import Floats, OwnEmbedder, own_vector_key
from inference.holdings import Addition
from inference.logs import get_logger

Progress = Callable[[int, int], None]


class News(NamedTuple):
    """What an engine needs of the changes up to `revision`: (scope, id) of what is gone, and what is added.

    `is_whole` says that these are all own GIFs there are.
    """

    revision: int
    gone: list[tuple[str, str]]
    added: list[Addition]
    is_whole: bool


class OwnSource:
    """Reads own GIFs for the engines of one bundle."""

    def __init__(self, bundle: Bundle, text: TextEncoder) -> None:
        self._dim = bundle.spec.embedding_dim
        self._rows = {name: row for row, name in enumerate(bundle.spec.categories.names)}
        self._known = frozenset(self._rows)
        self._image = bundle.spec.image
        self._embedder = OwnEmbedder(bundle, text)
        self.model = own_vector_key(bundle)

    def read(self, own: OwnGifs, since: int, progress: Progress | None = None) -> News:
        """Read what changed after a revision; a GIF whose file is unreadable counts as gone.

        `progress` is called with the numbers of GIFs done and to do while vectors are made.

        Raises:
            CatalogueError: the file cannot be used.
        """
        changes = own.changes(since, self.model, self._dim)
        missing = sum(line.gif is not None and line.vector is None for line in changes.lines)
        gone, added, done, folder = [], [], 0, own.folder.resolve()
        for line in changes.lines:
            if line.gif is not None and line.vector is None:
                line, done = self._embedded(own, line, line.gif), done + 1
                if progress is not None:
                    progress(done, missing)
            if line.gif is None or line.vector is None:
                gone.append((line.scope, line.id))
            else:
                added.append(self._addition(folder, line, line.gif, line.vector))
        return News(changes.revision, gone, added, changes.is_whole)

    def _embedded(self, own: OwnGifs, line: Change, gif: OwnGif) -> Change:
        """Return a line with a vector, where the file is readable; guessed categories follow the words."""
        try:
            frames = read_frames(own.path(gif), self._image.frames, first=self._image.first_frame)
        except PackError as error:
            get_logger("own").warning("a GIF is left out", gif=gif.id[:8], reason=type(error).__name__)
            return line
        entry, is_guessed = gif.entry, "categories" in gif.entry.made_up
        if is_guessed:
            categories = self._embedder.categories(frames, entry)
            entry = msgspec.structs.replace(entry, categories=categories)
        vector = self._embedder.embed(frames, entry)
        if is_guessed:
            own.settle(gif, entry.categories, self.model, vector)
        else:
            own.keep_vector(gif, self.model, vector)
        kept = msgspec.structs.replace(gif, entry=entry)
        return line._replace(gif=kept, vector=vector, content=content_of(entry))

    def _addition(self, folder: Path, line: Change, gif: OwnGif, vector: Floats) -> Addition:
        entry = gif.entry
        if not self._known.issuperset(entry.categories):
            entry = msgspec.structs.replace(entry, categories=self._embedder.known(entry, vector))
        held = CatalogueGif(folder, entry)
        return Addition(
            line.scope, held, line.content, self._rows[entry.categories[0]], vector, line.fingerprint
        )
