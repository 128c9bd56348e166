"""A child process: it does with one file after the other what costs time and may go wrong.

It is started as `python -m inference.ingest._child`, hears on its standard input and answers on its standard
output. Whatever a library prints goes nowhere.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import IO

from inference.errors import RefusedError, ReparteeError
from inference.ingest._bounds import bound_memory, step_back
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
    read,
    to_child,
    write,
)
from inference.ingest._submission import StageReport, Submission
from inference.logs import where_of

TOO_MUCH_MEMORY = "The file needs more memory than a GIF may: send a smaller or shorter one."
BROKEN = "The file could not be worked on: send it in another format."
NO_MODULE = "GIFs cannot be taken in ({error}): install the program with its extra, pip install '.[cpu]'."
MEMORY_WORDS = ("bad_alloc", "allocate memory", "Insufficient memory")  # of onnxruntime and OpenCV

Prepare = Callable[[Submission, Callable[[StageReport], None], Callable[[bytes], bool]], Prepared]


class Line:
    """The line to the parent; when the parent is gone, so is this process."""

    def __init__(self, heard: IO[bytes], said: IO[bytes]) -> None:
        self._said = said
        self._inbox: queue.SimpleQueue[ToChild] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()

    def say(self, message: FromChild) -> None:
        """Tell the parent."""
        write(self._said, message)

    def attempt(self) -> None:
        """Tell the parent that the captioner is loaded next."""
        self.say(Attempt())

    def remark(self, text: str) -> None:
        """Tell the parent what is wrong, though it does not keep GIFs from being taken in."""
        self.say(Remark(text=text))

    def hear(self) -> ToChild:
        """Wait for the parent."""
        return self._inbox.get()

    def report(self, stage: StageReport) -> None:
        """Tell the parent that a stage is over."""
        self.say(Report(stage=stage))

    def is_new(self, fingerprint: bytes) -> bool:
        """Ask the parent whether nothing that it has looks like this."""
        self.say(Question(fingerprint=fingerprint))
        answer = self.hear()
        return isinstance(answer, Answer) and answer.goes_on

    def _listen(self, heard: IO[bytes]) -> None:
        try:
            while True:
                self._inbox.put(read(heard, to_child))
        except BaseException:  # the end of the line, or what is no message: there is nothing left to do
            os._exit(0)


def load(setup: Setup, line: Line) -> Prepare:
    """Load everything that files are worked on with.

    Raises:
        BundleError: the bundle, or a model of an extra, cannot be used.
        ImportError: a library is missing.
    """
    from inference.ingest._stages import Preparer  # brings libraries that may not be there

    preparer = Preparer(setup.bundle, setup.options, line.remark)
    if setup.captioner:
        line.attempt()
        preparer.open_captioner(setup.captioner)
    return preparer


def main(load: Callable[[Setup, Line], Prepare] = load) -> None:
    """Serve one parent until it goes."""
    step_back()
    # Without a buffer, whose lock the listening thread would hold when the interpreter ends.
    line = Line(os.fdopen(0, "rb", buffering=0, closefd=False), _private_output())
    setup = line.hear()
    if not isinstance(setup, Setup):
        return
    try:
        prepare = load(setup, line)
    except ReparteeError as error:
        line.say(Failure(text=str(error)))
        return
    except ImportError as error:
        line.say(Failure(text=NO_MODULE.format(error=error)))
        return
    bound_memory(setup.memory_bytes)
    line.say(Ready())
    while True:
        job = line.hear()
        if isinstance(job, Job):
            line.say(_done(prepare, job, line))


def _done(prepare: Prepare, job: Job, line: Line) -> FromChild:
    try:
        return prepare(job.submission, line.report, line.is_new)
    except RefusedError as error:
        return Refusal(text=str(error), code=error.code)
    except Exception as error:  # of a library, at what somebody sent; the next file finds a new process
        if isinstance(error, MemoryError) or any(words in str(error) for words in MEMORY_WORDS):
            return Refusal(text=TOO_MUCH_MEMORY, code="too_much_memory")
        return Refusal(text=BROKEN, code="crashed", place=where_of(error))


def _private_output() -> IO[bytes]:
    """Keep the standard output for messages, and send what is printed where errors go."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "wb")


if __name__ == "__main__":
    main()
