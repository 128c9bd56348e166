"""GIFs on their way in: read within limits, handed to the library, each stage told as it ends."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.library import Library
from bot.web._bodies import answer, check_categories, read_form, read_json
from bot.web._errors import ApiError, as_api_error
from bot.web._records import (
    AddBody,
    Added,
    AddedEvent,
    AddUrlBody,
    IntakeEvent,
    Problem,
    RefusedEvent,
    StageEvent,
)
from bot.web._shelf import Shelf, inner_scope
from bot.web.messages import BROKEN, FULL_INTAKE
from inference.catalogue import OwnGif
from inference.errors import ReparteeError
from inference.ingest import OnStage, StageReport, Submission
from inference.logs import get_logger, where_of

AT_ONCE = 4  # the library has eight threads, and reading needs some
WAITING = 32
LINES = "application/x-ndjson"
LABEL_LETTERS = 120

Work = Callable[[OnStage], Awaitable[OwnGif]]
Events = asyncio.Queue[IntakeEvent | ApiError]


class Uploads:
    """Takes files and links; what has begun goes on when nobody listens any more, until `close`."""

    def __init__(self, library: Library, shelf: Shelf, max_bytes: int) -> None:
        self._library = library
        self._shelf = shelf
        self._max_bytes = max_bytes
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, request: Request) -> Response:
        """Add a file out of a form."""
        self._check_room()
        file, said = await read_form(request, self._max_bytes)

        async def work(on_stage: OnStage) -> OwnGif:
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="repartee-"))
            try:
                path = folder / "upload"
                await asyncio.to_thread(_keep, file, path)
                wanted = submission(said, str(path), Path(file.filename or "").name)
                return await self._library.add(wanted, on_stage)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

        return await self._answer(request, work)

    async def add_url(self, request: Request) -> Response:
        """Fetch a link and add what is there."""
        self._check_room()
        body = await read_json(request, AddUrlBody)
        check_categories(body.categories)

        async def work(on_stage: OnStage) -> OwnGif:
            return await self._library.add_url(body.url, submission(body, "", ""), on_stage)

        return await self._answer(request, work)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _check_room(self) -> None:
        if len(self._tasks) >= WAITING:
            raise ApiError(503, "busy", FULL_INTAKE, retry_s=5)

    async def _answer(self, request: Request, work: Work) -> Response:
        events: Events = asyncio.Queue()
        task = asyncio.create_task(self._take_in(work, events))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if LINES in request.headers.get("accept", ""):
            return StreamingResponse(_lines(events), media_type=LINES)
        stages: list[StageEvent] = []
        while True:
            event = await events.get()
            if isinstance(event, ApiError):
                raise event
            if isinstance(event, AddedEvent):
                return answer(Added(gif=event.gif, stages=stages), 201)
            if isinstance(event, StageEvent):
                stages.append(event)

    async def _take_in(self, work: Work, events: Events) -> None:
        """Do it, and end with exactly one event that says how it ended."""

        def on_stage(report: StageReport) -> None:
            events.put_nowait(StageEvent(stage=report.stage, ms=round(report.ms, 1), note=report.note))

        try:
            async with self._room:
                gif = await work(on_stage)
            events.put_nowait(AddedEvent(gif=self._shelf.view_of(gif)))
        except ReparteeError as error:
            events.put_nowait(as_api_error(error))
        except asyncio.CancelledError:
            events.put_nowait(ApiError(503, "unavailable", FULL_INTAKE))
            raise
        except Exception as error:
            get_logger("web").error("failed", path="/api/gifs", where=where_of(error))
            events.put_nowait(ApiError(500, "broken", BROKEN))


def submission(said: AddBody, path: str, file_name: str) -> Submission:
    """Put into the library's words what somebody wants to add."""
    return Submission(
        path=path,
        label=file_name[-LABEL_LETTERS:],
        scope=inner_scope(said.scope),
        pack=said.pack,
        name=said.name,
        tags=said.tags,
        categories=said.categories,
        alt_text=said.alt_text,
        licence=said.licence,
    )


def _keep(file: UploadFile, path: Path) -> None:
    with file.file as source, path.open("xb") as target:
        shutil.copyfileobj(source, target)


async def _lines(events: Events) -> AsyncIterator[bytes]:
    while True:
        event = await events.get()
        if isinstance(event, ApiError):
            event = RefusedEvent(error=Problem(code=event.code, text=str(event)))
        yield msgspec.json.encode(event) + b"\n"
        if not isinstance(event, StageEvent):
            return
