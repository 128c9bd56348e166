"""How good and how fast is the captioner?

Time: a token after 16, 64 and 128 tokens of past, in turns in one process, and a caption of 12 tokens with
the look at the picture, one thread each. `--quality` (a few minutes): CIDEr-D and the share of captions
that name the right thing on drawings of a style that no training saw, beside the description of the nearest
known drawing. `--guesses`: do captions help to guess the reaction of a GIF without words? `--photographs
FOLDER`: how often it speaks about photographs, of which it knows nothing.

    python -m benchmarks.caption --quality --json caption.json
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks._caption_guesses import category_guesses
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
from inference.caption_bundle import load_caption_bundle
from inference.caption_decoder import CaptionDecoder
from inference.captioner import Captioner

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "assets" / "packs" / "fluent"
PASTS = (16, 64, 128)
SPARE = 8
CAPTION_TOKENS = 12
FLATNESS = 1.2
CAPTION_MS = 60.0
PICTURE_PX = 240
GIF_FRAMES = 12

Bundle = Annotated[Path, typer.Option(help="Captioner's bundle; one made by `python -m export import` too.")]
Quality = Annotated[bool, typer.Option("--quality", help="Measure what it says; fetches drawings once.")]
Guesses = Annotated[
    bool, typer.Option("--guesses", help="Measure whether captions help to guess the reaction.")
]
Photographs = Annotated[Path | None, typer.Option(help="Folder of photographs.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]
Rounds = Annotated[int, typer.Option(min=1, help="Measured rounds.")]


def main(
    bundle: Bundle = ROOT / "assets" / "models" / "captioner",
    quality: Quality = False,
    guesses: Guesses = False,
    photographs: Photographs = None,
    json_file: JsonFile = None,
    rounds: Rounds = 200,
) -> None:
    """Time a captioner, and measure what it says."""
    console = Console()
    captioner = Captioner.open(bundle, threads=1)
    tokens = time_tokens(bundle, rounds)
    captions = time_captions(captioner, rounds)
    verdicts = judge_times(tokens, captions)
    print_spreads(console, "A token after so many of past, 1 thread", tokens, "ms")
    print_spreads(console, f"A caption of {CAPTION_TOKENS} tokens, 1 thread", captions, "ms")
    figures: dict[str, Any] = {}
    if quality:
        threshold, figures = _measured(bundle)
        verdicts += judge_quality(figures)
        figures["threshold of silence"] = threshold
    if guesses:
        found = category_guesses(ROOT / "assets" / "models" / "house", PACK, captioner)
        verdicts += [
            Verdict(f"reaction of OpenMoji drawings guessed by {way}", share) for way, share in found.items()
        ]
    if photographs is not None:
        verdicts.append(
            Verdict("photographs of which it says something", about_photographs(captioner, photographs))
        )
    print_verdicts(console, verdicts)
    if json_file:
        write_json(json_file, report({**tokens, **captions}, verdicts, quality=figures))


def time_tokens(bundle: Path, rounds: int) -> dict[str, Spread]:
    """Time a token after each past that the model has room for; the cache is hardly longer than the past."""
    decoder = CaptionDecoder(load_caption_bundle(bundle), threads=1)
    spec = decoder.spec
    prefix = np.random.default_rng(0).normal(size=(1, spec.prefix_size)).astype(np.float32)
    pasts = [past for past in PASTS if spec.prefix_length <= past < spec.n_positions]
    series = interleave(
        {f"{past} tokens": clock(_reader(decoder, prefix, past)) for past in pasts},
        rounds=rounds,
        warm_up=20,
        progress=lambda _: None,
        burst=5,
    )
    return {name: spread(values) for name, values in series.items()}


def _reader(decoder: CaptionDecoder, prefix: np.ndarray, past: int) -> Callable[[int], object]:
    before = past - decoder.spec.prefix_length
    room = min(before + SPARE, decoder.spec.n_positions - decoder.spec.prefix_length)
    _, run = decoder.start(prefix, room)
    token = np.array([2])
    for _ in range(before):
        run.read(token)

    def read(_: int) -> None:
        run.length = past
        run.read(token)

    return read


def time_captions(captioner: Captioner, rounds: int) -> dict[str, Spread]:
    """Time looking at an animation of twelve frames, twelve tokens, and both."""
    rng = np.random.default_rng(0)
    frames = [
        Image.fromarray(rng.integers(0, 256, (PICTURE_PX, PICTURE_PX, 3), np.uint8).astype(np.uint8))
        for _ in range(GIF_FRAMES)
    ]
    prefix = captioner.encode(frames)[None]
    decoder = captioner.decoder

    def words() -> None:
        _, run = decoder.start(prefix, CAPTION_TOKENS)
        for _ in range(CAPTION_TOKENS - 1):
            run.read(np.array([2]))

    def both() -> None:
        captioner.encode(frames)
        words()

    work: Mapping[str, Callable[[], object]] = {
        "picture": lambda: captioner.encode(frames),
        "words": words,
        "caption": both,
    }
    contenders = {name: clock(partial(_do, act)) for name, act in work.items()}
    series = interleave(contenders, rounds=max(1, rounds // 4), warm_up=5, progress=lambda _: None)
    return {name: spread(values) for name, values in series.items()}


def _do(work: Callable[[], object], _: int) -> object:
    return work()


def judge_times(tokens: Mapping[str, Spread], captions: Mapping[str, Spread]) -> list[Verdict]:
    """Return the figures of time beside their targets."""
    verdicts = []
    if len(tokens) > 1:
        first, *_, last = tokens.values()
        names = list(tokens)
        what = f"a token after {names[-1]} against {names[0]}"
        verdicts.append(Verdict(what, last.p50 / first.p50, "x", FLATNESS))
    what = f"caption of {CAPTION_TOKENS} tokens, median"
    return [*verdicts, Verdict(what, captions["caption"].p50, "ms", CAPTION_MS)]


def judge_quality(figures: Mapping[str, Any]) -> list[Verdict]:
    """Return the figures of drawings beside those of the baseline."""
    test = figures["OpenMoji drawings, a style not trained on"]
    served, same = test["captioner, as served"], test["nearest known drawing, silent as often"]
    spoken, nearest = test["captioner, made to speak"], test["nearest known drawing"]
    right = "of these names the right thing"
    verdicts = [
        Verdict("OpenMoji, as served: says something", served["says something"]),
        Verdict(f"OpenMoji, as served: {right}", served[right], "", same[right], is_at_most=False),
    ]
    for what in ("cider", "names the right thing"):
        what_of = f"OpenMoji, made to speak: {what}"
        verdicts.append(Verdict(what_of, spoken[what], "", nearest[what], is_at_most=False))
    return verdicts


def about_photographs(captioner: Captioner, folder: Path) -> float:
    """Return the share of the pictures in a folder of which it says something."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    said = []
    for path in track(paths, description="photographs", transient=True):
        with Image.open(path) as image:
            said.append(bool(captioner.describe([image.convert("RGBA")])))
    return float(np.mean(said))


def _measured(bundle: Path) -> tuple[float, dict[str, Any]]:
    from export.captioner_measure import measure

    return measure(bundle)


if __name__ == "__main__":
    typer.run(main)
