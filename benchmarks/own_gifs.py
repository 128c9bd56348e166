"""How well do GIFs answer that were added by people, so that no training has ever seen them?

Two hundred GIFs of the pack are held out of the training of both towers:

    python -m export train text --labels-only --without 200 --fold 0 --out runs/text-unseen
    python -m export train vision --without 200 --out runs/vision-unseen
    python -m export train assemble --text runs/text-unseen --vision runs/vision-unseen --out runs/unseen
    python -m export onnx --checkpoint runs/unseen --out runs/bundle-unseen
    python -m benchmarks.own_gifs --bundle runs/bundle-unseen --held-out runs/vision-unseen/held_out.json

They are then added as own GIFs in several ways, their categories guessed. Messages, read by the shipped text
tower, are answered out of these GIFs alone, and out of the whole pack, whose other GIFs are as they are
shipped. A GIF is ranked by the category that was guessed and counts as its true one. `--grid` tries weights
on the held-out fifth of the labels. Chosen were the best answers out of the unseen GIFs alone among those
weights with which a GIF is shown as often as a shipped one where its categories are given or named by a tag;
one whose category is a mere guess is shown less. ReactBench is only reported.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
import typer
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks._own_ways import Added, Adder, ways
from benchmarks._timing import machine, write_json
from export.data.reactions import reactions_dir
from export.held_out import read_held_out
from export.text_messages import read_messages
from inference.bundle import Bundle, load_bundle
from inference.encoders import TextEncoder
from inference.fusion import OWN_WEIGHTS, GifEmbedder, OwnWeights
from inference.metrics import BenchMessage, Prediction, Scores, score
from inference.pack import PackGif, read_pack
from inference.ranker import vary

ROOT = Path(__file__).resolve().parents[1]
DEPTH = 10
SHOWN = 3
GRID = {
    "image": (0.0, 0.1, 0.25),
    "text": (0.1, 0.2, 0.3, 0.4, 0.5),
    "doubt": (0.0, 0.5, 1.0),
    "temperature": (0.15, 0.2, 0.3),
}

Floats = npt.NDArray[np.float32]
BundleDir = Annotated[Path, typer.Option(help="Bundle whose towers have not seen the held-out GIFs.")]
HeldOut = Annotated[Path, typer.Option(help="File that says which GIFs were held out of its training.")]
ShippedDir = Annotated[Path, typer.Option(help="Bundle that reads the messages, and has seen all GIFs.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the reaction data [../shared/reactions].")]
Fold = Annotated[int, typer.Option(help="The fifth of the labels that training held out.")]
Grid = Annotated[bool, typer.Option("--grid", help="Try other weights, on the held-out labels only.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


@dataclass(frozen=True)
class Asked:
    """Messages with their vectors, (messages, dim) float32, unit norm."""

    messages: list[BenchMessage]
    vectors: Floats


@dataclass(frozen=True)
class Gallery:
    """GIFs to answer with.

    Attributes:
        primary: names of the categories they are ranked by.
        true: their categories, the one that each counts as first.
        vectors: (gifs, dim) float32, unit norm.
    """

    primary: list[str]
    true: list[list[str]]
    vectors: Floats

    def join(self, other: "Gallery") -> "Gallery":
        """Return these GIFs followed by others."""
        vectors = np.concatenate((self.vectors, other.vectors))
        return Gallery(self.primary + other.primary, self.true + other.true, vectors)


@dataclass(frozen=True)
class Row:
    """What is reached when GIFs are added in one way.

    Attributes:
        guessed: Share whose primary category was guessed.
        any_true: Share whose guess is one of its categories.
        shown: Share of added GIFs among the first three answers out of the whole pack, on ReactBench.
        alone_fold: nDCG@5 out of the added GIFs, on the held-out labels; the next ones on ReactBench.
        pack_fold: The same out of the whole pack.
    """

    way: str
    guessed: float
    any_true: float
    shown: float
    alone_fold: float
    alone_dev: float
    alone_great: float
    pack_fold: float
    pack_dev: float
    pack_great: float


@dataclass(frozen=True)
class Tried:
    """Weights, and by way the nDCG@5 they reach and how often added GIFs are shown out of the whole pack."""

    weights: dict[str, float]
    ndcg5: dict[str, float]
    shown: dict[str, float]

    @property
    def mean(self) -> float:
        """Return the mean over the ways."""
        return float(np.mean([*self.ndcg5.values()]))


def main(
    bundle: BundleDir,
    held_out: HeldOut,
    shipped: ShippedDir = ROOT / "assets" / "models" / "house",
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    data: Data = None,
    fold: Fold = 0,
    grid: Grid = False,
    json_file: JsonFile = None,
) -> None:
    """Measure how well GIFs answer that no training has seen."""
    unseen, reader = load_bundle(bundle), load_bundle(shipped)
    gifs, ids = read_pack(pack), read_held_out(held_out)
    text, names = TextEncoder(reader), reader.spec.categories.names
    messages = read_messages(reactions_dir(data), tweets=0, fold=fold, limit=None)
    labels, bench = ask(text, messages.judged), ask(text, messages.bench)
    new = [gif for gif in gifs.gifs if gif.id in ids]
    old = [gif for gif in gifs.gifs if gif.id not in ids]
    adder = Adder(unseen, gifs.folder, new)
    content: dict[str, Any] = {"machine": machine(), "bundle": unseen.label, "weights": OWN_WEIGHTS}
    others = as_shipped(unseen, gifs.folder, old)
    if grid:
        content["grid"] = print_grid(try_weights(reader, adder, new, others, labels))
    else:
        rows = [
            measure(way.name, reader, as_added(adder.add(way), new), others, labels, bench)
            for way in ways(names)
        ]
        seen, rest = (as_shipped(reader, gifs.folder, part) for part in (new, old))
        rows.append(measure("as shipped, seen in training", reader, seen, rest, labels, bench))
        without = [rank(reader, asked, others).ndcg5 for asked in (labels, bench)]
        print_rows(rows, without, len(new), len(gifs.gifs))
        content |= {"rows": rows, "without": without}
    if json_file:
        write_json(json_file, msgspec.to_builtins(content))


def ask(text: TextEncoder, messages: Sequence[BenchMessage]) -> Asked:
    """Read the messages that are not held."""
    played = [message for message in messages if not message.is_held]
    return Asked(played, text.encode_many([text.tokenise(message.text).ids for message in played])[0])


def as_shipped(bundle: Bundle, folder: Path, gifs: Sequence[PackGif]) -> Gallery:
    """Return GIFs as the catalogue holds those of a pack."""
    embed = GifEmbedder(bundle, TextEncoder(bundle))
    steps = track(gifs, description="GIFs", transient=True)
    vectors = np.stack([embed(folder / gif.file, gif) for gif in steps])
    return Gallery([gif.categories[0] for gif in gifs], [gif.categories for gif in gifs], vectors)


def as_added(added: Added, gifs: Sequence[PackGif]) -> Gallery:
    """Return GIFs as they were added, with the categories they really have."""
    return Gallery(added.primary, [gif.categories for gif in gifs], added.vectors)


def measure(way: str, reader: Bundle, added: Gallery, others: Gallery, labels: Asked, bench: Asked) -> Row:
    """Answer the held-out labels and ReactBench out of added GIFs, and out of these and the others."""
    whole = others.join(added)
    alone, dev = rank(reader, labels, added), rank(reader, bench, added)
    pack, pack_dev = rank(reader, labels, whole), rank(reader, bench, whole)
    pairs = [*zip(added.primary, added.true, strict=True)]
    return Row(
        way,
        guessed=float(np.mean([guess == true[0] for guess, true in pairs])),
        any_true=float(np.mean([guess in true for guess, true in pairs])),
        shown=share_shown(reader, bench, others, added),
        alone_fold=alone.ndcg5,
        alone_dev=dev.ndcg5,
        alone_great=dev.p1_great,
        pack_fold=pack.ndcg5,
        pack_dev=pack_dev.ndcg5,
        pack_great=pack_dev.p1_great,
    )


def share_shown(reader: Bundle, asked: Asked, others: Gallery, added: Gallery) -> float:
    """Return the share of added GIFs among the first answers out of these and the others."""
    first = [picked[:SHOWN] for picked in answers(reader, asked, others.join(added))]
    return float(np.mean([gif >= len(others.primary) for picked in first for gif in picked]))


def answers(reader: Bundle, asked: Asked, gallery: Gallery) -> list[list[int]]:
    """Return the best GIFs for each message, varied as an answer is."""
    ranking, names = reader.spec.ranking, reader.spec.categories.names
    share, bias = ranking.gif_share, np.array(ranking.category_bias or [0.0] * len(names), np.float32)
    rows = [names.index(name) for name in gallery.primary]
    categories = (1 - share) * (asked.vectors @ reader.anchors.T + bias)
    scores = share * (asked.vectors @ gallery.vectors.T) + categories[:, rows]
    order = np.argsort(-scores, axis=1, kind="stable")
    return [vary(row.tolist(), gallery.primary, DEPTH) for row in order]


def rank(reader: Bundle, asked: Asked, gallery: Gallery) -> Scores:
    """Score the answers by the true categories of their GIFs."""
    pairs = zip(asked.messages, answers(reader, asked, gallery), strict=True)
    ranked = {message.id: [gallery.true[gif][0] for gif in picked] for message, picked in pairs}
    return score(asked.messages, {name: Prediction(categories) for name, categories in ranked.items()})


def try_weights(
    reader: Bundle, adder: Adder, gifs: Sequence[PackGif], others: Gallery, labels: Asked
) -> list[Tried]:
    """Answer the held-out labels with all weights, in all ways."""
    found = []
    choices = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    for choice in track(choices, description="weights", transient=True):
        tried = Tried(choice, {}, {})
        for way in ways(reader.spec.categories.names):
            gallery = as_added(adder.add(way, OwnWeights(**choice)), gifs)
            tried.ndcg5[way.name] = rank(reader, labels, gallery).ndcg5
            tried.shown[way.name] = share_shown(reader, labels, others, gallery)
        found.append(tried)
    return found


def print_grid(tried: Sequence[Tried]) -> list[Tried]:
    """Print a table, the best mean first, and return its rows."""
    ordered = sorted(tried, key=lambda row: -row.mean)
    table = Table(title="nDCG@5 out of the unseen GIFs alone / shown out of the whole pack", box=box.SIMPLE)
    for name in (*GRID, "mean", *ordered[0].ndcg5):
        table.add_column(name, justify="right")
    for row in ordered:
        reached = (f"{ndcg5:.3f} / {row.shown[way]:.2f}" for way, ndcg5 in row.ndcg5.items())
        table.add_row(*map(str, row.weights.values()), f"{row.mean:.4f}", *reached)
    Console().print(table)
    return ordered


def print_rows(rows: Sequence[Row], without: Sequence[float], new: int, total: int) -> None:
    """Print a table."""
    table = Table(title=f"{new} GIFs that no training has seen, alone and among {total}", box=box.SIMPLE)
    for name in Row.__annotations__:
        is_way = name == "way"
        table.add_column(name.replace("_", "\n"), justify="left" if is_way else "right", no_wrap=is_way)
    for row in rows:
        way, *figures = asdict(row).values()
        table.add_row(way, *(f"{value:.3f}" for value in figures))
    Console().print(table)
    reached = f"held-out labels {without[0]:.3f}, ReactBench {without[1]:.3f}"
    Console().print(f"nDCG@5 of the {total - new} others without these: {reached}")


if __name__ == "__main__":
    typer.run(main)
