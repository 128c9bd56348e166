"""Does the HNSW graph find the GIFs that exact search finds, and how much faster, at 100,000 and 1,000,000?

The GIFs are made after the shipped pack (`benchmarks/_vectors.py`); the first table says how alike they are.
Queries are messages, as in use: ReactBench dev, then GoEmotions dev, embedded by the bundle. Each is searched
exactly (numpy, one matrix-vector product) and in the graph, in turns, on one thread, for 10 GIFs and for as
many as the picker asks for at first. Vectors and graphs are kept in a folder, so that only the first run
builds.

    python -m benchmarks.index --json index.json
"""

import multiprocessing
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks._memory import memory_of
from benchmarks._timing import Spread, Verdict, print_spreads, print_verdicts, report, spread, write_json
from benchmarks._vectors import RECIPE, Floats, Ints, Pool, cached, draw, embed, like_the_pack, read_pool
from export.data.reactions import reactions_dir, read_goemotions
from inference.bundle import load_bundle
from inference.encoders import TextEncoder
from inference.index import BUILD, VectorIndex, open_index
from inference.metrics import read_messages
from inference.pack import read_pack
from inference.picker import FIRST_CANDIDATES
from inference.vectors import unit

ROOT = Path(__file__).resolve().parents[1]
TRAINING_MESSAGES = 8_000
PICKS = 10
CORES = os.cpu_count() or 1
GOAL = 0.98
QUANTILES = (10, 50, 90)
SIZES = [100_000, 1_000_000]

Likeness = dict[str, list[float]]

