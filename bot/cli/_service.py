"""The composition root of the command line: a service out of the settings, with progress on stderr.

The one module of the command line that knows the engine, and only when it is called: help and refused options
do without the model runtime.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from bot.cli._settings import Settings
from bot.messages import FIRST_START, NO_ENGINE
from inference.client import LocalService
from inference.errors import ReparteeError

Progress = Callable[[int, int], None]


def open_service(settings: Settings, *, fresh: bool = False) -> LocalService:
    """Open the engine in this process; the first start of a model embeds the GIFs and shows it.

    Raises:
        ReparteeError: names what is wrong and what to do.
    """
    try:
        from inference.engine import Engine
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise
        raise ReparteeError(NO_ENGINE) from error
    with progress_bar(FIRST_START) as progress:
        engine = Engine.open(
            settings.bundle,
            settings.packs,
            settings.catalogue,
            threads=settings.threads,
            progress=progress,
            fresh=fresh,
        )
    return LocalService(engine)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Give a callback for (done, total) that shows a bar on stderr, where that is a terminal."""
    with contextlib.ExitStack() as stack:
        state: list[Callable[[int, int], None]] = []

        def show(done: int, total: int) -> None:
            if not state:
                state.append(stack.enter_context(_drawn(title)))
            state[0](done, total)

        yield show


@contextlib.contextmanager
def _drawn(title: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
