"""How many messages a second does one worker answer, beside what others would put there?

64 clients, each of which sends its next message when it has its answer; messages of ReactBench in a shuffled
order; all processes share this machine. Contenders take turns, in another order each round, and sleep while
others are measured. infinity embeds only; the script and Repartee search too, and Repartee ranks. No results
are kept, but in the row that says so. Then one client through Redis in turns with the same engine in process,
and half the load that saturates, at times as they come (Poisson).

    python -m benchmarks.serving --json serving.json
"""

import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks._peers import ROOT
from benchmarks._serving_clients import RedisTarget
from benchmarks._serving_load import LoadPlan, LoadResult
from benchmarks._serving_peers import Contender, infinity, prepare, repartee, script
from benchmarks._serving_servers import Server, resumed, started
from benchmarks._timing import Spread, Verdict, print_spreads, print_verdicts, report, spread, write_json
from inference.client import LocalService, ReactionService, RedisService
from inference.engine import Engine
from inference.metrics import read_messages
from inference.protocol import ReactRequest

CLIENTS = 64
WARM_UP_S = 2.0
OURS, KEPT = "repartee", "repartee, results kept"
MANY = "repartee, 8 clients of 8"
INFINITY, SCRIPT = "infinity", "script"
THROUGH_REDIS, IN_PROCESS = "one client, through Redis", "one client, in process"
HALF = "half the saturating load"
BURST = 5

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]
Rounds = Annotated[int, typer.Option(min=1, help="Turns that each contender takes.")]
Seconds = Annotated[float, typer.Option(min=1, help="Measured seconds a turn.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of the worker.")]
Cache = Annotated[Path, typer.Option(help="Where the peers are installed, once.")]
Peers = Annotated[bool, typer.Option(help="Compare with the peers; without, nothing is installed.")]
Bench = Annotated[Path, typer.Option(help="Messages to send, in the layout of ReactBench.")]
Bundle = Annotated[Path, typer.Option(help="Folder of the bundle.")]
Pack = Annotated[Path, typer.Option(help="Folder of the pack.")]

Results = dict[str, list[LoadResult]]


def main(
    json_file: JsonFile = None,
    rounds: Rounds = 3,
    seconds: Seconds = 10.0,
    threads: Threads = 2,
    cache: Cache = ROOT / ".make" / "serving",
    peers: Peers = True,
    bench: Bench = ROOT.parent / "shared" / "reactbench" / "dev.jsonl",
    bundle: Bundle = ROOT / "assets" / "models" / "house",
    pack: Pack = ROOT / "assets" / "packs" / "fluent",
) -> None:
    """Measure one worker under load, beside its peers."""
    console = Console()
    texts = [message.text for message in read_messages(bench)]
    versions = prepare(cache, console.print) if peers else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = Engine.open(bundle, [pack], folder / "catalogue.sqlite")
        gifs = {"REPARTEE_BUNDLE": str(bundle), "REPARTEE_PACKS": str(pack), "REPARTEE_DATA_DIR": name}
        contenders = choose(threads, gifs, cache if peers else None, len(engine))
        with start(contenders, folder) as servers:
            results = take_turns(contenders, servers, texts, rounds, seconds)
            half = half_load(contenders[0], servers[OURS], texts, rate(results[OURS]), seconds)
            with resumed(servers[OURS]):
                alone = asyncio.run(one_client(engine, contenders[0].target, texts, rounds * 100))
    spreads = {name: spread(values) for name, values in alone.items()} | {HALF: spread(half.latencies_ms)}
    verdicts = judge(results, spreads, half)
    print_rates(console, results)
    print_spreads(console, "Latency", spreads, "ms")
    print_verdicts(console, verdicts)
    if json_file is not None:
        rows = {name: [summary(result) for result in found] for name, found in results.items()}
        write_json(json_file, report(spreads, verdicts, versions=versions, load=rows, clients=CLIENTS))


