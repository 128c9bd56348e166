"""How soon does somebody who right-clicks a message see something? From the event to what Discord gets.

The bot is `repartee discord` in a process of its own, with the model in it and nothing kept from before;
Discord is the stand-in of the tests, here in this process, which checks every request (about 2 ms each).
Each preview is uploaded with its three GIFs. One person at a time, then fifty who click at the same moment.

    python -m benchmarks.discord --json discord.json
"""

import asyncio
import contextlib
import tempfile
import time
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
from tests.discord_side.server import DiscordSide

MENU = "React with a GIF"
COMMANDS = 6
ACKNOWLEDGED_MS, SEEN_MS = 100, 500


def main(
    alone: Alone = 200,
    crowds: Crowds = 10,
    messages: MessagesFile = CHAT,
    json_file: JsonFile = None,
) -> None:
    """Measure and print."""
    run(
        partial(_measure, alone, crowds),
        what="preview",
        begin="event",
        total=alone + crowds * CROWD,
        limits_ms=(ACKNOWLEDGED_MS, SEEN_MS),
        messages=messages,
        json_file=json_file,
    )


async def _measure(alone: int, crowds: int, texts: Sequence[str], tick: Tick) -> tuple[Waits, Waits]:
    """Click, alone and in crowds, on messages that each come once."""
    one, many = Waits(), Waits()
    with tempfile.TemporaryDirectory() as folder:
        async with DiscordSide(shards=1) as side, _started(side, folder):
            await side.wait_ready(commands=COMMANDS)
            coming = iter(texts)
            for _ in range(WARM_UP):
                await _click(side, next(coming), Waits())
            for _ in range(alone):
                await _click(side, next(coming), one)
                tick(1)
            for _ in range(crowds):
                await asyncio.gather(*(_click(side, next(coming), many) for _ in range(CROWD)))
                tick(CROWD)
            if side.violations:
                raise RuntimeError(f"Discord would have refused: {side.violations[0]}")
    return one, many


@contextlib.asynccontextmanager
async def _started(side: DiscordSide, folder: str) -> AsyncIterator[None]:
    environment = {
        "DISCORD_API_URL": side.api_url,
        "DISCORD_TOKEN": side.token,
        "REDIS_URL": "",
        "REPARTEE_DATA_DIR": folder,
    }
    async with started(environment, "discord"):
        yield


async def _click(side: DiscordSide, text: str, waits: Waits) -> None:
    """Right-click a message and wait for the preview."""
    said = await side.say(side.people["bob"], text)
    start = time.perf_counter()
    handle = await side.menu(side.people["ann"], MENU, said)
    acknowledged = await handle.acknowledged()
    preview = await handle.reply()
    waits.done.append((time.perf_counter() - start) * 1e3)
    waits.acknowledged.append(acknowledged.seconds * 1e3)
    if not preview.shown_files:
        raise RuntimeError(f"There is no preview: {preview.texts}")


if __name__ == "__main__":
    typer.run(main)
