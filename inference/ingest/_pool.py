"""Child processes that work on files: whatever a file does to one of them, the others and the parent go on.

A child is started with the first job that finds none idle. One that dies, is late or wants too much memory
costs its own job, and the next job a new child.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from inference.errors import RefusedError, ServiceError
from inference.ingest._bounds import environment
from inference.ingest._messages import (
    Answer,
    Failure,
    FromChild,
    Job,
    Prepared,
    Question,
    Ready,
    Refusal,
    Remark,
    Report,
    Setup,
    ToChild,
    from_child,
    read,
    write,
)
from inference.ingest._submission import MIB, OnStage, Options, Submission
from inference.logs import get_logger

COMMAND = (sys.executable, "-P", "-m", "inference.ingest._child")  # -P: nothing out of the current folder
START_S = 120.0  # a slow disk has to read 60 MB of models
FURTHER_BYTES = 1024 * MIB

CRASHED = "The file brought the process down that worked on it: send it in another format."
TOO_SLOW = "Working on the file took longer than {seconds:g} s: send a smaller or shorter one."
CLOSED = "GIFs are not taken in any more: the program is ending."
NO_START = "The process that takes GIFs in did not start (exit code {code}): reinstall the program."
FINAL = frozenset({"crashed", "too_slow", "too_much_memory"})  # after these a child is not trusted

IsNew = Callable[[bytes], bool]


class _GoneError(Exception):
    """The child is gone, or talks nonsense."""


class Talk(NamedTuple):
    """What the parent does while a job is worked on."""

    on_stage: OnStage
    is_new: IsNew


class Child:
    """One process and the lines to it; `remarks` are what it found wrong at its start."""

    def __init__(self, setup: Setup, command: Sequence[str]) -> None:
        """Start it and wait until it is ready.

        Raises:
            ServiceError: it did not start.
            ReparteeError: what it needs cannot be used.
        """
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            process_group=-1 if sys.platform == "win32" else 0,  # Ctrl-C is for the parent
        )
        self._is_late = False
        self.remarks: list[str] = []
        try:
            with self._limited(START_S):
                self._say(setup)
                while isinstance(answer := self._hear(), Remark):
                    self.remarks.append(answer.text)
        except _GoneError:
            answer = None
        except BaseException:
            self.end()
            raise
        if not isinstance(answer, Ready):
            code = self.end()
            raise ServiceError(answer.text if isinstance(answer, Failure) else NO_START.format(code=code))

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be given a job."""
        return not self._is_late and self._process.poll() is None

    def work(self, submission: Submission, talk: Talk, time_s: float) -> Prepared:
        """Have a file worked on.

        Raises:
            RefusedError: the file cannot be taken in.
        """
        try:
            with self._limited(time_s):
                self._say(Job(submission=submission))
                answer = self._converse(talk)
        except _GoneError as error:
            if self._is_late:
                raise RefusedError(TOO_SLOW.format(seconds=time_s), "too_slow") from error
            raise RefusedError(CRASHED, "crashed") from error
        if isinstance(answer, Refusal):
            if answer.place:
                get_logger("ingest").warning("a file was too much for a library", place=answer.place)
            raise RefusedError(answer.text, answer.code)
        return answer

    def kill(self) -> None:
        """End it without waiting; its job ends as crashed."""
        self._process.kill()

    def end(self) -> int:
        """End it and return its exit code."""
        self._process.kill()
        code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what is left to write finds nobody
                    stream.close()
        return code

    def _converse(self, talk: Talk) -> Prepared | Refusal:
        while True:
            message = self._hear()
            if isinstance(message, Report):
                talk.on_stage(message.stage)
            elif isinstance(message, Question):
                self._say(Answer(goes_on=talk.is_new(message.fingerprint)))
            elif isinstance(message, Prepared | Refusal):
                return message

    def _say(self, message: ToChild) -> None:
        assert self._process.stdin is not None
        with _while_there():
            write(self._process.stdin, message)

    def _hear(self) -> FromChild:
        assert self._process.stdout is not None
        with _while_there():
            return read(self._process.stdout, from_child)

    @contextlib.contextmanager
    def _limited(self, seconds: float) -> Iterator[None]:
        """Kill the process if the block takes longer: reading then ends, whatever the process does."""
        timer = threading.Timer(seconds, self._be_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _be_late(self) -> None:
        self._is_late = True
        self._process.kill()


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
            prepared = child.work(submission, Talk(on_stage, is_new), self._time_s)
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
        child = Child(self._setup, self._command)
        with self._lock:
            self._children.add(child)
            is_closed = self._is_closed
            news, self._told = set(child.remarks) - self._told, self._told | set(child.remarks)
        if is_closed:
            self._drop(child)
            raise ServiceError(CLOSED)
        for remark in news:  # once, whichever child finds it
            get_logger("ingest").warning("a model cannot be used", reason=remark)
        return child

    def _drop(self, child: Child | None) -> None:
        if child is not None:
            child.end()
            with self._lock:
                self._children.discard(child)


@contextlib.contextmanager
def _while_there() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError) as error:  # a closed pipe, its end, its closed end; no message
        raise _GoneError from error
