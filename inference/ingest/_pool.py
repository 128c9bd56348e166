"""Child processes that work on files: whatever a file does to one of them, the others and the parent go on.

A child is started with the first job that finds none idle. One that dies, is late or wants too much memory
costs its own job, and the next job a new child.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from inference.errors import RefusedError, ServiceError
from inference.ingest._messages import Prepared, Setup
from inference.ingest._process import CaptionerError, Child, IsNew, Talk
from inference.ingest._submission import MIB, OnStage, Options, Submission
from inference.logs import get_logger

COMMAND = (sys.executable, "-P", "-m", "inference.ingest._child")  # -P: nothing out of the current folder
FURTHER_BYTES = 1024 * MIB

CLOSED = "GIFs are not taken in any more: the program is ending."
FINAL = frozenset({"crashed", "too_slow", "too_much_memory"})  # after these a child is not trusted


class Pool:
    """At most `size` children; any thread may have a file worked on."""

    def __init__(
        self,
        bundle: Path,
        options: Options,
        size: int,
        *,
        captioner: Path | None = None,
        further_bytes: int = FURTHER_BYTES,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            bundle: folder of the bundle.
            options: how files are worked on.
            size: how many children there are at most.
            captioner: folder of the captioner, None for no captions.
            further_bytes: memory that a child may take beside what it has when all models are loaded.
            command: what starts a child.
        """
        self._setup = Setup(
            bundle=str(bundle.resolve()),
            options=options,
            memory_bytes=further_bytes,
            captioner="" if captioner is None else str(captioner.resolve()),
        )
        self._command = command
        self._time_s = options.limits.time_s
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._children: set[Child] = set()
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def pids(self) -> list[int]:
        """Numbers of the processes."""
        with self._lock:
            return [child.pid for child in self._children]

    def work(self, submission: Submission, on_stage: OnStage, is_new: IsNew) -> Prepared:
        """Wait for an idle child and have a file worked on; both functions are called in this thread.

        Raises:
            RefusedError: the file cannot be taken in.
            ServiceError: no child starts, or the pool is closed.
        """
        child = self._idle.get()
        try:
            if child is None or not child.is_alive:
                self._drop(child)
                child = None
                child = self._start()
            prepared = child.work(submission, Talk(on_stage, is_new, self._remark), self._time_s)
        except BaseException as error:
            if not isinstance(error, RefusedError) or error.code in FINAL:
                self._drop(child)  # it may be amid its job: a callback failed, or there was an interrupt
                child = None
            if self._is_closed:
                raise ServiceError(CLOSED) from error
            raise
        finally:
            self._idle.put(child)
        return prepared

    def close(self) -> None:
        """End all children; jobs under way end with an error."""
        with self._lock:
            self._is_closed = True
            children = list(self._children)
        for child in children:
            child.kill()
        for child in children:
            self._drop(child)

    def _start(self) -> Child:
        if self._is_closed:
            raise ServiceError(CLOSED)
        child = self._started()
        with self._lock:
            self._children.add(child)
            is_closed = self._is_closed
        if is_closed:
            self._drop(child)
            raise ServiceError(CLOSED)
        for remark in child.remarks:
            self._remark(remark)
        return child

    def _started(self) -> Child:
        """Start a child, and from then on without a captioner where that would keep it from starting."""
        try:
            return Child(self._setup, self._command)
        except CaptionerError as error:
            self._remark(str(error))
            self._setup = msgspec.structs.replace(self._setup, captioner="")
            return Child(self._setup, self._command)

    def _remark(self, text: str) -> None:
        """Log what is wrong, once, whichever child finds it."""
        with self._lock:
            is_known = text in self._told
            self._told.add(text)
        if not is_known:
            get_logger("ingest").warning("a model cannot be used", reason=text)

    def _drop(self, child: Child | None) -> None:
        if child is not None:
            child.end()
            with self._lock:
                self._children.discard(child)
