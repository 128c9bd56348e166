"""Reading and writing of files that a person named, with - for standard input and output."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bot.cli.messages import UNREADABLE_FILE, UNWRITABLE_FILE
from inference.errors import ReparteeError

STANDARD = "-"


class FileError(ReparteeError):
    """A file that was named cannot be read or written."""


def read_bytes(name: str) -> bytes:
    """Read a file, or standard input.

    Raises:
        FileError: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if name == STANDARD else Path(name).read_bytes()
    except OSError as error:
        raise FileError(UNREADABLE_FILE.format(path=name, reason=error.strerror)) from error


@contextlib.contextmanager
def whole_file(name: str) -> Iterator[BinaryIO]:
    """Open a file for writing that appears, whole, when the block ends without an exception.

    Until then whatever was there stays. Standard output and devices are written as they come.

    Raises:
        FileError: it cannot be written.
    """
    path = Path(name)
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    is_device = path.exists() and not path.is_file() and not path.is_dir()
    target = Path(os.path.realpath(path))
    part = target if is_device else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with part.open("wb") as file:
            yield file
        if not is_device:
            part.replace(target)
    except OSError as error:
        raise FileError(UNWRITABLE_FILE.format(path=name, reason=error.strerror)) from error
    finally:
        if not is_device:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
