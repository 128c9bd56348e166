"""How many GIFs a second are taken in, with how much memory, and how soon is one found among 100,000?

The files of the shipped pack are taken into an empty catalogue: by the ingestor with all stages, by one
without words and rating, and, in a process of its own, as one writes it first: every frame with Pillow, the
image graph a frame (`benchmarks/_ingest_naive.py`). All take turns, a share of the files each. On a few files
the naive loop also looks for words and rates each frame, as the ingestor with all stages does. Then a
catalogue with many own GIFs is opened, its index prepared before, and GIFs are added while an engine follows.

    python -m benchmarks.ingest --json ingest.json
"""

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks._timing import Verdict, print_spreads, print_verdicts, report, spread, write_json
from inference.ingest import Ingestor, Options, Outcome, Stage, Submission, missing_extras

ROOT = Path(__file__).resolve().parents[1]
CAPTIONER = ROOT / "assets" / "models" / "captioner"
GOAL = 3.0
MEMORY_MB = 600.0
OPEN_S, FOUND_S = 2.0, 2.0
ROUNDS = 5
ADDED = 5
EXTRA_FILES = 12
SAMPLE_S = 0.25
ALL, LEAN = "all stages", "without words, rating and caption"

BundleDir = Annotated[Path, typer.Option(help="Folder of the bundle.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack whose files are taken in.")]
Every = Annotated[int, typer.Option(min=1, help="Take each n-th file only.")]
Processes = Annotated[int, typer.Option(min=1, help="Processes of the ingestor.")]
OwnCount = Annotated[
    int, typer.Option("--own", min=0, help="Own GIFs in the large catalogue; 0 leaves it out.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


def main(
    bundle: BundleDir = ROOT / "assets" / "models" / "house",
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    every: Every = 1,
    processes: Processes = 2,
    own: OwnCount = 100_000,
    json_file: JsonFile = None,
) -> None:
    """Measure speed and memory of the ingestor, and how soon its GIFs are found."""
    console, files = Console(), sorted((pack / "gifs").rglob("*.gif"))[::every]
    race = Race(bundle, files, processes)
    race.run()
    verdicts = race.verdicts()
    stages = {str(name): spread(series) for name, series in race.stages().items()}
    print_spreads(console, f"A file through {ALL}, {processes} processes", stages, "ms")
    if own:
        verdicts += judge_catalogue(bundle, pack, own)
    print_verdicts(console, verdicts)
    if json_file is not None:
        more = {"files": len(files), "processes": processes, "missing": missing_extras(), "own": own}
        write_json(json_file, report(stages, verdicts, refused=race.refused(), **more))


class Memory(threading.Thread):
    """Watches what this process and its children take, in units of 1e6 bytes."""

    def __init__(self, ingestor: Ingestor) -> None:
        super().__init__(daemon=True)
        self.shared_mb = self.resident_mb = 0.0
        self._ingestor = ingestor
        self._ending = threading.Event()

    def run(self) -> None:
        """Sample until closed; a page that n processes share counts 1/n a process in `shared_mb`."""
        while not self._ending.wait(SAMPLE_S):
            self.sample()

    def sample(self) -> None:
        """Look once."""
        shared = resident = 0
        for pid in (os.getpid(), *self._ingestor.pids):
            try:
                memory = psutil.Process(pid).memory_full_info()
            except psutil.Error:
                continue
            shared, resident = shared + memory.pss, resident + memory.rss
        self.shared_mb = max(self.shared_mb, shared / 1e6)
        self.resident_mb = max(self.resident_mb, resident / 1e6)

    def close(self) -> None:
        """Look once more and end."""
        self.sample()
        self._ending.set()
        self.join()


class Race:
    """The contenders in turns over the same files."""

    def __init__(self, bundle: Path, files: Sequence[Path], processes: int) -> None:
        self._bundle, self._files, self._processes = bundle, files, processes
        self._seconds = {"naive": 0.0, ALL: 0.0, LEAN: 0.0, "naive with extras": 0.0}
        self._outcomes: dict[str, list[Outcome]] = {ALL: [], LEAN: []}
        self._extra_files: list[Path] = []
        self._frames = 0
        self._memory: Memory

    def run(self) -> None:
        """Let each contender work on its share of the files, round by round."""
        lean = Options(skipped=frozenset({Stage.TEXT, Stage.RATING}))
        chosen = {ALL: Options(), LEAN: lean}
        shares = [self._files[start::ROUNDS] for start in range(ROUNDS)]
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="repartee-ingest-")))
            naive = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
            ingestors = {
                name: stack.enter_context(self._ingestor(folder / name, name, options))
                for name, options in chosen.items()
            }
            for ingestor in ingestors.values():
                _warm_up(ingestor, self._files[: self._processes])
            naive.submit(_take_in, str(self._bundle), self._files[:1], True).result()
            self._memory = Memory(ingestors[ALL])
            self._memory.start()
            stack.callback(self._memory.close)
            bar = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
            for share in bar.track(shares, description="taking in"):
                self._round(share, naive, ingestors)
            self._extra_files = list(self._files[:: max(1, len(self._files) // EXTRA_FILES)])
            self._seconds["naive with extras"], _ = naive.submit(
                _take_in, str(self._bundle), self._extra_files, True
            ).result()

    def _round(
        self, share: Sequence[Path], naive: ProcessPoolExecutor, ingestors: dict[str, Ingestor]
    ) -> None:
        seconds, frames = naive.submit(_take_in, str(self._bundle), share, False).result()
        self._seconds["naive"] += seconds
        self._frames += frames
        for name, ingestor in ingestors.items():
            started = time.perf_counter()
            self._outcomes[name] += ingestor.take_in_all(_sent(path, "") for path in share)
            self._seconds[name] += time.perf_counter() - started

    def _ingestor(self, folder: Path, name: str, options: Options) -> Ingestor:
        return Ingestor(
            folder / "catalogue.sqlite",
            self._bundle,
            options,
            processes=self._processes,
            captioner=CAPTIONER if name == ALL and CAPTIONER.is_dir() else None,
        )

    def rate(self, name: str) -> float:
        """Return files a second."""
        count = len(self._extra_files if name == "naive with extras" else self._files)
        return count / self._seconds[name]

    def stages(self) -> dict[Stage, list[float]]:
        """Return the milliseconds of each stage of the contender with all of them."""
        series: dict[Stage, list[float]] = {}
        for outcome in self._outcomes[ALL]:
            for stage in outcome.stages:
                series.setdefault(stage.stage, []).append(stage.ms)
        return series

    def refused(self) -> dict[str, str]:
        """Return why files were refused, by label."""
        return {each.submission.label: each.code for each in self._outcomes[ALL] if not each.is_added}

    def verdicts(self) -> list[Verdict]:
        """Put the figures beside their targets."""
        naive, extras = self.rate("naive"), self.rate("naive with extras")
        added = sum(outcome.is_added for outcome in self._outcomes[ALL])
        means = {stage: float(np.mean(series)) for stage, series in self.stages().items()}
        return [
            Verdict(f"{ALL}", self.rate(ALL), "GIFs/s"),
            Verdict(f"{LEAN}", self.rate(LEAN), "GIFs/s"),
            Verdict("naive loop, image graph a frame", naive, "GIFs/s"),
            Verdict("naive loop, words and rating a frame, too", extras, "GIFs/s"),
            Verdict("frames a GIF", self._frames / len(self._files)),
            Verdict(f"{ALL} / naive loop", self.rate(ALL) / naive, "x", GOAL, is_at_most=False),
            Verdict(f"{LEAN} / naive loop", self.rate(LEAN) / naive, "x", GOAL, is_at_most=False),
            Verdict(f"{ALL} / naive, the same", self.rate(ALL) / extras, "x", GOAL, is_at_most=False),
            Verdict("added", added / len(self._files), "of the files"),
            Verdict("peak memory, shared pages once", self._memory.shared_mb, "MB", MEMORY_MB),
            Verdict("peak memory, shared pages each time", self._memory.resident_mb, "MB"),
            *(Verdict(f"{stage}, mean", mean, "ms") for stage, mean in means.items()),
        ]


def judge_catalogue(bundle: Path, pack: Path, count: int) -> list[Verdict]:
    """Open a catalogue of many own GIFs, add some, and put the figures beside their targets."""
    from benchmarks._own_catalogue import fill, found_after  # what answers takes memory
    from inference.bundle import load_bundle
    from inference.engine import Engine
    from inference.pack import read_pack

    with tempfile.TemporaryDirectory(prefix="repartee-own-") as folder:
        catalogue = Path(folder) / "catalogue.sqlite"
        fill(catalogue, load_bundle(bundle), read_pack(pack).gifs, count)
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            engine = Engine.open(bundle, [pack], catalogue)
            seconds.append(time.perf_counter() - started)
        found = found_after(catalogue, engine, ADDED)
    return [
        Verdict(f"{count:,} own GIFs: first start, vectors known", seconds[0], "s"),
        Verdict(f"{count:,} own GIFs: later start", seconds[1], "s", OPEN_S),
        Verdict(f"{count:,} own GIFs: found after, worst of {len(found)}", max(found), "s", FOUND_S),
    ]


def _warm_up(ingestor: Ingestor, files: Sequence[Path]) -> None:
    """Start all processes, in a scope of its own."""
    for _ in ingestor.take_in_all(_sent(path, "warm-up") for path in files):
        pass


def _sent(path: Path, scope: str) -> Submission:
    return Submission(path=str(path), label=path.name, scope=scope)


def _take_in(bundle: str, files: Sequence[Path], with_extras: bool) -> tuple[float, int]:
    from benchmarks._ingest_naive import take_in  # in its process only: its models are not our memory

    return take_in(bundle, [str(file) for file in files], with_extras)


if __name__ == "__main__":
    typer.run(main)
