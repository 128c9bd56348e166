"""Does any broken file bring the way in down, make it wait for ever, or take more memory than it may?

Files of the shipped pack and of Pillow's own test suite are changed at random (`benchmarks/_mutations.py`)
and taken in: looked through, searched for flashes, encoded, the GIF read back to its last frame. This happens
in a process whose memory is bounded; one that dies or hangs is replaced. Each file must be added or refused.

    python -m benchmarks.fuzz --count 2000 --json fuzz.json
"""

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks._fuzz_child import Result, serve
from benchmarks._mutations import mutate
from benchmarks._timing import Verdict, print_spreads, print_verdicts, report, spread, write_json

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
START_S = 60.0
SHOWN = 5
LARGEST_SOURCE = MIB  # what is slow because it is large says nothing
BAD = ("crash", "died", "hang")

Count = Annotated[int, typer.Option(min=1, help="How many changed files are taken in.")]
Seed = Annotated[int, typer.Option(help="Other seeds make other files.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack whose GIFs are changed.")]
Memory = Annotated[int, typer.Option(min=64, help="MiB that a file may take.")]
TimeLimit = Annotated[
    float, typer.Option("--time-s", min=1, help="Seconds after which a file counts as hanging.")
]
Keep = Annotated[Path | None, typer.Option(help="Folder in which files that brought it down are kept.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


def main(
    count: Count = 2_000,
    seed: Seed = 1,
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    memory: Memory = 600,
    time_s: TimeLimit = 60.0,
    keep: Keep = None,
    json_file: JsonFile = None,
) -> None:
    """Take in changed files; the exit code is 1 if one of them crashed or hung."""
    console, rng = Console(), random.Random(seed)
    results: list[tuple[str, Result]] = []
    with tempfile.TemporaryDirectory(prefix="repartee-fuzz-") as name:
        folder = Path(name)
        sources = _sources(folder / "pillow", pack)
        with Pen(memory * MIB, time_s) as pen:
            for number in track(range(count), "taking in", console=Console(stderr=True), transient=True):
                source = rng.choice(sources)
                path = folder / f"mutant{source.suffix}"
                path.write_bytes(mutate(source.read_bytes(), rng))
                result = pen.take_in(path)
                results.append((source.name, result))
                if keep is not None and result[0].startswith(BAD):
                    keep.mkdir(parents=True, exist_ok=True)
                    path.replace(keep / f"{number}-{source.name}")
    verdicts = judge(results)
    _print(console, results)
    print_verdicts(console, verdicts)
    if json_file is not None:
        series = {"file": spread([ms for _, (_, ms, _) in results])}
        codes = Counter(outcome for _, (outcome, _, _) in results)
        more = {"count": count, "seed": seed, "memory_mib": memory, "time_s": time_s, "outcomes": dict(codes)}
        write_json(json_file, report(series, verdicts, **more))
    if any(outcome.startswith(BAD) for _, (outcome, _, _) in results):
        raise typer.Exit(1)


class Pen:
    """Keeps one process that takes files in, and replaces it when it is dead or hangs."""

    def __init__(self, memory_bytes: int, time_s: float) -> None:
        self._memory_bytes, self._time_s = memory_bytes, time_s
        self._start()

    def __enter__(self) -> "Pen":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def take_in(self, path: Path) -> Result:
        """Return what became of a file."""
        try:
            self._line.send(str(path))
            if self._line.poll(self._time_s):
                result: Result = self._line.recv()
                return result
            outcome = "hang"
        except (EOFError, OSError):
            self._process.join(START_S)
            outcome = f"died: exit code {self._process.exitcode}"
        self._stop()
        self._start()
        return outcome, self._time_s * 1e3 if outcome == "hang" else 0.0, 0.0

    def _start(self) -> None:
        context = get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, self._memory_bytes), daemon=True)
        self._process.start()
        other.close()

    def _stop(self) -> None:
        self._line.close()
        self._process.kill()
        self._process.join()


def judge(results: Sequence[tuple[str, Result]]) -> list[Verdict]:
    """Put the figures beside their targets."""
    outcomes = [outcome for _, (outcome, _, _) in results]
    return [
        Verdict("crashed", sum(each.startswith(("crash", "died")) for each in outcomes), "files", 0),
        Verdict("hung", outcomes.count("hang"), "files", 0),
        Verdict("added", outcomes.count("added") / len(outcomes), "of the files"),
        Verdict("slowest", max(ms for _, (_, ms, _) in results), "ms"),
        Verdict("peak memory of a process", max(peak for _, (_, _, peak) in results), "MB"),
    ]


def _sources(folder: Path, pack: Path) -> list[Path]:
    """Return the files that are changed: as many of the pack as of Pillow's suite."""
    from tests import pillow_suite

    suite = [path for path in pillow_suite.unpack(folder) if path.stat().st_size <= LARGEST_SOURCE]
    moving = [path for path in suite if path.suffix != ".png" or path.parent.name == "apng"]
    return [*suite, *moving, *sorted((pack / "gifs").rglob("*.gif"))]


def _print(console: Console, results: Sequence[tuple[str, Result]]) -> None:
    table = Table(title="What became of the files", title_justify="left", header_style="dim")
    table.add_column("outcome")
    for column in ("files", "slowest ms"):
        table.add_column(column, justify="right")
    by_outcome: dict[str, list[float]] = {}
    for _, (outcome, ms, _) in results:
        by_outcome.setdefault(outcome, []).append(ms)
    for outcome, times in sorted(by_outcome.items(), key=lambda item: -len(item[1])):
        table.add_row(outcome, f"{len(times):,}", f"{max(times):,.0f}")
    console.print(table)
    slowest = sorted(results, key=lambda item: -item[1][1])[:SHOWN]
    print_spreads(console, "A file", {"taken in": spread([ms for _, (_, ms, _) in results])}, "ms")
    console.print("slowest: " + ", ".join(f"{name} {ms:,.0f} ms" for name, (_, ms, _) in slowest))


if __name__ == "__main__":
    typer.run(main)
