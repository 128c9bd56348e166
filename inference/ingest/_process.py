"""A child process as its parent sees it: it is started, given jobs, heard, and ended when it is late."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from inference.errors import RefusedError, ServiceError
from inference.ingest._bounds import environment
from inference.ingest._messages import (
    Answer,
    Attempt,
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
from inference.ingest._submission import OnStage, Submission
from inference.logs import get_logger

START_S = 120.0  # a slow disk has to read 60 MB of models

CRASHED = "The file brought the process down that worked on it: send it in another format."
TOO_SLOW = "Working on the file took longer than {seconds:g} s: send a smaller or shorter one."
NO_START = "The process that takes GIFs in did not start (exit code {code}): reinstall the program."
NO_CAPTIONER = (
    "The captioner in {folder} brought the process down that loaded it, or needs longer than {seconds:g} s: "
    "name another folder in REPARTEE_CAPTIONER."
)

IsNew = Callable[[bytes], bool]
OnRemark = Callable[[str], None]


class CaptionerError(ServiceError):
    """A child did not start for its captioner; without one it might."""


class _GoneError(Exception):
    """The child is gone, or talks nonsense."""


class Talk(NamedTuple):
    """What the parent does while a job is worked on."""

    on_stage: OnStage
    is_new: IsNew
    on_remark: OnRemark


class Child:
    """One process and the lines to it; `remarks` are what it found wrong at its start."""

    def __init__(self, setup: Setup, command: Sequence[str]) -> None:
        """Start it and wait until it is ready.

        Raises:
            CaptionerError: it did not start, as its captioner hangs or ends it.
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
        self._is_trying = False
        self.remarks: list[str] = []
        try:
            with self._limited(START_S):
                answer = self._begin(setup)
        except _GoneError as error:
            if self._is_trying:
                self.end()
                raise CaptionerError(NO_CAPTIONER.format(folder=setup.captioner, seconds=START_S)) from error
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

    def _begin(self, setup: Setup) -> FromChild:
        """Say what to load, and return the first answer that is not said in passing."""
        self._say(setup)
        while isinstance(answer := self._hear(), Remark | Attempt):
            if isinstance(answer, Attempt):
                self._is_trying = True
            else:
                self.remarks.append(answer.text)
        return answer

    def _converse(self, talk: Talk) -> Prepared | Refusal:
        while True:
            message = self._hear()
            if isinstance(message, Report):
                talk.on_stage(message.stage)
            elif isinstance(message, Remark):
                talk.on_remark(message.text)
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


@contextlib.contextmanager
def _while_there() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError) as error:  # a closed pipe, its end, its closed end; no message
        raise _GoneError from error
