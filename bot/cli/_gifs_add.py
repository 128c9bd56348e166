"""`repartee gifs add`: files, folders and links into a pack, a line for each that is refused."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import structlog
import typer

from bot.categories import read_categories
from bot.cli import _gifs_messages as messages
from bot.cli._gifs_words import find_sources, is_link, read_pack_name, read_stages, split
from bot.cli._plain import plain
from bot.cli._scopes import read_scope
from bot.cli._service import Progress, progress_bar
from bot.cli._settings import read_settings
from inference.bundle import sha256_of
from inference.catalogue import OwnGif, OwnGifs
from inference.errors import MessageError, RefusedError
from inference.fetch import fetch
from inference.ingest import MIB, Ingestor, Options, Outcome, Submission
from inference.logs import configure

ASKED_FROM = 500  # files, from which on a person at a terminal is asked first
INTERRUPTED = 130  # as shells have it


class Line(msgspec.Struct, frozen=True):
    """What became of a file, as a line of JSON."""

    label: str
    status: Literal["added", "already", "refused"]
    id: str = ""
    name: str = ""
    code: str = ""
    text: str = ""


def wishes(
    *,
    pack: str,
    scope: str,
    tags: str | None,
    categories: str | None,
    name: str | None,
    alt_text: str | None,
    licence: str | None,
) -> Submission:
    """Put what is said of all files into a submission that names none of them yet.

    Raises:
        MessageError: something of it cannot be used.
    """
    return Submission(
        path="",
        label="",
        scope=read_scope(scope),
        pack=read_pack_name(pack),
        name=(name or "").strip(),
        tags=split(tags),
        categories=read_categories(split(categories)),
        alt_text=(alt_text or "").strip(),
        licence=(licence or "").strip() or "unknown",
    )


def add(
    said: Sequence[str],
    template: Submission,
    skip: Sequence[str],
    *,
    processes: int,
    as_json: bool,
    is_sure: bool,
) -> None:
    """Add what is named; exits with 1 if any of it was refused.

    Raises:
        ReparteeError: nothing was begun; says why.
    """
    options = Options(skipped=read_stages(skip))
    sources, left_out = find_sources(said)
    _check_single(sources, template)
    if left_out:
        typer.echo(messages.LEFT_OUT.format(count=left_out), err=True)
    if len(sources) >= ASKED_FROM and not is_sure and sys.stdin.isatty():
        typer.confirm(messages.MANY.format(count=len(sources), pack=template.pack), abort=True, err=True)
    settings = read_settings()
    with (
        _logs(),
        progress_bar(messages.ADDING) as progress,
        tempfile.TemporaryDirectory(prefix="repartee-") as folder,
        Ingestor(
            settings.catalogue,
            settings.bundle,
            options,
            processes=min(processes, len(sources)),
            captioner=settings.captioner,
        ) as ingestor,
    ):
        report = Report(len(sources), progress, as_json=as_json)
        intake = Intake(settings.catalogue, Path(folder), options, template, report)
        with _stopping(report):
            for outcome in ingestor.take_in_all(intake.submissions(sources)):
                intake.note(outcome)
    report.conclude()


@contextlib.contextmanager
def _logs() -> Iterator[None]:
    """Send warnings of the ingestor to stderr for a while: by default logs go where the answer goes."""
    before = structlog.get_config()
    configure(level="warning")
    try:
        yield
    finally:
        structlog.configure(**before)


@contextlib.contextmanager
def _stopping(report: Report) -> Iterator[None]:
    """Let Ctrl-C end the work after the files that are under way, and a second one at once."""

    def stop(number: int, frame: object) -> None:
        report.is_stopped = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, before)


def _check_single(sources: Sequence[str], template: Submission) -> None:
    for option, value in (("--name", template.name), ("--alt", template.alt_text)):
        if value and len(sources) > 1:
            raise MessageError(messages.ONE_FILE_ONLY.format(option=option))


class Report:
    """Says what becomes of each file, and counts."""

    def __init__(self, total: int, progress: Progress, *, as_json: bool) -> None:
        self.is_stopped = False
        self._total = total
        self._progress = progress
        self._as_json = as_json
        self._counts = {"added": 0, "already": 0, "refused": 0}
        progress(0, total)

    def tell(self, line: Line) -> None:
        """Note one file."""
        self._counts[line.status] += 1
        if self._as_json:
            label = line.label.encode(errors="replace").decode()
            typer.echo(msgspec.json.encode(msgspec.structs.replace(line, label=label)))
        elif line.status == "refused":
            typer.echo(plain(messages.REFUSED_LINE.format(label=line.label, text=line.text)), err=True)
        self._progress(sum(self._counts.values()), self._total)

    def conclude(self) -> None:
        """Say the sums; exits with a code that is not 0 unless all files are in."""
        typer.echo(messages.SUMMARY.format(**self._counts), err=self._as_json)
        if self.is_stopped:
            typer.echo(messages.STOPPED, err=True)
            raise typer.Exit(INTERRUPTED)
        if self._counts["refused"]:
            raise typer.Exit(1)


class Intake:
    """Makes submissions out of files and links, passing over what is there already."""

    def __init__(
        self, catalogue: Path, folder: Path, options: Options, template: Submission, report: Report
    ) -> None:
        self._catalogue = catalogue
        self._folder = folder
        self._limit = options.limits.file_bytes
        self._template = template
        self._report = report

    def submissions(self, sources: Sequence[str]) -> Iterator[Submission]:
        """Give the files that are to be taken in, one by one; links are fetched when their turn comes."""
        with OwnGifs(self._catalogue) as own:  # of the thread that asks for submissions
            for source in sources:
                if self._report.is_stopped:
                    return
                try:
                    path = self._fetched(source) if is_link(source) else Path(source)
                    known = own.has_origin(self._template.scope, self._origin(path))
                except RefusedError as error:
                    self._report.tell(Line(source, "refused", code=error.code, text=str(error)))
                    continue
                if known is None:
                    yield msgspec.structs.replace(self._template, path=str(path), label=source)
                    continue
                self._drop(path)
                self._report.tell(_line(source, "already", known))

    def note(self, outcome: Outcome) -> None:
        """Report what became of a submission."""
        file = outcome.submission
        if outcome.gif is not None:
            self._report.tell(_line(file.label, "added", outcome.gif))
        elif (known := self._twin(outcome)) is not None:
            self._report.tell(_line(file.label, "already", known))
        else:
            self._report.tell(Line(file.label, "refused", code=outcome.code, text=outcome.text))
        self._drop(Path(file.path))

    def _twin(self, outcome: Outcome) -> OwnGif | None:
        """Return the GIF that was made of the same file a moment ago: folders hold copies."""
        if outcome.code != "duplicate":
            return None
        with OwnGifs(self._catalogue) as own:
            return own.has_origin(outcome.submission.scope, self._origin(Path(outcome.submission.path)))

    def _origin(self, path: Path) -> str:
        try:
            str(path).encode()
            if path.stat().st_size > self._limit:
                raise RefusedError(messages.TOO_LARGE.format(limit=self._limit // MIB), "too_large")
            return sha256_of(path)
        except UnicodeEncodeError:
            raise RefusedError(messages.BAD_NAME) from None
        except OSError as error:
            raise RefusedError(messages.UNREADABLE.format(reason=error.strerror)) from error

    def _fetched(self, url: str) -> Path:
        return asyncio.run(fetch(url, self._folder, max_bytes=self._limit))

    def _drop(self, path: Path) -> None:
        if path.parent == self._folder:
            path.unlink(missing_ok=True)


def _line(label: str, status: Literal["added", "already"], gif: OwnGif) -> Line:
    return Line(label, status, id=gif.id, name=gif.entry.name)
