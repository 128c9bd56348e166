"""How long does a message take to become three ranked GIFs, and what does starting the program cost?

In process, 16 tokens, 1 thread: `Engine.react` against the bare onnxruntime run of the reference graph (all
of MiniLM, exported and quantised the ordinary PyTorch way, no tokenising, no search) and against
sentence-transformers with a numpy search, in turns with each. Then `repartee react` as a process.

    python -m benchmarks.react --json react.json
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnxruntime as ort
import typer
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer

from benchmarks import _peers
from benchmarks._process import Started, run_once
from benchmarks._timing import (
    Contender,
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
from inference.engine import Engine

TOKENS = 16
PICKS = 3
WARM_UP = 4
BURST = 5
STARTED_MESSAGE = "I miss you"
OURS, REFERENCE = "repartee", "in turns with: REF-B, bare onnxruntime"
OURS_COLD, TRANSFORMERS = "repartee again", "in turns with: sentence-transformers + numpy"
SENTENCES = (
    "my flight got cancelled again and now I am stuck at the airport until tomorrow with no luggage",
    "we finally shipped the release tonight, nobody slept, but the dashboards are all green, well done",
    "she baked a chocolate cake for my birthday and then dropped it on the kitchen floor, poor thing",
    "can someone explain why the printer only works when the boss is on holiday in another country",
    "I passed the driving test on the fourth try and I am never going to drive to town again",
    "our neighbour plays the trumpet every morning at six and calls it practice for the big city parade",
    "the new season starts on friday so please do not spoil anything for me until the weekend is over",
    "he told the whole office about the surprise party, so now we need a new surprise and a plan",
)

Bundle = Annotated[Path, typer.Option(help="Folder of the bundle.")]
Pack = Annotated[Path, typer.Option(help="Folder of the pack.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]
Rounds = Annotated[int, typer.Option(min=1, help="Measured rounds in process, five calls each.")]
Starts = Annotated[int, typer.Option(min=1, help="Measured starts of the program.")]
Cache = Annotated[Path, typer.Option(help="Where the peers are installed, once.")]
Peers = Annotated[bool, typer.Option(help="Compare with the peers; without, nothing is installed.")]


def main(
    bundle: Bundle = _peers.ROOT / "assets" / "models" / "house",
    pack: Pack = _peers.ROOT / "assets" / "packs" / "fluent",
    json_file: JsonFile = None,
    rounds: Rounds = 60,
    starts: Starts = 7,
    cache: Cache = _peers.CACHE,
    peers: Peers = True,
) -> None:
    """Measure how fast messages are answered and how fast the program starts."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        data, installed = Path(folder), cache if peers else None
        series, versions = measure_answers(bundle, pack, data, rounds, installed, console)
        first, runs = measure_starts(bundle, pack, data, starts)
    spreads = {name: spread(values) for name, values in series.items()}
    start_row = {"repartee react": spread([run.seconds * 1e3 for run in runs])}
    verdicts = judge(spreads, first, runs)
    print_spreads(console, f"A message of {TOKENS} tokens to {PICKS} GIFs, 1 thread", spreads, "ms")
    print_spreads(console, "Start of the program, answer included", start_row, "ms")
    print_verdicts(console, verdicts)
    if json_file is not None:
        write_json(json_file, report(spreads | start_row, verdicts, versions=versions, bundle=bundle.name))


