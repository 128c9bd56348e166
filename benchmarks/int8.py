"""What do integers cost the text tower, and what do they save?

Both forms of one trained model are scored on ReactBench (categories ranked by their anchors, no pack) and
timed in turns on one thread.

    python -m benchmarks.int8 CHECKPOINT --json int8.json
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import typer
from numpy.typing import NDArray
from rich.console import Console

from benchmarks._peers import ROOT
from benchmarks._timing import (
    Spread,
    Verdict,
    clock,
    interleave,
    print_spreads,
    print_verdicts,
    report,
    spread,
    write_json,
)
from export.bundle import sample_batches
from export.graphs import text_graph
from export.house_checkpoint import HouseCheckpoint
from export.quantise import quantise_text
from export.smoothing import Feeds
from inference.metrics import BenchMessage, Prediction, read_messages, score

DEPTH = 10
SHAPES = ((1, 16), (16, 16))
WARM_UP = 10
POINT = 0.01
JUDGED = ("p1_great", "p1_any", "ndcg5")

Floats = NDArray[np.float32]
Checkpoint = Annotated[Path, typer.Argument(help="Folder of the trained model, as training saved it.")]
Bench = Annotated[Path, typer.Option(help="Annotated messages.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]
Rounds = Annotated[int, typer.Option(min=1, help="Measured rounds a shape.")]


def main(
    checkpoint: Checkpoint,
    bench: Bench = ROOT.parent / "shared" / "reactbench" / "dev.jsonl",
    json_file: JsonFile = None,
    rounds: Rounds = 100,
) -> None:
    """Score and time the float32 and the int8 form of a text tower."""
    console = Console()
    trained, messages = HouseCheckpoint.load(checkpoint), read_messages(bench)
    sessions = open_forms(trained)
    feeds = sample_batches(trained, [message.text for message in messages])
    vectors = {name: embed(session, feeds) for name, session in sessions.items()}
    scores = {name: rank(trained, messages, *found) for name, found in vectors.items()}
    spreads = time_forms(sessions, trained.model.config.text.vocab_size, rounds)
    verdicts = judge(scores, spreads, np.sum(vectors["float32"][0] * vectors["int8"][0], axis=1))
    print_spreads(console, "One run of the text graph, 1 thread", spreads, "ms")
    print_verdicts(console, verdicts)
    if json_file is not None:
        write_json(json_file, report(spreads, verdicts, scores=scores, annotations=bench.name))


def open_forms(trained: HouseCheckpoint) -> dict[str, Any]:
    """Export both forms and open them, on one thread each."""
    settings = trained.settings
    plain = text_graph(trained.model, hold_slope=settings.hold_slope, hold_intercept=settings.hold_intercept)
    forms = {"float32": plain, "int8": quantise_text(plain.clone(), sample_batches(trained))}
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, graph in forms.items():
            path = Path(folder) / f"{name}.onnx"
            ir.save(graph, path)
            sessions[name] = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return sessions


def embed(session: Any, feeds: list[Feeds]) -> tuple[Floats, Floats]:
    """Embed messages one by one: (n, dim) unit norm and hold probabilities (n,)."""
    outputs = [session.run(["embedding", "hold"], dict(row)) for row in feeds]
    return np.concatenate([vector for vector, _ in outputs]), np.concatenate([hold for _, hold in outputs])


def rank(
    trained: HouseCheckpoint, messages: list[BenchMessage], vectors: Floats, holds: Floats
) -> dict[str, Any]:
    """Score the categories nearest to each message."""
    order = np.argsort(-(vectors @ trained.anchors.T), axis=1, kind="stable")[:, :DEPTH]
    names = trained.settings.categories
    predictions = {
        message.id: Prediction([names[i] for i in row], float(hold))
        for message, row, hold in zip(messages, order, holds, strict=True)
    }
    figures: dict[str, Any] = msgspec.to_builtins(score(messages, predictions))
    return figures


def time_forms(sessions: dict[str, Any], vocabulary: int, rounds: int) -> dict[str, Spread]:
    """Run the forms in turns on random ids of several shapes."""
    rng = np.random.default_rng(0)
    spreads: dict[str, Spread] = {}
    for batch, tokens in SHAPES:
        ids = rng.integers(0, vocabulary, (batch, tokens), dtype=np.int32)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        contenders = {
            f"{name}, {batch} x {tokens}": clock(partial(_run, session, feed))
            for name, session in sessions.items()
        }
        series = interleave(contenders, rounds=rounds, warm_up=WARM_UP, progress=lambda _: None)
        spreads |= {name: spread(values) for name, values in series.items()}
    return spreads


def _run(session: Any, feed: Feeds, number: int) -> None:
    session.run(None, dict(feed))


def judge(scores: dict[str, dict[str, Any]], spreads: dict[str, Spread], cosines: Floats) -> list[Verdict]:
    """Put the figures beside their targets: at most a point lost, twice as fast."""
    lost = [
        Verdict(f"{name} lost, points", (scores["float32"][name] - scores["int8"][name]) / POINT, "", 1.0)
        for name in JUDGED
    ]
    faster = [
        Verdict(
            f"faster than float32 at {batch} x {tokens}",
            spreads[f"float32, {batch} x {tokens}"].p50 / spreads[f"int8, {batch} x {tokens}"].p50,
            "x",
            2.0,
            is_at_most=False,
        )
        for batch, tokens in SHAPES
    ]
    alike = [Verdict("cosine to float32, least", float(cosines.min()))]
    return [*lost, *faster, *alike, Verdict("cosine to float32, mean", float(cosines.mean()))]


if __name__ == "__main__":
    typer.run(main)
