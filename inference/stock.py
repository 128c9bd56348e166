"""What an engine can choose from: the packs and the own GIFs, read from the catalogue and kept up to date."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.base import TOLERATED, TOLERATED_SHARE, Base, lay_out
from inference.bundle import Bundle
from inference.catalogue import Catalogue, OwnGifs, Snapshot
from inference.collector import uncollected
from inference.encoders import TextEncoder
from inference.fusion import GifEmbedder
from inference.groups import GroupedIndex, open_groups
from inference.layers import LayeredIndex
from inference.own import News, OwnSource
from inference.pack import read_pack
from inference.picker import Picker

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Stock:
    """All GIFs in one state, ready to be picked; `revision` is the last change of own GIFs that it knows."""

    bundle: Bundle
    picker: Picker
    packs: str
    own: OwnSource
    revision: int

    @property
    def version(self) -> str:
        """Version of the content: that of the packs, and of the own GIFs where there were some."""
        return f"{self.packs}+{self.revision}" if self.revision else self.packs

    @property
    def layout(self) -> str:
        """Digest of which GIF stands at which position of a ranking."""
        return f"{self.packs} {self.picker.holdings.layout}"

    @property
    def rows(self) -> int:
        """How many positions rankings may name."""
        return len(self.picker.holdings.gifs)

    @property
    def is_scattered(self) -> bool:
        """Whether so much has changed that opening anew makes searches faster."""
        holdings = self.picker.holdings
        return holdings.later > max(TOLERATED, holdings.first // TOLERATED_SHARE)

    def key_of(self, scope: str) -> str:
        """Return the scope where it has GIFs of its own, else nothing: then it sees what everybody sees."""
        return scope if scope in self.picker.holdings.layers else ""

    def renewed(self, own: OwnGifs, *, whole: bool = False) -> Stock:
        """Return a stock that knows what has changed of the own GIFs since; this one where nothing has.

        With `whole` all of them are read, whatever is known.

        Raises:
            CatalogueError: the catalogue cannot be used.
        """
        news = self.own.read(own, 0 if whole else self.revision)
        if news.revision == self.revision and not whole:
            return self
        holdings = self.picker.holdings
        gone = [*news.gone, *(holdings.own if news.is_whole else ())]
        holdings = holdings.changed(gone, news.added)
        picker = Picker(self.bundle, holdings, LayeredIndex(self.picker.index.main, holdings))
        return Stock(self.bundle, picker, self.packs, self.own, news.revision)


class Shelf:
    """Where the stock is kept: the catalogue's file, and the caches of the index beside it."""

    def __init__(
        self, bundle: Bundle, text: TextEncoder, catalogue: Path, *, threads: int, exact_limit: int
    ) -> None:
        self._bundle = bundle
        self._text = text
        self._catalogue = catalogue
        self._threads = threads
        self._exact_limit = exact_limit

    def open(self, pack_dirs: Sequence[Path], progress: Progress | None, *, fresh: bool) -> Stock:
        """Bring the catalogue in step with the packs, read the own GIFs and load the index.

        Raises:
            ReparteeError: names what is wrong with packs or catalogue and what to do.
        """
        with uncollected():
            return self._open(pack_dirs, progress, fresh=fresh)

    def _open(self, pack_dirs: Sequence[Path], progress: Progress | None, *, fresh: bool) -> Stock:
        own = OwnSource(self._bundle, self._text)
        snapshot = self._snapshot(pack_dirs, progress, fresh=fresh)
        news = self._news(own, progress, fresh=fresh)
        cache = self._catalogue.with_suffix(".hnsw")
        base = lay_out(self._bundle, snapshot, news.added, cache.with_suffix(".rows"), self._exact_limit)
        holdings = base.holdings.changed([], base.rest)
        index = LayeredIndex(self._index(base, cache), holdings)
        return Stock(
            self._bundle, Picker(self._bundle, holdings, index), snapshot.version, own, news.revision
        )

    def _snapshot(self, pack_dirs: Sequence[Path], progress: Progress | None, *, fresh: bool) -> Snapshot:
        bundle = self._bundle
        packs = [read_pack(folder) for folder in pack_dirs]
        catalogue = Catalogue(self._catalogue)
        try:
            if fresh:
                catalogue.forget(bundle.vector_key)
            threads = max(self._threads, min(4, os.cpu_count() or 1))
            embed = GifEmbedder(bundle, self._text, threads=threads)
            dim = bundle.spec.embedding_dim
            return catalogue.sync(packs, bundle.vector_key, dim, embed, progress, embed.fingerprint)
        finally:
            catalogue.close()

    def _news(self, own: OwnSource, progress: Progress | None, *, fresh: bool) -> News:
        with OwnGifs(self._catalogue) as gifs:
            if fresh:
                gifs.forget(own.model)
            return own.read(gifs, 0, progress)

    def _index(self, base: Base, cache: Path) -> GroupedIndex:
        return open_groups(
            base.vectors,
            base.holdings.primary,
            len(self._bundle.spec.categories.names),
            base.version,
            cache,
            exact_limit=self._exact_limit,
            threads=max(self._threads, os.cpu_count() or 1),  # a graph is built once
        )
