"""Watches the own GIFs of a catalogue, and hands over an engine that knows them soon after they change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from inference.catalogue import OwnGifs
from inference.engine import Engine
from inference.errors import CatalogueError, ReparteeError
from inference.logs import get_logger, where_of

EVERY_S = 0.5

GONE = "The catalogue {path} is gone: put it back, or start anew to have one made."

Swap = Callable[[Engine, Engine], object]
"""Takes the engine that was changed and the new one; does nothing where the first serves no more."""


class Follower(threading.Thread):
    """A thread of its own, as SQLite and the making of vectors would hold up others.

    Where much has changed, the engine is opened anew, so that all is in the large index again.
    """

    def __init__(
        self,
        catalogue: Path,
        engine: Callable[[], Engine],
        swap: Swap,
        reopen: Callable[[], Engine] | None = None,
        *,
        every_s: float = EVERY_S,
    ) -> None:
        """Prepare; `start` begins, `close` ends.

        Args:
            catalogue: the SQLite file.
            engine: returns what serves now.
            swap: called in this thread.
            reopen: opens the engine anew; without it nothing is merged.
            every_s: seconds between two looks.
        """
        super().__init__(name="follower", daemon=True)
        self._catalogue = catalogue
        self._engine = engine
        self._swap = swap
        self._reopen = reopen
        self._every_s = every_s
        self._own: OwnGifs | None = None
        self._file: tuple[int, int] | None = None
        self._is_other = False
        self._ending = threading.Event()
        self._log = get_logger("follow")

    def close(self) -> None:
        """End the thread, and wait for it."""
        self._ending.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Look for changes until closed; what goes wrong is logged once, and tried again."""
        complaint = ""
        while not self._ending.wait(self._every_s):
            try:
                self._look(self._opened())
                complaint = ""
            except Exception as error:
                reason = str(error) if isinstance(error, ReparteeError) else where_of(error)
                if reason != complaint:
                    self._log.error("own GIFs cannot be followed", reason=reason)
                complaint = reason
                self._shut()
        self._shut()

    def _opened(self) -> OwnGifs:
        """Return the open catalogue; another one where another file has taken its place.

        Raises:
            CatalogueError: it cannot be used, or is gone; then none is made, as one may be on its way back.
        """
        try:
            found = self._catalogue.stat()
        except OSError as error:
            raise CatalogueError(GONE.format(path=self._catalogue)) from error
        file = found.st_dev, found.st_ino
        if file != self._file:
            self._shut()
            self._is_other |= self._file is not None
            self._file = file
        self._own = self._own or OwnGifs(self._catalogue)
        return self._own

    def _shut(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None

    def _look(self, own: OwnGifs) -> None:
        engine = self._engine()
        if own.revision() == engine.revision and not self._is_other:
            return
        renewed = engine.renewed(own, whole=self._is_other)
        self._is_other = False
        if self._reopen is not None and renewed.stock.is_scattered:
            self._swap(engine, renewed)
            engine, renewed = renewed, self._reopen()
        self._swap(engine, renewed)
        self._log.info("own GIFs renewed", revision=renewed.revision, gifs=len(renewed))
