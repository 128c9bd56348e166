"""`repartee index`: the catalogue made or brought in step, explicitly."""

from __future__ import annotations

import typer

from bot.cli._service import open_engine
from bot.cli._settings import read_settings
from bot.cli.messages import INDEXED


def build(*, fresh: bool) -> None:
    """Embed what is new, or everything where `fresh`, and say how many GIFs there are."""
    settings = read_settings()
    engine = open_engine(settings, fresh=fresh)
    typer.echo(INDEXED.format(count=len(engine), path=settings.catalogue))
