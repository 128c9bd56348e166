"""`repartee eval`: the engine's rankings scored on ReactBench, between floor and ceiling."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bot.cli._files import STANDARD, whole_file
from bot.cli._service import open_local, progress_bar
from bot.cli._settings import read_settings
from bot.cli.messages import EMPTY_ANNOTATED, EVAL_COLUMNS, EVAL_FOOT, EVAL_ROWS, EVAL_TITLE, RANKING
from inference.client import MAX_TIMEOUT_S, LocalService, ReactionService
from inference.errors import MessageError
from inference.metrics import BenchMessage, Prediction, Scores, ceiling, floor, read_messages, score
from inference.protocol import ReactRequest

DEPTH = 10  # categories ranked for a message; nDCG@5 needs five


def evaluate(annotations: Path | None, json_file: str | None) -> None:
    """Print the figures, and write them as JSON where a file is named.

    Raises:
        ReparteeError: names what is wrong and what to do.
    """
    settings = read_settings()
    path = annotations or settings.bench
    messages = read_messages(path)
    service = open_local(settings)
    bundle, catalogue = service.bundle, service.catalogue
    predictions = asyncio.run(_predict(service, messages, path))
    results = {
        "model": score(messages, predictions),
        "popular": floor(messages),
        "annotators": ceiling(messages),
    }
    if json_file != STANDARD:
        _print(results, bundle, path)
    if json_file is not None:
        report: dict[str, Any] = {"annotations": path.name, "bundle": bundle, "catalogue": catalogue}
        with whole_file(json_file) as file:
            encoded = msgspec.json.encode(
                report | {key: msgspec.to_builtins(s) for key, s in results.items()}
            )
            file.write(msgspec.json.format(encoded) + b"\n")


async def _predict(
    service: LocalService, messages: Sequence[BenchMessage], path: Path
) -> dict[str, Prediction]:
    async with service:
        _check(service, messages, path)
        return await predict(service, messages)


def _check(service: LocalService, messages: Sequence[BenchMessage], path: Path) -> None:
    for message in messages:
        try:
            service.check_text(message.text)
        except MessageError as error:
            raise MessageError(EMPTY_ANNOTATED.format(path=path, id=message.id)) from error


async def predict(service: ReactionService, messages: Sequence[BenchMessage]) -> dict[str, Prediction]:
    """Rank each message alone, as a chat would ask: primary categories, best first, and hold."""
    predictions = {}
    with progress_bar(RANKING) as progress:
        for done, message in enumerate(messages, start=1):
            reply = await service.react(ReactRequest(text=message.text, k=DEPTH, timeout_s=MAX_TIMEOUT_S))
            ranked = [reaction.categories[0] for reaction in reply.reactions]
            predictions[message.id] = Prediction(ranked, reply.hold)
            progress(done, len(messages))
    return predictions


def _print(results: dict[str, Scores], bundle: str, path: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = EVAL_TITLE.format(count=results["model"].messages, path=path.name)
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", header_style="dim", pad_edge=False)
    for place, column in enumerate(EVAL_COLUMNS):
        table.add_column(
            column.format(bundle=bundle),
            justify="right" if place else "left",
            style="bold green" if place == 1 else "",
        )
    for field, name in EVAL_ROWS.items():
        values = [getattr(scores, field) for scores in results.values()]
        table.add_row(name, *map(_figure, values))
    console = Console()
    console.print(table)
    console.print(EVAL_FOOT, style="dim")


def _figure(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
