"""The packs as the page, the chats, assistants and the command line use them: asynchronous, by scope.

What blocks runs in threads; each opens the catalogue for itself, as SQLite wants it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from inference import catalogue
from inference.catalogue import GifChange, OwnGif, OwnGifs, PackSummary
from inference.errors import RefusedError
from inference.fetch import fetch
from inference.ingest import Ingestor, OnStage, Outcome, StageReport, Submission
from inference.pack import PackGif, read_pack

AT_ONCE = 8  # threads that wait for the ingestor or read the catalogue

Answer = TypeVar("Answer")


class Library:
    """Adds, lists, changes and removes GIFs; made by a composition root, closed at the end."""

    def __init__(self, catalogue: Path, ingestor: Ingestor, packs: Sequence[Path] = ()) -> None:
        """Prepare.

        Args:
            catalogue: the SQLite file that running engines follow.
            ingestor: takes GIFs in.
            packs: folders of the packs that came with the program.
        """
        self._catalogue = catalogue
        self._ingestor = ingestor
        self._packs = tuple(packs)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="library")

    async def add(self, submission: Submission, on_stage: OnStage | None = None) -> OwnGif:
        """Take a file in; running engines find it within two seconds.

        Args:
            submission: the file, and where it belongs.
            on_stage: called in the event loop as each stage ends.

        Raises:
            RefusedError: it is not taken in; `code` and text say why.
            CatalogueError: the catalogue cannot be used.
        """
        loop = asyncio.get_running_loop()

        def report(stage: StageReport) -> None:
            if on_stage is not None:
                loop.call_soon_threadsafe(on_stage, stage)

        return taken(await self._run(lambda: self._ingestor.take_in(submission, report)))

    async def add_url(self, url: str, submission: Submission, on_stage: OnStage | None = None) -> OwnGif:
        """Fetch a link and take it in as `submission` says, whose path is ignored.

        Raises:
            RefusedError: the link leads nowhere where it may lead, or to no GIF.
            CatalogueError: the catalogue cannot be used.
        """
        with tempfile.TemporaryDirectory(prefix="repartee-") as folder:
            limits = self._ingestor.options.limits
            path = await fetch(url, Path(folder), max_bytes=limits.file_bytes)
            file = msgspec.structs.replace(submission, path=str(path), label=submission.label or url)
            return await self.add(file, on_stage)

    async def gifs(self, scope: str | None = None, pack: str = "", text: str = "") -> list[OwnGif]:
        """List GIFs of a scope (None: of all), of a pack where one is named, with all words of `text`."""
        found = await self._read(lambda own: own.gifs(scope, pack))
        words = text.casefold().split()
        return [gif for gif in found if has_words(gif.entry, words)]

    async def shipped(self) -> list[tuple[Path, PackGif]]:
        """List the GIFs that came with the program, each with the folder of its pack.

        Raises:
            PackError: a manifest cannot be read.
        """
        return await self._run(
            lambda: [(folder, gif) for folder in self._packs for gif in read_pack(folder).gifs]
        )

    async def packs(self, scope: str | None = None) -> list[PackSummary]:
        """List the own packs of a scope (None: of all)."""
        return await self._read(lambda own: own.packs(scope))

    async def find(self, scope: str, wanted: str) -> OwnGif:
        """Return a GIF by its id, the beginning of it, or its name.

        Raises:
            UnknownGifError: there is none, or there are several.
        """
        return await self._read(lambda own: own.find(scope, wanted))

    async def edit(self, scope: str, gif: str, change: GifChange) -> OwnGif:
        """Change what is said of a GIF.

        Raises:
            UnknownGifError: there is none of this id in the scope.
        """
        return await self._read(lambda own: own.edit(scope, gif, change))

    async def remove(self, scope: str, gif: str) -> OwnGif:
        """Remove a GIF from a scope.

        Raises:
            UnknownGifError: there is none of this id in the scope.
        """
        return await self._read(lambda own: own.remove(scope, gif))

    async def export(self, scope: str, pack: str, folder: Path) -> int:
        """Write a pack to a folder, as REPARTEE_PACKS takes it; return how many GIFs it has.

        Raises:
            CatalogueError: the folder cannot be written, or is in use.
        """
        return await self._read(lambda own: catalogue.export(own, scope, pack, folder))

    async def check(self) -> list[str]:
        """Say in sentences what is wrong with the files of the own packs."""
        return await self._read(catalogue.check)

    def path(self, gif: OwnGif) -> Path:
        """Return where the file of a GIF lies."""
        return self._catalogue.parent / "gifs" / gif.entry.file

    async def close(self) -> None:
        """End the processes of the ingestor; what is under way is given up."""
        await asyncio.to_thread(self._ingestor.close)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _read(self, ask: Callable[[OwnGifs], Answer]) -> Answer:
        def work() -> Answer:
            with OwnGifs(self._catalogue) as own:
                return ask(own)

        return await self._run(work)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def taken(outcome: Outcome) -> OwnGif:
    """Return the GIF of an outcome.

    Raises:
        RefusedError: it was not taken in.
    """
    if outcome.gif is None:
        raise RefusedError(outcome.text, outcome.code)
    return outcome.gif


def has_words(entry: PackGif, words: Sequence[str]) -> bool:
    """Whether all that is known of a GIF has each of these words, which are in lower case."""
    known = (entry.name, *entry.tags, entry.alt_text, entry.text, entry.caption, *entry.categories)
    said = " ".join(known).casefold()
    return all(word in said for word in words)
