"""How soon does a mention in Slack get its GIF? From the envelope to what Slack gets.

The bot is `repartee slack` in a process of its own, in Socket Mode, with the model in it; Slack is the
stand-in of the tests, here in this process. One person at a time, then fifty who mention it at once.
A GIF is uploaded at its first use, three requests and the file, and shared by its permalink from then on.

    python -m benchmarks.slack --json slack.json
"""

import asyncio
import contextlib
import itertools
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks._timing import print_spreads, print_verdicts, report, write_json
from benchmarks._waits import Waits, summarise
from benchmarks._worker import started
from tests.slack_side.server import SlackSide
from tests.slack_side.world import Person

ROOT = Path(__file__).resolve().parents[1]
ACKNOWLEDGED_MS, POSTED_MS = 50, 600
WARM_UP = 5
CROWD = 50

Alone = Annotated[int, typer.Option(help="Mentions one after another.")]
Crowds = Annotated[int, typer.Option(help=f"Times that {CROWD} people mention it at once.")]
MessagesFile = Annotated[Path, typer.Option(help='Lines of {"text"}.')]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


def main(
    alone: Alone = 200,
    crowds: Crowds = 10,
    messages: MessagesFile = ROOT.parent / "shared" / "reactions" / "chat.jsonl",
    json_file: JsonFile = None,
) -> None:
    """Measure and print."""
    console = Console()
    texts = [json.loads(line)["text"] for line in messages.read_text(encoding="utf-8").splitlines()]
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Mentions", total=alone + crowds * CROWD)
        one, many = asyncio.run(_measure(texts, alone, crowds, lambda count: bar.advance(task, count)))
    waits = {"one at a time": one, f"{CROWD} at once": many}
    spreads, verdicts = summarise(waits, "GIF", acknowledged_ms=ACKNOWLEDGED_MS, done_ms=POSTED_MS)
    print_spreads(console, "From the envelope to …", spreads, "ms")
    print_verdicts(console, verdicts)
    if json_file:
        write_json(json_file, report(spreads, verdicts))


async def _measure(
    texts: Sequence[str], alone: int, crowds: int, tick: Callable[[int], None]
) -> tuple[Waits, Waits]:
    """Mention the bot, alone and in crowds, each person once."""
    one, many = Waits(), Waits()
    with tempfile.TemporaryDirectory() as folder:
        async with SlackSide() as side, _started(side, folder):
            await side.connected()
            coming, people = iter(texts), _people(side)
            for _ in range(WARM_UP):
                await _mention(side, next(people), next(coming), Waits())
            for _ in range(alone):
                await _mention(side, next(people), next(coming), one)
                tick(1)
            for _ in range(crowds):
                crowd = [(next(people), next(coming)) for _ in range(CROWD)]
                await asyncio.gather(*(_mention(side, person, text, many) for person, text in crowd))
                tick(CROWD)
            if side.violations:
                raise RuntimeError(f"Slack would have refused: {side.violations[0]}")
    return one, many


def _people(side: SlackSide) -> Iterator[Person]:
    """Let ever new people join."""
    return (side.world.add_person(f"guest{number}") for number in itertools.count())


@contextlib.asynccontextmanager
async def _started(side: SlackSide, folder: str) -> AsyncIterator[None]:
    environment = {
        "SLACK_API_URL": side.api_url,
        "SLACK_BOT_TOKEN": side.bot_token,
        "SLACK_APP_TOKEN": side.app_token,
        "SLACK_RECENT": "0",
        "REDIS_URL": "",
        "REPARTEE_DATA_DIR": folder,
    }
    async with started(environment, "slack"):
        yield


async def _mention(side: SlackSide, person: Person, text: str, waits: Waits) -> None:
    """Mention the bot and wait for the GIF in the thread."""
    handle = await side.mention(person, text)
    acknowledged = await handle.acknowledged()
    message, envelope = handle.message, handle.envelope
    assert message is not None
    assert envelope is not None

    def look() -> float | None:
        posts = side.posts()
        return next((post.shown_at for post in reversed(posts) if post.thread_ts == message.ts), None)

    shown_at = await side.until(look, "the GIF")
    waits.done.append((shown_at - envelope.sent_at) * 1e3)
    waits.acknowledged.append(acknowledged.seconds * 1e3)


if __name__ == "__main__":
    typer.run(main)
