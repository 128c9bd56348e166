"""What happens to requests when workers are killed, Redis goes away, or the model is swapped, all under load?

The rule: every request is answered once, or ended by a typed error before its deadline. Senders say how each
of their calls ended; the server itself (MONITOR) says how many replies each was written. Where the server
loses its data it forgets which ids were answered: only there may two copies of one id both get an answer.

    python -m benchmarks.resilience --json resilience.json
"""

import asyncio
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks._peers import ROOT
from benchmarks._resilience_ledger import Ledger, witnessed
from benchmarks._resilience_stage import (
    Stage,
    copy_bundle,
    copy_pack,
    kill_moments,
    load,
    progress_bar,
    staged,
)
from benchmarks._timing import Verdict, print_verdicts, report, write_json
from inference.control import Verdict as Said
from inference.control import new_reload, reload_workers
from inference.engine import Engine
from inference.metrics import read_messages

TIMEOUT_S = 5.0
OUTAGE_S = 1.5
OUTAGES = 3
NEW_GIFS = 40

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]
Requests = Annotated[int, typer.Option(min=100, help="Requests while workers are killed; less elsewhere.")]
PerSecond = Annotated[float, typer.Option(min=1, help="Requests a second, on average.")]
EveryS = Annotated[float, typer.Option(min=1.5, help="Seconds between kills, on average.")]
Seed = Annotated[int, typer.Option(help="Of the moments of kills and requests.")]
Bench = Annotated[Path, typer.Option(help="Messages to send, in the layout of ReactBench.")]
Bundle = Annotated[Path, typer.Option(help="Folder of the bundle.")]
Pack = Annotated[Path, typer.Option(help="Folder of the pack.")]


class Drill:
    """What all drills share: messages, GIFs, numbers."""

    def __init__(
        self, folder: Path, bundle: Path, pack: Path, bench: Path, per_second: float, seed: int
    ) -> None:
        Engine.open(bundle, [pack], folder / "catalogue.sqlite")  # so that no worker has to look at the GIFs
        self.folder = folder
        self.bundle = bundle
        self.pack = pack
        self.texts = [message.text for message in read_messages(bench)]
        self.per_second = per_second
        self.seed = seed
        self.gifs = {
            "REPARTEE_BUNDLE": str(bundle),
            "REPARTEE_PACKS": str(pack),
            "REPARTEE_DATA_DIR": str(folder),
        }

    async def send(self, stage: Stage, ledger: Ledger, requests: int, title: str) -> None:
        """Load a stage, with a progress bar."""
        with progress_bar(title, requests) as advance:
            await load(
                stage.url,
                self.texts,
                ledger,
                requests=requests,
                per_second=self.per_second,
                seed=self.seed,
                progress=advance,
            )