def measure_answers(
    bundle: Path, pack: Path, folder: Path, rounds: int, cache: Path | None, console: Console
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Time the engine, in turns with each peer where there is a cache folder for them.

    The peers don't meet, and a turn is a burst of calls: a process that has slept while another filled the
    caches is slow at first, whatever it runs.

    Returns:
        Milliseconds by contender, and the versions of what was compared.
    """
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    tokenizer.no_padding()
    messages = [message_of_length(tokenizer, sentence, TOKENS) for sentence in SENTENCES]
    engine = Engine.open(bundle, [pack], folder / "catalogue.sqlite", threads=1)
    ours = clock(lambda number: engine.react(messages[number % len(messages)], PICKS))
    versions = {"onnxruntime": ort.__version__}
    if cache is None:
        return _turns({OURS: ours}, rounds), versions
    python = _peers.prepare(cache, console.print)
    ids = [tokenizer.encode(message).ids for message in messages]
    reference = clock(reference_run(_peers.export_reference(python, cache, console.print), ids))
    series = _turns({OURS: ours, REFERENCE: reference}, rounds)
    with _peers.SentenceTransformers(python, len(engine)) as process:
        peers: dict[str, Contender] = {
            OURS_COLD: ours,
            TRANSFORMERS: lambda number: process.rank(messages[number % len(messages)]),
        }
        series |= _turns(peers, rounds)
        return series, versions | process.versions


def _turns(contenders: dict[str, Contender], rounds: int) -> dict[str, list[float]]:
    console = Console(stderr=True)
    # The bar draws from a thread of its own, which disturbs what is measured: so seldom, or not at all.
    bar = track(
        range(WARM_UP + rounds),
        "Taking turns",
        console=console,
        transient=True,
        refresh_per_second=2,
        disable=not console.is_terminal,
    )
    shown = iter(bar)
    return interleave(
        contenders, rounds=rounds, warm_up=WARM_UP, progress=lambda _: next(shown, None), burst=BURST
    )


def message_of_length(tokenizer: Tokenizer, sentence: str, tokens: int) -> str:
    """Cut a sentence after the word with which it has so many tokens, special ones included.

    Raises:
        ValueError: no cut gives that many.
    """
    words = sentence.split()
    for count in range(1, len(words) + 1):
        message = " ".join(words[:count])
        if len(tokenizer.encode(message).ids) == tokens:
            return message
    raise ValueError(f"no beginning of {sentence!r} has {tokens} tokens")


def reference_run(path: Path, messages: list[list[int]]) -> Callable[[int], Any]:
    """Return a function that runs the reference graph on one tokenised message, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rows = [np.array([ids], np.int64) for ids in messages]
    feeds = [{"input_ids": row, "attention_mask": np.ones_like(row)} for row in rows]
    return lambda number: session.run(None, feeds[number % len(feeds)])


def measure_starts(bundle: Path, pack: Path, folder: Path, starts: int) -> tuple[Started, list[Started]]:
    """Run `repartee react` as a process: the first time, which looks at all GIFs, and then as every day."""
    command = [str(Path(sys.executable).with_name("repartee")), "react", STARTED_MESSAGE]
    environment = {
        "REPARTEE_BUNDLE": str(bundle.resolve()),
        "REPARTEE_PACKS": str(pack.resolve()),
        "REPARTEE_DATA_DIR": str(folder / "data"),
        "REPARTEE_THREADS": "1",
    }
    first = run_once(command, environment)
    run_once(command, environment)
    return first, [run_once(command, environment) for _ in range(starts)]


def judge(spreads: dict[str, Spread], first: Started, runs: list[Started]) -> list[Verdict]:
    """Put the figures beside their targets."""
    ours = spreads[OURS].p50
    verdicts = []
    if REFERENCE in spreads:
        verdicts.append(Verdict("p50 over bare REF-B", ours / spreads[REFERENCE].p50, "x", 1.25))
        faster = spreads[TRANSFORMERS].p50 / spreads[OURS_COLD].p50
        verdicts.append(Verdict("faster than sentence-transformers", faster, "x", 4.0, is_at_most=False))
    cold = float(np.median([run.seconds for run in runs]))
    peak = max(run.peak_mb for run in runs)
    return [
        *verdicts,
        Verdict("cold start, median", cold, "s", 2.0),
        Verdict("its processor time", float(np.median([run.cpu_seconds for run in runs])), "s"),
        Verdict("peak memory", peak, "MB", 450.0),
        Verdict("very first start, which looks at every GIF", first.seconds, "s"),
        Verdict("its peak memory", first.peak_mb, "MB"),
    ]


if __name__ == "__main__":
    typer.run(main)