BundleDir = Annotated[Path, typer.Option(help="Folder of the bundle.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack that GIFs are made after.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the reaction data.")]
Folder = Annotated[Path, typer.Option(help="Where vectors and graphs are kept: 4 GB for both sizes.")]
Sizes = Annotated[list[int], typer.Option("--size", min=20_000, help="How many GIFs; may come again.")]
Queries = Annotated[int, typer.Option(min=10, help="Messages to search with.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads that build; one searches.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


@dataclass(frozen=True)
class Measured:
    """What searching showed.

    Attributes:
        series: milliseconds of each query, by kind of search.
        recalls: mean share of the exact nearest that the graph found, by how many it was asked for.
        graph_mb: memory that the graph took, in units of 1e6 bytes.
        load_s: seconds to verify and load it.
    """

    series: dict[str, list[float]]
    recalls: dict[int, float]
    graph_mb: float
    load_s: float


def main(
    bundle: BundleDir = ROOT / "assets" / "models" / "house",
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    data: Data = None,
    folder: Folder = ROOT / ".make" / "index",
    sizes: Sizes = SIZES,
    queries: Queries = 1_000,
    threads: Threads = CORES,
    json_file: JsonFile = None,
) -> None:
    """Measure recall and time of the graph beside exact search."""
    console, opened, reactions = Console(), load_bundle(bundle), reactions_dir(data)
    messages = [message.text for message in read_goemotions(reactions)[:TRAINING_MESSAGES]]
    pool = read_pool(opened, read_pack(pack), messages)
    asked = embed(TextEncoder(opened), read_queries(reactions, queries))
    likeness = {"the pack": compare(pool.vectors, pool.primary, asked)}
    likeness["made, as many"] = compare(like_the_pack(pool), pool.primary, asked)
    print_likeness(console, likeness)
    spreads: dict[str, Spread] = {}
    verdicts: list[Verdict] = []
    for count in sizes:
        place = folder / f"{opened.vector_key}-{RECIPE}-{count}.npy"
        vectors = cached(place, partial(made, pool, count))
        seconds = build(place, threads, console)
        measured = measure_alone(place, asked)
        spreads |= {f"{count:,} GIFs, {name}": spread(series) for name, series in measured.series.items()}
        verdicts += judge(f"{count:,} GIFs: ", measured, seconds, vectors.nbytes / 1e6)
    print_spreads(console, "A message to its nearest GIFs, 1 thread", spreads, "ms")
    print_verdicts(console, verdicts)
    if json_file is not None:
        more = {"bundle": opened.label, "build": BUILD, "queries": len(asked), "likeness": likeness}
        write_json(json_file, report(spreads, verdicts, **more))


def made(pool: Pool, count: int) -> Floats:
    """Return the vectors of so many new GIFs."""
    return draw(pool, count)[0]


def read_queries(reactions: Path, count: int) -> list[str]:
    """Return messages of ReactBench dev, then of the dev split of GoEmotions; neither was trained on."""
    bench = [message.text for message in read_messages(reactions.parent / "reactbench" / "dev.jsonl")]
    lines = (reactions / "goemotions" / "dev.tsv").read_text(encoding="utf-8").split("\n")
    return [*bench, *(line.split("\t")[0] for line in lines if line)][:count]


def compare(vectors: Floats, primary: Ints, messages: Floats) -> Likeness:
    """Return quantiles of cosines within a set of GIFs and to messages, by what is compared."""
    among = -np.sort(-(vectors @ vectors.T), axis=1)[:, 1:]  # without the GIF itself
    asked = -np.sort(-(messages @ vectors.T), axis=1)
    centres = {group: unit(vectors[primary == group].mean(0)) for group in np.unique(primary)}
    found = {
        "GIF, its 1st neighbour": among[:, 0],
        "GIF, its 10th neighbour": among[:, 9],
        "GIF, centre of its category": (vectors * np.stack([centres[group] for group in primary])).sum(1),
        "message, its 1st GIF": asked[:, 0],
        "message, its 10th GIF": asked[:, 9],
    }
    return {name: [float(np.percentile(row, q)) for q in QUANTILES] for name, row in found.items()}


def print_likeness(console: Console, likeness: dict[str, Likeness]) -> None:
    """Print the cosines of both sets side by side."""
    table = Table(title="Cosines: 10th, 50th, 90th percentile", title_justify="left", header_style="dim")
    for column in ("of", *likeness):
        table.add_column(column)
    for what in next(iter(likeness.values())):
        rows = (" ".join(f"{value:.2f}" for value in found[what]) for found in likeness.values())
        table.add_row(what, *rows)
    console.print(table)


def build(place: Path, threads: int, console: Console) -> float:
    """Build the graph of the vectors at `place` unless it is there, and return the seconds it took."""
    took = place.with_suffix(".seconds")
    vectors = np.load(place, mmap_mode="r")
    with Progress(*Progress.get_default_columns(), console=console, transient=True) as bar:
        task = bar.add_task(f"Graph of {len(vectors):,} GIFs, {threads} threads", total=len(vectors))
        started = time.perf_counter()
        calls: list[int] = []

        def show(done: int, _: int) -> None:
            calls.append(done)
            bar.update(task, completed=done)

        open_index(vectors, place.stem, place.with_suffix(".hnsw"), threads=threads, progress=show)
    if calls:
        took.write_text(str(time.perf_counter() - started))
    return float(took.read_text())


def measure_alone(place: Path, queries: Floats) -> Measured:
    """Measure in a fresh process, whose matrix products have one thread."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(measure, (place, queries))


def measure(place: Path, queries: Floats) -> Measured:
    """Search with each message exactly and in the graph."""
    vectors = np.load(place)
    before, started = memory_of(), time.perf_counter()
    graph = open_index(vectors, place.stem, place.with_suffix(".hnsw"))
    load_s, graph_mb = time.perf_counter() - started, memory_of().own_mb - before.own_mb
    exact = VectorIndex(vectors)
    series: dict[str, list[float]] = {}
    hits: dict[int, list[float]] = {}
    for query in queries:
        for k in (PICKS, FIRST_CANDIDATES):
            truth = timed(exact, query, k, series.setdefault(f"exact, k {k}", []))
            found = timed(graph, query, k, series.setdefault(f"graph, k {k}", []))
            hits.setdefault(k, []).append(len(truth & found) / k)
    recalls = {k: float(np.mean(shares)) for k, shares in hits.items()}
    return Measured(series, recalls, graph_mb, load_s)


def timed(index: VectorIndex, query: Floats, k: int, series: list[float]) -> set[int]:
    """Search, note the milliseconds and return the positions."""
    started = time.perf_counter()
    found, _ = index.search(query, k)
    series.append((time.perf_counter() - started) * 1e3)
    return set(found.tolist())


def judge(size: str, measured: Measured, seconds: float, matrix_mb: float) -> list[Verdict]:
    """Put the figures of one size beside their target."""
    exact, graph = (float(np.median(measured.series[f"{name}, k {PICKS}"])) for name in ("exact", "graph"))
    wide = measured.recalls[FIRST_CANDIDATES]
    return [
        Verdict(f"{size}recall@{PICKS}", measured.recalls[PICKS], "", GOAL, is_at_most=False),
        Verdict(f"{size}recall@{FIRST_CANDIDATES}, as many as the picker asks for", wide),
        Verdict(f"{size}p50, faster than exact", exact / graph, "x"),
        Verdict(f"{size}build", seconds, "s"),
        Verdict(f"{size}load, checksums included", measured.load_s, "s"),
        Verdict(f"{size}memory of the graph", measured.graph_mb, "MB"),
        Verdict(f"{size}of the matrix", matrix_mb, "MB"),
    ]


if __name__ == "__main__":
    typer.run(main)
