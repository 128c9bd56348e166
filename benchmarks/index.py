"""Does an HNSW graph find the GIFs that exact search finds, and how much faster, at 100,000 and 1,000,000?

The GIFs are made after the shipped pack (`benchmarks/_vectors.py`); the first table says how alike they are.
Queries are messages, as in use: ReactBench dev, then GoEmotions dev, embedded by the bundle. Each is searched
among all GIFs, exactly (numpy, the product with each vector) and in one graph, in turns, on one thread. Then
the categories are searched by themselves, exactly and in graphs where one is large (`inference/groups.py`).
What is built is kept in a folder, so that only the first run builds.

    python -m benchmarks.index --json index.json
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks._searches import PICKS, Measured, Place, Work, alone, by_category, in_one_graph
from benchmarks._timing import Spread, Verdict, print_spreads, print_verdicts, report, spread, write_json
from benchmarks._vectors import (
    RECIPE,
    TRAINING_MESSAGES,
    Floats,
    Ints,
    Pool,
    draw,
    embed,
    like_the_pack,
    read_pool,
)
from export.data.reactions import PLACEHOLDERS, reactions_dir, read_goemotions
from inference.bundle import load_bundle
from inference.encoders import TextEncoder
from inference.index import BUILD
from inference.metrics import read_messages
from inference.pack import read_pack
from inference.vectors import unit

ROOT = Path(__file__).resolve().parents[1]
CORES = os.cpu_count() or 1
GOALS = {f"recall@{PICKS}": 0.98}
QUANTILES = (10, 50, 90)
SIZES = [100_000, 1_000_000]

Likeness = dict[str, list[float]]
Opener = Callable[..., object]

BundleDir = Annotated[Path, typer.Option(help="Folder of the bundle.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack that GIFs are made after.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the reaction data.")]
Folder = Annotated[Path, typer.Option(help="Where vectors and graphs are kept: 8 GB for both sizes.")]
Sizes = Annotated[list[int], typer.Option("--size", min=20_000, help="How many GIFs; may come again.")]
Queries = Annotated[int, typer.Option(min=10, help="Messages to search with.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads that build; one searches.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


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
        place = Place(folder / f"{opened.vector_key}-{RECIPE}-{count}")
        fill(place, pool, count)
        kinds: dict[str, tuple[Work, Opener]] = {
            "all": (in_one_graph, place.open_graph),
            "by category": (by_category, place.open_categories),
        }
        for kind, (work, opener) in kinds.items():
            title = f"{count:,} GIFs, {kind}"
            seconds = build(place.seconds(kind), opener, threads, title)
            measured = alone(work, place, asked, opened.anchors)
            spreads |= {f"{count:,} GIFs, {what}": spread(ms) for what, ms in measured.series.items()}
            verdicts += judge(title, measured, seconds)
    print_spreads(console, "A message to its nearest GIFs, 1 thread", spreads, "ms")
    print_verdicts(console, verdicts)
    if json_file is not None:
        more = {"bundle": opened.label, "build": BUILD, "queries": len(asked), "likeness": likeness}
        write_json(json_file, report(spreads, verdicts, **more))


def read_queries(reactions: Path, count: int) -> list[str]:
    """Return messages of ReactBench dev, then of the dev split of GoEmotions; neither was trained on."""
    bench = [message.text for message in read_messages(reactions.parent / "reactbench" / "dev.jsonl")]
    rows = (reactions / "goemotions" / "dev.tsv").read_text(encoding="utf-8").split("\n")
    return [*bench, *(_text(row) for row in rows if row)][:count]


def _text(row: str) -> str:
    text = row.split("\t")[0]
    for placeholder, word in PLACEHOLDERS.items():
        text = text.replace(placeholder, word)
    return text


def fill(place: Place, pool: Pool, count: int) -> None:
    """Make the GIFs of a place unless they are there."""
    if not place.groups.is_file():
        place.groups.parent.mkdir(parents=True, exist_ok=True)
        vectors, origins = draw(pool, count)
        np.save(place.vectors, vectors)
        np.save(place.groups, pool.primary[origins])


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


def build(took: Path, opener: Opener, threads: int, title: str) -> float:
    """Build with a progress bar what is not there yet, and return the seconds it took when it was built."""
    calls: list[int] = []
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int) -> None:
            calls.append(done)
            bar.update(task, completed=done, total=total)

        started = time.perf_counter()
        opener(threads=threads, progress=show)
    if calls or not took.is_file():
        took.write_text(str(time.perf_counter() - started))
    return float(took.read_text())


def judge(title: str, measured: Measured, seconds: float) -> list[Verdict]:
    """Put the figures of one kind of search beside their targets."""
    recalls = [
        Verdict(f"{title}: {what}", share, "", GOALS.get(what), is_at_most=False)
        for what, share in measured.recalls.items()
    ]
    return [
        *recalls,
        Verdict(f"{title}: build", seconds, "s"),
        Verdict(f"{title}: load, checksums included", measured.load_s, "s"),
        Verdict(f"{title}: memory", measured.memory_mb, "MB"),
    ]


if __name__ == "__main__":
    typer.run(main)