def choose(threads: int, gifs: dict[str, str], cache: Path | None, count: int) -> list[Contender]:
    """List who is compared, ours first; each peer in the forms of which one may be its best."""
    ours = [
        repartee(OURS, threads=threads, gifs=gifs, has_cache=False),
        repartee(MANY, threads=threads, gifs=gifs, has_cache=False, services=8),
        repartee(KEPT, threads=threads, gifs=gifs, has_cache=True),
    ]
    if cache is None:
        return ours
    return [
        *ours,
        infinity(f"{INFINITY} int8", cache, "int8", threads=0),
        infinity(f"{INFINITY} int8, 1 thread", cache, "int8", threads=1),
        infinity(f"{INFINITY} fp32", cache, "fp32", threads=0),
        script(f"{SCRIPT}, threads of FastAPI", cache, count, threads=0, is_pooled=True),
        script(f"{SCRIPT}, 1 thread each", cache, count, threads=1, is_pooled=True),
    ]


@contextlib.contextmanager
def start(contenders: Sequence[Contender], folder: Path) -> Iterator[dict[str, list[Server]]]:
    """Start all servers and let them sleep."""
    with contextlib.ExitStack() as stack, Progress(console=Console(stderr=True), transient=True) as bar:
        servers = {}
        for contender in bar.track(contenders, description="Starting"):
            servers[contender.name] = stack.enter_context(started(contender.commands, folder))
            for server in servers[contender.name]:
                server.pause()
        yield servers


def take_turns(
    contenders: Sequence[Contender],
    servers: dict[str, list[Server]],
    texts: list[str],
    rounds: int,
    seconds: float,
) -> Results:
    """Load each contender in turn, in another order each round."""
    results: Results = {contender.name: [] for contender in contenders}
    rng = random.Random(0)
    with Progress(console=Console(stderr=True), transient=True, refresh_per_second=1) as bar:
        task = bar.add_task("Taking turns", total=rounds * len(contenders))
        for number in range(rounds):
            for contender in rng.sample(contenders, len(contenders)):
                with resumed(servers[contender.name]) as sessions:
                    plan = LoadPlan(
                        target=contender.target,
                        texts=texts,
                        clients=CLIENTS,
                        warm_up_s=WARM_UP_S,
                        seconds=seconds,
                        seed=number,
                        sessions=sessions,
                    )
                    results[contender.name].append(send(contender.name, plan))
                bar.advance(task)
    return results


def half_load(
    contender: Contender, servers: list[Server], texts: list[str], saturated: float, seconds: float
) -> LoadResult:
    """Send half of what saturates a contender, whether or not it has answered, as independent people do."""
    total_s = WARM_UP_S + 1.5 * seconds
    with resumed(servers) as sessions:
        return send(
            HALF,
            LoadPlan(
                target=contender.target,
                texts=texts,
                clients=CLIENTS,
                warm_up_s=WARM_UP_S,
                seconds=1.5 * seconds,
                arrivals_s=poisson(saturated / 2, total_s),
                sessions=sessions,
            ),
        )


def poisson(per_second: float, seconds: float, seed: int = 0) -> list[float]:
    """Return the seconds at which messages of independent people arrive, at `per_second` on average."""
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(1 / per_second, round(2 * per_second * seconds) + 10)
    times = np.cumsum(gaps)
    return [float(time_s) for time_s in times[times < seconds]]


