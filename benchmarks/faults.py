"""Is every request answered once, or ended by a typed error in time, whatever dies?

A real Valkey server and two real workers, asked by several clients at a share of the rate that saturates.
Scenes: workers are killed (SIGKILL) at random moments and started anew; the server is stopped, by force and
in order by turns, and started again with its data and without; bundles and packs are swapped, broken ones
too.
That nothing is answered twice is read in the server's own append-only file, not asked of the clients.

    python -m benchmarks.faults --json faults.json
"""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from benchmarks import _faults_props as props
from benchmarks._faults_load import Load, Mix
from benchmarks._faults_record import read_record
from benchmarks._faults_report import Played, Result, judge_kills, judge_outages, judge_swaps, print_result
from benchmarks._faults_scenes import (
    Progress,
    Rates,
    Setup,
    SwapPlan,
    interrupt_server,
    kill_schedule,
    kill_workers,
    prepared,
    swap,
)
from benchmarks._faults_stage import Stage
from benchmarks._peers import ROOT
from benchmarks._timing import machine, report, write_json
from inference.bundle import load_bundle
from inference.metrics import read_messages

MIX = Mix(twins=0.05, short=0.1)


class Scene(StrEnum):
    """What goes wrong."""

    KILLS = "kills"
    KEPT = "outages-kept"
    LOST = "outages-lost"
    SWAPS = "swaps"


TITLES = {
    Scene.KILLS: "Workers killed and started anew",
    Scene.KEPT: "Server stopped and started again, data kept",
    Scene.LOST: "Server stopped and started again, data lost",
    Scene.SWAPS: "Bundle and packs swapped",
}

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]
Requests = Annotated[int, typer.Option(min=1, help="Messages while workers are killed.")]
Outages = Annotated[int, typer.Option(min=1, help="Stops of the server, as many with data kept as lost.")]
Swaps = Annotated[int, typer.Option(min=1, help="Swaps of the bundle for a copy and back.")]
NewGifs = Annotated[int, typer.Option(min=1, help="GIFs to embed while a pack is swapped in.")]
Clients = Annotated[int, typer.Option(min=2, help="Clients, each with connections of its own.")]
Tasks = Annotated[int, typer.Option(min=1, help="Tasks of each client; each waits for its answer.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of each of the two workers.")]
Share = Annotated[float, typer.Option(min=0.05, max=1, help="Share of the saturating rate that is sent.")]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Of all that is random; repeatable.")]
Scenes = Annotated[list[Scene] | None, typer.Option("--scene", help="What to do; repeatable.")]
Bench = Annotated[Path, typer.Option(help="Messages to send, in the layout of ReactBench.")]
Bundle = Annotated[Path, typer.Option(help="Folder of the bundle.")]
Pack = Annotated[Path, typer.Option(help="Folder of the pack.")]


@dataclass(frozen=True)
class Amounts:
    """How much goes wrong."""

    requests: int
    outages: int
    swaps: int
    new_gifs: int


