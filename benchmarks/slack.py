"""How soon does a mention in Slack get its GIF? From the envelope to what Slack gets.

The bot is `repartee slack` in a process of its own, in Socket Mode, with the model in it; Slack is the
stand-in of the tests, here in this process. One mention at a time, then fifty at once, each in a channel of
its own: in one channel Slack takes a message a second. A GIF is uploaded at its first use, three requests and
the file, and shared by its permalink from then on.

    python -m benchmarks.slack --json slack.json
"""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks._timing import print_spreads, print_verdicts, report, write_json
from benchmarks._waits import Waits, summarise
from benchmarks._worker import started
from tests.slack_side.server import SlackSide
from tests.slack_side.world import Channel, Person

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
    """Mention the bot in one channel after another, then in all of them at once."""
    one, many = Waits(), Waits()
    with tempfile.TemporaryDirectory() as folder:
        async with SlackSide() as side, _started(side, folder):
            await side.connected()
            rounds = range(crowds + alone // CROWD + 2)  # one person asks each channel once
            people = [side.world.add_person(f"guest{number}") for number in rounds]
            rooms = [side.world.add_channel(f"room{number}") for number in range(CROWD)]
            coming = iter(texts)
            for room in rooms[:WARM_UP]:
                await _mention(side, people[0], room, next(coming), Waits())
            for number in range(alone):
                await _mention(side, people[-1 - number // CROWD], rooms[number % CROWD], next(coming), one)
                tick(1)
            for person in people[1 : 1 + crowds]:
                await asyncio.gather(*(_mention(side, person, room, next(coming), many) for room in rooms))
                tick(CROWD)
            if side.violations:
                raise RuntimeError(f"Slack would have refused: {side.violations[0]}")
    return one, many


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


async def _mention(side: SlackSide, person: Person, room: Channel, text: str, waits: Waits) -> None:
    """Mention the bot and wait for the GIF in the thread."""
    handle = await side.mention(person, text, channel=room)
    acknowledged = await handle.acknowledged()
    message, envelope = handle.message, handle.envelope
    assert message is not None
    assert envelope is not None

    def look() -> float | None:
        posts = side.posts(room)
        return next((post.shown_at for post in reversed(posts) if post.thread_ts == message.ts), None)

    shown_at = await side.until(look, "the GIF")
    waits.done.append((shown_at - envelope.sent_at) * 1e3)
    waits.acknowledged.append(acknowledged.seconds * 1e3)


if __name__ == "__main__":
    typer.run(main)