def send(name: str, plan: LoadPlan) -> LoadResult:
    """Carry a plan out in a process of its own.

    Raises:
        RuntimeError: one of our answers was wrong or did not come, or none at all came.
    """
    command = [sys.executable, "-m", "benchmarks._serving_load"]
    done = subprocess.run(
        command, input=msgspec.json.encode(plan), capture_output=True, check=False, cwd=ROOT
    )
    if done.returncode:
        raise RuntimeError(f"{name}: the load ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    result = msgspec.json.decode(done.stdout, type=LoadResult)
    if (result.failures and name.startswith((OURS, HALF))) or not result.latencies_ms:
        raise RuntimeError(f"{name}: {result.failures} answers failed, the first: {result.error}")
    return result


async def one_client(engine: Engine, target: object, texts: list[str], turns: int) -> dict[str, list[float]]:
    """Ask one by one, in bursts, through Redis and in process in turns: milliseconds of each answer."""
    assert isinstance(target, RedisTarget)
    series: dict[str, list[float]] = {THROUGH_REDIS: [], IN_PROCESS: []}
    rng = random.Random(0)
    async with RedisService(target.url) as remote, LocalService(engine) as local:
        services: dict[str, ReactionService] = {THROUGH_REDIS: remote, IN_PROCESS: local}
        for turn in range(turns):
            messages = rng.choices(texts, k=BURST)
            for name in rng.sample(list(services), len(services)):
                took = [await clocked(services[name], text) for text in messages]
                if turn >= turns // 10:
                    series[name] += took
    return series


async def clocked(service: ReactionService, text: str) -> float:
    """Return the milliseconds that an answer takes."""
    start = time.perf_counter()
    await service.react(ReactRequest(text=text))
    return (time.perf_counter() - start) * 1e3


def rate(results: Sequence[LoadResult]) -> float:
    """Return the median of right answers a second over the rounds."""
    return float(np.median([len(result.latencies_ms) / result.seconds for result in results]))


def summary(result: LoadResult) -> dict[str, float]:
    """Shorten a result to figures."""
    answers = len(result.latencies_ms)
    return {
        "per_second": answers / result.seconds,
        "p50_ms": float(np.percentile(result.latencies_ms, 50)),
        "p99_ms": float(np.percentile(result.latencies_ms, 99)),
        "server_cpu_s_per_1000": 1000 * result.server_cpu_s / answers,
        "load_cpu_share": result.load_cpu_s / result.seconds,
        "failures": result.failures,
    }


def print_rates(console: Console, results: Results) -> None:
    """Print a row a contender, medians over the rounds."""
    table = Table(title=f"{CLIENTS} clients, closed loop", title_justify="left", header_style="dim")
    columns = (
        "what",
        "answers/s",
        "least",
        "most",
        "p50 ms",
        "p99 ms",
        "server CPU s/1000",
        "load CPU",
        "failed",
    )
    for column in columns:
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, found in results.items():
        rows = [summary(result) for result in found]
        rates = [row["per_second"] for row in rows]
        median = {key: float(np.median([row[key] for row in rows])) for key in rows[0]}
        cells = [f"{value:.0f}" for value in (median["per_second"], min(rates), max(rates))]
        cells += [f"{median['p50_ms']:.0f}", f"{median['p99_ms']:.0f}"]
        cells += [f"{median['server_cpu_s_per_1000']:.2f}", f"{median['load_cpu_share']:.0%}"]
        cells.append(str(sum(result.failures for result in found)))
        table.add_row(name, *cells)
    console.print(table)


def judge(results: Results, spreads: dict[str, Spread], half: LoadResult) -> list[Verdict]:
    """Put the figures beside their targets; a peer counts in its best form."""
    ours, verdicts = rate(results[OURS]), []
    for peer, limit in ((INFINITY, 1.5), (SCRIPT, 4.0)):
        best = max((rate(found) for name, found in results.items() if name.startswith(peer)), default=0.0)
        if best:
            verdicts.append(
                Verdict(f"answers/s over the best {peer}", ours / best, "x", limit, is_at_most=False)
            )
    added = spreads[THROUGH_REDIS].p50 - spreads[IN_PROCESS].p50
    tail = spreads[HALF].p99 / spreads[HALF].p50
    return [
        *verdicts,
        Verdict("p50 that Redis adds, one client", added, "ms", 1.5),
        Verdict("p99 over p50 at half the load", tail, "x", 5.0),
        Verdict("half the load, answers/s", len(half.latencies_ms) / half.seconds),
        Verdict("its messages sent late, p99", float(np.percentile(half.late_ms, 99)), "ms"),
    ]


if __name__ == "__main__":
    typer.run(main)
