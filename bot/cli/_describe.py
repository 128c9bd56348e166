"""`repartee describe`: a sentence about each picture, by the captioner that is set."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import msgspec
import numpy as np
import typer

from bot.cli import _describe_messages as messages
from bot.cli._plain import plain
from bot.cli._service import progress_bar
from bot.cli._settings import read_settings
from bot.cli.messages import NO_ENGINE
from inference.errors import MessageError, PackError, RefusedError, ReparteeError

if TYPE_CHECKING:
    from inference.captioner import Captioner, Floats

BATCH = 8
MOST_PIXELS = 50_000_000  # of one frame: photos have more than GIFs that are taken in
MOST_SECONDS = 3600.0
UNKNOWN_KINDS = frozenset({"unreadable", "unsupported"})


class Description(NamedTuple):
    """What a file shows, or why that cannot be said; both empty where the captioner is too unsure."""

    path: Path
    caption: str = ""
    error: str = ""


def describe(files: Sequence[Path], bundle: Path | None, *, beam: int = 1, as_json: bool = False) -> None:
    """Print what each file shows; exits with 1 if any of them could not be read.

    Args:
        files: pictures and animations.
        bundle: folder of the captioner, None for the one of the settings.
        beam: 1 for the likeliest word each time, else so many beams.
        as_json: print an object a line.

    Raises:
        ReparteeError: nothing was begun; says why.
    """
    if not files:
        raise MessageError(messages.NO_FILE_NAMED)
    settings = read_settings()
    folder = bundle or settings.captioner
    if folder is None:
        raise ReparteeError(messages.NO_CAPTIONER)
    captioner = open_tried(folder, settings.threads)
    teller = Teller(sys.stdout, as_json=as_json, is_one=len(files) == 1)
    # On a terminal the lines themselves show how far it is, and a bar would be drawn over them.
    has_bar = len(files) > 1 and not sys.stdout.isatty()
    has_failed = False
    with progress_bar(messages.DESCRIBING) as bar:
        for start in range(0, len(files), BATCH):
            if has_bar:
                bar(start, len(files))
            for found in described(captioner, files[start : start + BATCH], beam):
                has_failed = has_failed or bool(found.error)
                teller.tell(found)
    if has_failed:
        raise typer.Exit(1)


def open_tried(folder: Path, threads: int) -> Captioner:
    """Open a captioner bundle, and try whether it runs.

    Raises:
        ReparteeError: it cannot be used, or the model runtime is not installed.
    """
    from inference.ingest import open_captioner

    try:
        return open_captioner(folder, threads=threads)
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise
        raise ReparteeError(NO_ENGINE) from error


def described(captioner: Captioner, paths: Sequence[Path], beam: int = 1) -> list[Description]:
    """Look at some files together, and return what each shows or why that cannot be said.

    Raises:
        BundleError: the captioner fails, whatever it looks at.
    """
    found = [_encoded(captioner, path) for path in paths]
    captions = iter(_captions(captioner, [seen for seen in found if not isinstance(seen, str)], beam))
    return [
        Description(path, error=seen) if isinstance(seen, str) else Description(path, next(captions))
        for path, seen in zip(paths, found, strict=True)
    ]


def _captions(captioner: Captioner, vectors: Sequence[Floats], beam: int) -> list[str]:
    from inference.ingest import running

    if not vectors:
        return []
    with running(captioner.label):
        return captioner.say(np.stack(vectors), beam_size=beam)


def _encoded(captioner: Captioner, path: Path) -> Floats | str:
    """Return the vector of a file, or why there is none; of the pictures themselves nothing is kept."""
    from inference.ingest import Limits, read_moments

    if os.path.isdir(path):  # a Path would raise where a name is too long
        return messages.IS_FOLDER.format(path=path)
    if not os.path.exists(path):
        return messages.NO_FILE.format(path=path)
    if not os.path.isfile(path):  # a pipe would be waited for
        return messages.NOT_REGULAR.format(path=path)
    try:
        limits = Limits(pixels=MOST_PIXELS, seconds=MOST_SECONDS)
        return captioner.encode(read_moments(path, captioner.frames, limits))
    except RefusedError as error:
        if error.code not in UNKNOWN_KINDS:
            return messages.REFUSED.format(path=path, reason=error)
    except PackError:
        pass
    except Exception as error:  # whatever a decoder raises at a damaged file: the others are described
        return messages.FAILED.format(path=path, reason=type(error).__name__)
    return messages.UNREADABLE.format(path=path)


class Teller:
    """Writes a line for each file; `out` is the real output, as a bar puts its own in the place of it."""

    def __init__(self, out: TextIO, *, as_json: bool, is_one: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._is_one = is_one

    def tell(self, found: Description) -> None:
        """Say what a file shows: on stdout, what is wrong on stderr, or either as an object on stdout."""
        path, caption, error = found
        if self._as_json:
            said = {"error": _encodable(error)} if error else {"caption": caption}
            typer.echo(msgspec.json.encode({"file": _encodable(str(path)), **said}), file=self._out)
        elif error or not caption:
            typer.echo(plain(error or messages.NO_WORDS.format(path=path)), err=True)
        else:
            line = caption if self._is_one else messages.MANY.format(path=path, caption=caption)
            typer.echo(plain(line), file=self._out)


def _encodable(text: str) -> str:
    """Replace what names of files may have and UTF-8 has not."""
    return text.encode(errors="replace").decode()
