"""`repartee reload`: tell all running workers to load bundle and packs anew, and show what each says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import typer

from bot.cli.messages import RELOAD_INCOMPLETE, RELOAD_REFUSED, RELOAD_SILENT, RELOADED
from bot.settings import RedisSettings, read
from inference.control import Verdict, new_reload, reload_workers
from inference.errors import ServiceError


def reload(bundle: str | None, packs: Sequence[str] | None, timeout_s: float) -> None:
    """Announce, and print a line a worker.

    Raises:
        ServiceError: a worker refused or did not answer in time, or none runs.
    """
    asyncio.run(_reload(read(RedisSettings), bundle, packs, timeout_s))


async def _reload(
    settings: RedisSettings, bundle: str | None, packs: Sequence[str] | None, timeout_s: float
) -> None:
    announcement = new_reload(bundle, packs)
    total = failed = 0
    url = settings.url.get_secret_value()
    async for said in reload_workers(url, settings.namespace, announcement, timeout_s):
        if isinstance(said, Verdict):
            sentence = RELOADED if said.is_done else RELOAD_REFUSED
            typer.echo(sentence.format(worker=said.worker, text=said.text), err=not said.is_done)
            total, failed = total + 1, failed + (not said.is_done)
            continue
        for name in said:
            typer.echo(RELOAD_SILENT.format(worker=name), err=True)
        total, failed = total + len(said), failed + len(said)
    if failed:
        raise ServiceError(RELOAD_INCOMPLETE.format(total=total, count=failed))
