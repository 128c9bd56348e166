"""The composition root of the one-shot commands: a service out of the settings, with progress on stderr.

It knows the engine only when it is called: help and refused options do without the model runtime.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from bot.cli._settings import Settings
from bot.cli.messages import FIRST_START, NO_ENGINE
from inference.client import LocalService, RedisService
from inference.errors import ReparteeError

if TYPE_CHECKING:
    from inference.engine import Engine

Progress = Callable[[int, int], None]


def open_service(settings: Settings) -> LocalService | RedisService:
    """Return the service of running workers where REDIS_URL is set, else one in this process.

    Raises:
        ReparteeError: names what is wrong and what to do.
    """
    if not os.environ.get("REDIS_URL"):
        return open_local(settings)
    from bot.settings import RedisSettings, read

    redis = read(RedisSettings)
    return RedisService(
        redis.url.get_secret_value(), namespace=redis.namespace, queue_limit=redis.queue_limit
    )


def open_local(settings: Settings) -> LocalService:
    """Return a service in this process.

    Raises:
        ReparteeError: names what is wrong and what to do.
    """
    return LocalService(open_engine(settings))


@contextlib.contextmanager
def followed(settings: Settings, service: LocalService | RedisService) -> Iterator[None]:
    """Let a service in this process find GIFs that are added while it runs, as workers do by themselves."""
    if not isinstance(service, LocalService):
        yield
        return
    from inference.follow import Follower

    reopen = partial(open_engine, settings)
    follower = Follower(settings.catalogue, lambda: service.engine, service.renew, reopen)
    follower.start()
    try:
        yield
    finally:
        follower.close()


def open_engine(settings: Settings, *, fresh: bool = False) -> Engine:
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
        return Engine.open(
            settings.bundle,
            settings.packs,
            settings.catalogue,
            threads=settings.threads,
            progress=progress,
            fresh=fresh,
        )


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
