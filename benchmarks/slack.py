"""How soon does a mention in Slack get its GIF? From the envelope to what Slack gets.

The bot is `repartee slack` in a process of its own, in Socket Mode, with the model in it; Slack is the
stand-in of the tests, here in this process. One mention at a time, then fifty at once, each in a channel of
its own: in one channel Slack takes a message a second. A GIF is uploaded at its first use, three requests and
the file, and shared by its permalink from then on.

    python -m benchmarks.slack --json slack.json
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from functools import partial

import typer

from benchmarks._waits import (
    CHAT,
    CROWD,
    WARM_UP,
    Alone,
    Crowds,
    JsonFile,
    MessagesFile,
    Tick,
    Waits,
    run,
)
from benchmarks._worker import started
from tests.slack_side.server import SlackSide
from tests.slack_side.world import Channel, Person

ACKNOWLEDGED_MS, POSTED_MS = 50, 600


def main(
    alone: Alone = 200,
    crowds: Crowds = 10,
    messages: MessagesFile = CHAT,
    json_file: JsonFile = None,
) -> None:
    """Measure and print."""
    run(
        partial(_measure, alone, crowds),
        what="GIF",
        begin="envelope",
        total=alone + crowds * CROWD,
        limits_ms=(ACKNOWLEDGED_MS, POSTED_MS),
        messages=messages,
        json_file=json_file,
    )


async def _measure(alone: int, crowds: int, texts: Sequence[str], tick: Tick) -> tuple[Waits, Waits]:
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