@dataclass(frozen=True)
class Show:
    """One scene under one seed: where it plays, with what, and how much of it."""

    setup: Setup
    amounts: Amounts
    folder: Path
    bundle: Path
    pack: Path

    async def play(self, scene: Scene, progress: Progress) -> Result:
        """Play a scene and judge it."""
        async with prepared(self.setup, self.folder / "stage", MIX) as (stage, load, rates):
            if scene is Scene.KILLS:
                plans = kill_schedule(self.setup.seed)
                kills = await kill_workers(stage, load, plans, self.amounts.requests, progress)
                return judge_kills(await played(stage, load, rates), kills)
            if scene is Scene.SWAPS:
                load.mix = Mix()
                swaps = await swap(stage, load, self.swap_plans(), progress)
                return judge_swaps(await played(stage, load, rates), swaps)
            count, is_kept = self.amounts.outages, scene is Scene.KEPT
            outages = await interrupt_server(stage, load, self.setup.seed, count, progress, is_kept=is_kept)
            return judge_outages(await played(stage, load, rates), outages, is_kept=is_kept)

    def swap_plans(self) -> list[SwapPlan]:
        """Make what is swapped in: a copy and back, then new GIFs, then what is broken."""
        version = load_bundle(self.bundle).spec.version
        copies = [
            props.copy_bundle(self.bundle, self.folder / name, f"{version} {name}")
            for name in ("copy", "flipped", "garbled")
        ]
        flipped, garbled = props.flip_byte(copies[1]), props.replace_graph(copies[2])
        new = props.make_new_pack(self.pack, self.folder / "new", self.amounts.new_gifs)
        bundles = [copies[0] if number % 2 == 0 else self.bundle for number in range(self.amounts.swaps)]
        return [
            *(SwapPlan("a swap of the bundle", ["--bundle", str(bundle)]) for bundle in bundles),
            SwapPlan("a swap to new GIFs", ["--pack", str(self.pack), "--pack", str(new)]),
            SwapPlan("a broken graph", ["--bundle", str(flipped)], is_broken=True),
            SwapPlan("no graph at all", ["--bundle", str(garbled)], is_broken=True),
        ]


async def played(stage: Stage, load: Load, rates: Rates) -> Played:
    """Gather what a scene left."""
    left_over = await stage.left_over()
    records = [read_record(folder) for folder in stage.records]
    return Played(load.outcomes, records, left_over, rates, load.longest_pause_s)


def main(
    json_file: JsonFile = None,
    requests: Requests = 10_000,
    outages: Outages = 6,
    swaps: Swaps = 4,
    new_gifs: NewGifs = 100,
    clients: Clients = 4,
    tasks: Tasks = 8,
    threads: Threads = 1,
    share: Share = 0.6,
    seeds: Seeds = None,
    scenes: Scenes = None,
    bench: Bench = ROOT.parent / "shared" / "reactbench" / "dev.jsonl",
    bundle: Bundle = ROOT / "assets" / "models" / "house",
    pack: Pack = ROOT / "assets" / "packs" / "fluent",
) -> None:
    """Let things go wrong under load and count what becomes of every request."""
    console = Console()
    texts = [message.text for message in read_messages(bench)]
    amounts = Amounts(requests, outages, swaps, new_gifs)
    bundle, pack = bundle.resolve(), pack.resolve()
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as name:
        gifs = {"REPARTEE_BUNDLE": str(bundle), "REPARTEE_PACKS": str(pack), "REPARTEE_DATA_DIR": name}
        for seed in seeds or [0]:
            setup = Setup(gifs, texts, clients, tasks, threads, share, seed)
            for scene in scenes or list(Scene):
                folder = Path(name) / f"{scene} {seed}"
                show = Show(setup, amounts, folder, bundle, pack)
                title = f"{TITLES[scene]}, seed {seed}"
                results[title] = perform(show, scene, title)
                print_result(console, title, results[title])
    if json_file is not None:
        load = {"clients": clients, "tasks": tasks, "threads": threads, "share": share, **asdict(MIX)}
        write_json(json_file, summary(results, bundle=bundle.name, load=load))


def perform(show: Show, scene: Scene, title: str) -> Result:
    """Play a scene with a progress bar."""
    with Bar(console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:
        task = bar.add_task(title, total=1.0)
        return asyncio.run(show.play(scene, lambda share: bar.update(task, completed=share)))


def summary(results: Mapping[str, Result], **more: Any) -> dict[str, Any]:
    """Collect the figures of all scenes as one JSON object."""
    scenes = {
        title: report(result.spreads, result.verdicts, counts=result.counts) | result.details
        for title, result in results.items()
    }
    for scene in scenes.values():
        del scene["machine"]
    return {"machine": machine(), **more, "scenes": scenes}


if __name__ == "__main__":
    typer.run(main)
