"""Which weights of picture, words and categories make a GIF's vector serve both searches?

Each GIF's three parts are made once; for every combination of weights, messages of the held-out fifth of the
labels (the weights are chosen there) and of ReactBench are ranked by it, and drawings of a style that only
chooses look for their GIF.

    python -m benchmarks.fusion --json fusion.json
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks._timing import write_json
from benchmarks.retrieval import embed_drawings
from export.data.drawings import drawings
from export.data.emoji import canonical, emoji_table
from export.data.reactions import reactions_dir
from export.data.styles import DEV_STYLE
from export.text_messages import read_messages
from inference.bundle import load_bundle
from inference.encoders import ImageEncoder, TextEncoder
from inference.metrics import BenchMessage, Prediction, score
from inference.pack import PackGif, read_pack
from inference.vectors import describe, mix_categories, unit

ROOT = Path(__file__).resolve().parents[1]
IMAGE = (0.0, 0.1, 0.2, 0.35, 0.5)
WORDS = (0.0, 0.15, 0.25, 0.4)
DEPTH = 10

Floats = npt.NDArray[np.float32]
BundleDir = Annotated[Path, typer.Option(help="Folder of the bundle.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack.")]
Fold = Annotated[int, typer.Option(help="The fifth of the labels that training held out.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


@dataclass(frozen=True)
class Row:
    """Weights (the categories' is 1) and what they reach."""

    image: float
    words: float
    held_great: float
    held_ndcg5: float
    bench_great: float
    bench_any: float
    bench_ndcg5: float
    drawing_at_1: float
    drawing_at_10: float


def main(
    bundle: BundleDir = ROOT / "assets" / "models" / "house",
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    fold: Fold = 0,
    json_file: JsonFile = None,
) -> None:
    """Try all weights."""
    opened, gifs = load_bundle(bundle), read_pack(pack)
    text, image = TextEncoder(opened), ImageEncoder(opened)
    names = opened.spec.categories.names
    steps = track(gifs.gifs, description="GIFs", transient=True)
    seen = np.stack([image.encode_file(gifs.folder / gif.file) for gif in steps])
    words = np.stack([text.encode(text.tokenise(describe(gif)).ids)[0] for gif in gifs.gifs])
    rows = [[names.index(c) for c in gif.categories] for gif in gifs.gifs]
    categories = np.stack([mix_categories(opened.anchors, row) for row in rows])

    messages = read_messages(reactions_dir(None), tweets=0, fold=fold, limit=None)
    held = [m for m in messages.judged if not m.is_held]
    bench = [m for m in messages.bench if not m.is_held]
    asked = {name: embed(text, part, name) for name, part in (("held out", held), ("bench", bench))}
    queries, answers = drawing_queries(image, gifs.gifs)
    found = []
    for weight in IMAGE:
        for share in WORDS:
            gallery = np.stack([unit(v) for v in categories + weight * seen + share * words])
            first = rank(held, asked["held out"], gallery, gifs.gifs)
            second = rank(bench, asked["bench"], gallery, gifs.gifs)
            order = np.argsort(-queries @ gallery.T, axis=1, kind="stable")
            hits = np.take_along_axis(answers, order, axis=1)
            recalls = float(hits[:, :1].any(1).mean()), float(hits[:, :10].any(1).mean())
            found.append(Row(weight, share, first[0], first[2], *second, *recalls))
    print_rows(found)
    if json_file:
        write_json(json_file, {"bundle": opened.label, "rows": [*map(asdict, found)]})


def embed(text: TextEncoder, messages: Sequence[BenchMessage], name: str) -> Floats:
    """Return the vectors of messages, (n, dim) float32, unit norm."""
    steps = track(messages, description=name, transient=True)
    return np.stack([text.encode(text.tokenise(m.text).ids)[0] for m in steps])


def drawing_queries(image: ImageEncoder, gifs: Sequence[PackGif]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return vectors of drawings (n, dim), and which GIFs (n, gifs) are of the drawn emoji."""
    own = [canonical(gif.source.code_point) if gif.source.code_point else "" for gif in gifs]
    drawn = drawings(DEV_STYLE, emoji_table())
    asked = [code for code in dict.fromkeys(own) if code in drawn]
    vectors = embed_drawings(image, [drawn[code] for code in asked], DEV_STYLE.name)
    return vectors, np.array([[code == other for other in own] for code in asked])


def rank(
    messages: Sequence[BenchMessage], vectors: Floats, gallery: Floats, gifs: Sequence[PackGif]
) -> tuple[float, float, float]:
    """Return great, great or ok, and nDCG@5 of the primary categories in the order of their best GIF."""
    order = np.argsort(-vectors @ gallery.T, axis=1, kind="stable")
    predictions = {}
    for message, row in zip(messages, order, strict=True):
        ranked = list(dict.fromkeys(gifs[i].categories[0] for i in row))[:DEPTH]
        predictions[message.id] = Prediction(ranked)
    scores = score(messages, predictions)
    return scores.p1_great, scores.p1_any, scores.ndcg5


def print_rows(rows: Sequence[Row]) -> None:
    """Print a table."""
    table = Table(title="Weights of picture and words beside categories (1)")
    for name in Row.__annotations__:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(f"{value:.3f}" for value in asdict(row).values()))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
