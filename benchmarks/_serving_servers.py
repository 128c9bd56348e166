"""Start, pause and stop the servers that are compared; who is not measured sleeps and eats no processor."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 15.0


class ServerError(Exception):
    """A server did not start or ended too early; the message has the last line that it wrote."""


@dataclass(frozen=True)
class Command:
    """How a server is started.

    Attributes:
        arguments: the command line.
        port: where it says that it is ready.
        ready_path: answered with 200 over HTTP when it is ready; where empty, an open port is enough.
        environment: what is added to the environment.
    """

    arguments: Sequence[str]
    port: int
    ready_path: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


class Server:
    """A process in a session of its own, so that its helpers are paused, ended and counted with it."""

    def __init__(self, command: Command, log: Path) -> None:
        self._command = command
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command.arguments,
                env={**os.environ, **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def session(self) -> int:
        """Number of the process session."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Return when it answers.

        Raises:
            ServerError: it ended, or takes too long.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_ready(self._command):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"{self._command.arguments[0]} did not start: {self._last_words()}")
            time.sleep(0.2)

    def pause(self) -> None:
        """Stop it where it is."""
        os.killpg(self.session, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self.session, signal.SIGCONT)

    def stop(self) -> None:
        """End it, by force where it does not end by itself."""
        with contextlib.suppress(ProcessLookupError):
            self.resume()
            os.killpg(self.session, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
            return
        os.killpg(self.session, signal.SIGKILL)
        self._process.wait()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"


def is_ready(command: Command) -> bool:
    """Say whether a server answers."""
    try:
        if not command.ready_path:
            socket.create_connection(("127.0.0.1", command.port), timeout=1).close()
            return True
        connection = HTTPConnection("127.0.0.1", command.port, timeout=2)
        with contextlib.closing(connection):
            connection.request("GET", command.ready_path)
            return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


@contextlib.contextmanager
def started(commands: Sequence[Command], folder: Path) -> Iterator[list[Server]]:
    """Start servers one after the other, each when the one before is ready; stop them at the end.

    Raises:
        ServerError: one did not start.
    """
    with contextlib.ExitStack() as stack:
        servers = []
        for command in commands:
            server = Server(command, folder / f"{command.port}.log")
            stack.callback(server.stop)
            server.wait_until_ready()
            servers.append(server)
        yield servers


@contextlib.contextmanager
def resumed(servers: Sequence[Server]) -> Iterator[list[int]]:
    """Let paused servers go on, give their sessions, and pause them again."""
    for server in servers:
        server.resume()
    try:
        yield [server.session for server in servers]
    finally:
        for server in servers:
            server.pause()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
