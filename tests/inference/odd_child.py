"""A child of the pool that behaves as the label of its file says; all but the stages is the real one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from inference.errors import BundleError, RefusedError
from inference.ingest._child import Line, Prepare, main
from inference.ingest._messages import Prepared, Setup
from inference.ingest._submission import Stage, StageReport, Submission
from inference.pack import PackGif

Report = Callable[[StageReport], None]
IsNew = Callable[[bytes], bool]


def behave(submission: Submission, report: Report, is_new: IsNew) -> Prepared:
    report(StageReport(stage=Stage.DECODE, ms=1.0, note=str(os.getpid())))
    what = submission.label
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "abort":
        os.abort()
    elif what == "hang":
        signal.pause()
    elif what == "spin":
        while True:
            pass
    elif what == "swell":
        hoard = []
        while True:
            hoard.append(bytearray(16 * 1024 * 1024))
    elif what == "print":
        print("not a message", flush=True)
        os.write(1, b"neither is this")
    elif what == "stumble":
        raise KeyError("something of a library")
    elif what == "refuse":
        raise RefusedError("It is refused.", "unsafe")
    elif what == "babble":  # what is no message
        os.write(max(int(name) for name in os.listdir("/proc/self/fd") if _is_pipe(name)), b"x" * 100)
    elif what == "ask" and not is_new(b"fingerprint"):
        raise RefusedError("It is there.", "duplicate")
    elif what == "environment":
        report(StageReport(stage=Stage.TEXT, ms=0.0, note=" ".join(sorted(os.environ))))
    return prepared(what)


def prepared(name: str) -> Prepared:
    entry = PackGif(
        id="0" * 64, file="00/0.gif", name=name, categories=["hug"], tags=[], alt_text=name, licence="CC0-1.0"
    )
    return Prepared(entry=entry, data=b"GIF89a" * 500_000, fingerprint=b"", vector=b"", model="")


def load(setup: Setup, line: Line) -> Prepare:
    if setup.captioner:
        line.attempt()
        sys.exit(4)
    if setup.bundle.endswith("odd"):
        line.remark("Something is odd.")
    if setup.bundle.endswith("broken"):
        raise BundleError("The bundle is broken.")
    if setup.bundle.endswith("missing"):
        raise ImportError("No module named 'onnxruntime'")
    if setup.bundle.endswith("dies"):
        sys.exit(3)
    return behave


def _is_pipe(name: str) -> bool:
    try:
        return int(name) > 2 and os.readlink(f"/proc/self/fd/{name}").startswith("pipe:")
    except OSError:
        return False


if __name__ == "__main__":
    main(load)