def main(
    json_file: JsonFile = None,
    requests: Requests = 10_000,
    per_second: PerSecond = 200.0,
    every_s: EveryS = 4.0,
    seed: Seed = 0,
    bench: Bench = ROOT.parent / "shared" / "reactbench" / "dev.jsonl",
    bundle: Bundle = ROOT / "assets" / "models" / "house",
    pack: Pack = ROOT / "assets" / "packs" / "fluent",
) -> None:
    """Kill workers, stop Redis and swap the model under load, and count."""
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        drill = Drill(Path(name), bundle, pack, bench, per_second, seed)
        some = max(100, requests // 5)
        rows = {
            "kill -9": asyncio.run(kills(drill, requests, every_s)),
            "Redis gone, data kept": asyncio.run(outages(drill, some, is_persistent=True)),
            "Redis gone, data lost": asyncio.run(outages(drill, some, is_persistent=False)),
            "hot swap": asyncio.run(swaps(drill, some)),
        }
    print_rows(console, rows)
    verdicts = judge(rows)
    print_verdicts(console, verdicts)
    if json_file is not None:
        write_json(json_file, report({}, verdicts, drills=rows))


async def kills(drill: Drill, requests: int, every_s: float) -> dict[str, Any]:
    """Kill one of two workers at random moments; another one takes its place."""
    ledger, killed = Ledger(TIMEOUT_S), 0
    moments = kill_moments(requests, drill.per_second, every_s, drill.seed)
    async with staged(drill.folder, drill.gifs, workers=2) as stage, witnessed(stage.port) as witness:

        async def kill() -> None:
            nonlocal killed
            loop = asyncio.get_running_loop()
            start = loop.time()
            for moment in moments:
                await asyncio.sleep(max(0.0, start + moment - loop.time()))
                await stage.kill_worker(0)  # the older one
                killed += 1
                await stage.start_worker()

        killing = asyncio.create_task(kill())
        await drill.send(stage, ledger, requests, "Killing workers")
        await killing
    return summary(ledger) | {"kills": killed, "written_twice": witness.written_twice}


async def outages(drill: Drill, requests: int, *, is_persistent: bool) -> dict[str, Any]:
    """Stop the server and start it again, several times."""
    ledger, back_ms = Ledger(TIMEOUT_S), []
    async with staged(drill.folder, drill.gifs, workers=2, is_persistent=is_persistent) as stage:

        async def interrupt() -> None:
            loop = asyncio.get_running_loop()
            for _ in range(OUTAGES):
                await asyncio.sleep(requests / drill.per_second / (OUTAGES + 1) - OUTAGE_S / 2)
                await stage.stop_server()
                await asyncio.sleep(OUTAGE_S)
                await stage.start_server()
                start, answers = loop.time(), len(ledger.latencies_ms)
                while len(ledger.latencies_ms) == answers:
                    await asyncio.sleep(0.005)
                back_ms.append((loop.time() - start) * 1e3)

        interrupting = asyncio.create_task(interrupt())
        await drill.send(stage, ledger, requests, "Stopping Redis")
        await asyncio.wait_for(interrupting, 30)
    return summary(ledger) | {"outages": len(back_ms), "back_after_ms": max(back_ms)}


async def swaps(drill: Drill, requests: int) -> dict[str, Any]:
    """Swap in another bundle, then new GIFs, then something broken, which is to be refused."""
    ledger = Ledger(TIMEOUT_S)
    other = copy_bundle(drill.bundle, drill.folder / "other", "swapped")
    more = copy_pack(drill.pack, drill.folder / "more", NEW_GIFS)
    broken = copy_bundle(drill.bundle, drill.folder / "broken", "broken")
    (broken / "text.onnx").write_bytes((broken / "text.onnx").read_bytes()[:-1000])
    said: list[bool] = []
    async with staged(drill.folder, drill.gifs, workers=2) as stage:

        async def swap() -> None:
            announcements = (
                new_reload(str(other)),
                new_reload(str(other), [str(drill.pack), str(more)]),
                new_reload(str(broken)),
            )
            for announcement in announcements:
                await asyncio.sleep(requests / drill.per_second / 5)
                async for answer in reload_workers(stage.url, "repartee", announcement, 60):
                    if isinstance(answer, Said):
                        said.append(answer.is_done)

        swapping = asyncio.create_task(swap())
        await drill.send(stage, ledger, requests, "Swapping")
        await swapping
    return summary(ledger) | {
        "by_bundle": dict(ledger.bundles),
        "swaps_done": said.count(True),
        "swaps_refused": said.count(False),
    }


def summary(ledger: Ledger) -> dict[str, Any]:
    """Shorten a ledger to figures."""
    return {
        "calls": ledger.total,
        "outcomes": dict(ledger.outcomes),
        "failed": ledger.failed,
        "late": ledger.late,
        "broken": ledger.broken,
        "twins": ledger.twins,
        "twins_answered_twice": ledger.twins_answered_twice,
        "p50_ms": ledger.percentile(50),
        "p99_ms": ledger.percentile(99),
        "longest_ms": ledger.percentile(100),
    }


def print_rows(console: Console, rows: dict[str, dict[str, Any]]) -> None:
    """Print a column a drill."""
    table = Table(title="Under load", title_justify="left", header_style="dim")
    table.add_column("")
    for name in rows:
        table.add_column(name, justify="right")
    for key in dict.fromkeys(key for row in rows.values() for key in flat(row)):
        table.add_row(key, *(_short(flat(row).get(key, "")) for row in rows.values()))
    console.print(table)


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """Give inner figures a name of their own, for people."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        inner = value if isinstance(value, dict) else {key: value}
        found |= {name.replace("_", " "): figure for name, figure in inner.items()}
    return found


def _short(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def judge(rows: dict[str, dict[str, Any]]) -> list[Verdict]:
    """Put the counts beside the rule."""
    total: Callable[[str], float] = partial(_total, rows)
    lost = rows["Redis gone, data lost"]["twins_answered_twice"]
    return [
        Verdict("calls ended neither by answer nor typed error", total("broken"), "", 0),
        Verdict("calls ended after their deadline", total("late"), "", 0),
        Verdict("copies of one id both answered, data kept", total("twins_answered_twice") - lost, "", 0),
        Verdict("calls that were written two replies", rows["kill -9"]["written_twice"], "", 0),
        Verdict("failed while workers were killed", rows["kill -9"]["failed"]),
        Verdict("failed while Redis was gone, data kept", rows["Redis gone, data kept"]["failed"]),
        Verdict("failed while Redis was gone, data lost", rows["Redis gone, data lost"]["failed"]),
        Verdict("failed while the model was swapped", rows["hot swap"]["failed"], "", 0),
        Verdict("swaps done", rows["hot swap"]["swaps_done"], "", 4, is_at_most=False),
        Verdict("broken bundles refused", rows["hot swap"]["swaps_refused"], "", 2, is_at_most=False),
    ]


def _total(rows: dict[str, dict[str, Any]], key: str) -> float:
    return float(sum(row[key] for row in rows.values()))


if __name__ == "__main__":
    typer.run(main)
