"""`repartee index`: the catalogue made or brought in step, explicitly."""

from __future__ import annotations

import typer

from bot.cli._service import open_service
from bot.cli._settings import read_settings
from bot.messages import INDEXED


def build(*, fresh: bool) -> None:
    """Embed what is new, or everything where `fresh`, and say how many GIFs there are."""
    settings = read_settings()
    with open_service(settings, fresh=fresh) as service:
        typer.echo(INDEXED.format(count=len(service), path=settings.catalogue))
