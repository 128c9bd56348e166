"""Commands of `repartee` as processes of their own, whose logs are read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.bot.console import with_root


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from bot.cli import main; main()", *arguments]


class Process:
    """The process of a command; its log is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, object]] = []

    async def event(self, name: str) -> dict[str, object]:
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while line := await self.process.stderr.readline():
                self.log.append(json.loads(line))
                if self.log[-1]["event"] == name:
                    return self.log[-1]
        raise AssertionError(f"no {name}: {self.log}")

    async def end(self) -> int:
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            rest = await self.process.stderr.read()
            self.log += [json.loads(line) for line in rest.splitlines()]
            return await self.process.wait()


@contextlib.asynccontextmanager
async def started(environment: dict[str, str], *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *command(*arguments), env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, command(*arguments), env=environment, capture_output=True, text=True, timeout=60
    )


def is_one_sentence(ended: subprocess.CompletedProcess[str], sentence: str) -> bool:
    """Whether a command ended with exit code 2 and says a sentence, without a traceback."""
    last = ended.stderr.splitlines()[-1]
    return ended.returncode == 2 and sentence in last and "Traceback" not in ended.stderr


def tiny_environment(bundle: Path, pack: Path, data: Path) -> dict[str, str]:
    """Return an environment in which a command has the tiny model and GIFs."""
    return with_root() | {
        "REPARTEE_BUNDLE": str(bundle),
        "REPARTEE_PACKS": str(pack),
        "REPARTEE_DATA_DIR": str(data),
        "REPARTEE_CAPTIONER": "none",
    }


def copied_catalogue(source: Path, folder: Path) -> Path:
    """Copy a catalogue that is already made, so that a command starts at once; return the folder."""
    for path in source.glob("catalogue.sqlite*"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder
