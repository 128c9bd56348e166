"""Commands of `repartee` as processes of their own, started, reloaded and stopped as an operator would."""

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

REPARTEE = str(Path(sys.executable).with_name("repartee"))
PATIENCE_S = 900.0
POLL_S = 0.05


class WorkerError(Exception):
    """A process did not get ready or refused; the message has what it wrote last."""


@contextlib.asynccontextmanager
async def started_worker(environment: Mapping[str, str]) -> AsyncIterator[int]:
    """Run a worker without a result cache; gives its process id once it is ready, stops it at the end.

    Raises:
        WorkerError: it did not start.
    """
    async with started(environment, "worker", "--no-cache") as number:
        yield number


@contextlib.asynccontextmanager
async def started(environment: Mapping[str, str], *command: str) -> AsyncIterator[int]:
    """Run a command that has a health port; gives its process id once it is ready, stops it at the end.

    Raises:
        WorkerError: it did not start.
    """
    port = _free_port()
    process = await _start(environment, *command, "--port", str(port), "--log-format", "json")
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await asyncio.to_thread(_is_ready, port):
                if process.returncode is not None:
                    raise WorkerError(await _last_words(process))
                await asyncio.sleep(POLL_S)
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def reload_workers(environment: Mapping[str, str]) -> None:
    """Let the workers load bundle and packs anew, and return when they serve them.

    Raises:
        WorkerError: one refused.
    """
    process = await _start(environment, "reload", "--timeout", str(PATIENCE_S))
    if await process.wait() != 0:
        raise WorkerError(await _last_words(process))


async def _start(environment: Mapping[str, str], *arguments: str) -> Process:
    everything = {**os.environ, **environment}
    return await create_subprocess_exec(REPARTEE, *arguments, env=everything, stdout=DEVNULL, stderr=PIPE)


async def _last_words(process: Process) -> str:
    _, written = await process.communicate()
    return written.decode(errors="replace").strip().rpartition("\n")[2]


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
