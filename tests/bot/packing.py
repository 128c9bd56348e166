"""The packs behind a bot on a stage: a library that takes GIFs in, an engine that follows, GIFs to add."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.library import Library
from bot.packs import OwnPacks, Wish
from inference.catalogue import OwnGifs
from inference.client import LocalService
from inference.engine import Engine
from inference.follow import Follower
from inference.ingest import Ingestor
from tests.bot.drawing import draw
from tests.serving import until


@dataclass
class Packing:
    """A catalogue, what adds to it, and folders."""

    bundle: Path
    pack: Path
    folder: Path
    library: Library

    @property
    def catalogue(self) -> Path:
        """The SQLite file."""
        return self.folder / "catalogue.sqlite"

    @property
    def gifs(self) -> Path:
        """The folder of own GIFs."""
        return self.folder / "gifs"

    def own(self, limit: int = 500) -> OwnPacks:
        """Return what a bot is given."""
        return OwnPacks(self.library, limit)

    def empty(self) -> None:
        """Remove all own GIFs."""
        with OwnGifs(self.catalogue) as own:
            for gif in own.gifs():
                own.remove(gif.scope, gif.id)

    def gif(self, seed: int) -> bytes:
        """Draw a GIF that looks like no other."""
        return draw(self.folder / "drawn" / f"{seed}.gif", seed).read_bytes()

    async def put(self, scope: str, seed: int) -> None:
        """Add a GIF that is called "Wave SEED"."""

        async def fetch(path: Path) -> None:
            path.write_bytes(self.gif(seed))

        await self.own().add(scope, f"{seed}.gif", Wish(f"Wave {seed}"), fetch)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """List scope and name of all own GIFs."""
        with OwnGifs(self.catalogue) as own:
            return iter([(gif.scope, gif.entry.name) for gif in own.gifs()])


@contextlib.contextmanager
def packing(bundle: Path, pack: Path, folder: Path, *, limit: int = 0) -> Iterator[Packing]:
    """Make an empty catalogue and what adds to it."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = folder / "catalogue.sqlite"
    Engine.open(bundle, [pack], catalogue)
    with Ingestor(catalogue, bundle, processes=1, limit=limit) as ingestor:
        yield Packing(bundle, pack, folder, Library(catalogue, ingestor, [pack]))
    shutil.rmtree(folder)


@dataclass
class Following:
    """A service that follows the catalogue."""

    service: LocalService
    catalogue: Path

    async def caught_up(self) -> None:
        """Wait until it knows all that has been added."""
        with OwnGifs(self.catalogue) as own:
            await until(lambda: self.service.engine.revision == own.revision())


@contextlib.asynccontextmanager
async def following(place: Packing) -> AsyncIterator[Following]:
    """Open a service that finds GIFs while they are added."""
    engine = Engine.open(place.bundle, [place.pack], place.catalogue)
    async with LocalService(engine) as service:
        follower = Follower(place.catalogue, lambda: service.engine, service.renew, every_s=0.01)
        follower.start()
        try:
            yield Following(service, place.catalogue)
        finally:
            follower.close()


def broken(seed: int) -> bytes:
    """Return what is called a GIF and is none."""
    return b"GIF89a" + random.Random(seed).randbytes(200)
