"""Which form of the text graph is fastest on a device: int8, or float16 where the bundle has it?

Every form that the bundle has runs on the same batches in turns. On a GPU the int8 form on the CPU runs
beside them; its vectors are what all others are compared with. Where the device is not there nothing is
measured. No training packages are needed, so it runs where a worker runs.

    python -m benchmarks.device --device cuda --bundle BUNDLE --json device.json
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
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
from export.samples import SAMPLES
from inference.bundle import Bundle, load_bundle
from inference.encoders import TEXT_OUTPUTS, TextEncoder
from inference.errors import ReparteeError
from inference.sessions import Device, Runner, describe_device, open_session

SHAPES = ((1, 16), (8, 16), (32, 16), (64, 32))
WARM_UP = 10
ALIKE = 0.99
"""Least cosine of a message's vectors by two forms."""

Floats = NDArray[np.float32]
Feed = Mapping[str, NDArray[np.int32]]
OnDevice = Annotated[Device, typer.Option("--device", help="What to measure on.")]
BundleFolder = Annotated[Path, typer.Option(help="Folder of the bundle.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads of a run.")]
Rounds = Annotated[int, typer.Option(min=1, help="Measured rounds a shape.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


def main(
    device: OnDevice = Device.CPU,
    bundle: BundleFolder = ROOT / "assets" / "models" / "house",
    threads: Threads = 1,
    rounds: Rounds = 100,
    json_file: JsonFile = None,
) -> None:
    """Time the forms of a bundle's text graph on a device and compare their vectors."""
    console = Console()
    try:
        opened = load_bundle(bundle)
        forms, label = open_forms(opened, device, threads)
    except ReparteeError as error:
        typer.echo(f"Nothing was measured. {error}", err=True)
        raise typer.Exit(2) from error
    encoder = TextEncoder(opened)
    messages = [ids for ids in (encoder.tokenise(text).ids for text in SAMPLES) if ids]
    spreads = time_forms(forms, np.concatenate(messages).astype(np.int32), rounds)
    expected, _ = encoder.encode_many(messages, batch=1)
    fastest = find_fastest(forms, spreads)
    verdicts = judge(forms, spreads, compare(forms, messages, expected))
    print_spreads(console, f"One run of the text graph on {label}", spreads, "ms")
    print_verdicts(console, verdicts)
    for shape, name in fastest.items():
        console.print(f"Fastest at {shape}: {name}.", highlight=False)
    if json_file is not None:
        write_json(json_file, report(spreads, verdicts, device=label, bundle=opened.label, fastest=fastest))


def open_forms(bundle: Bundle, device: Device, threads: int) -> tuple[dict[str, Runner], str]:
    """Open each form on the device, and the int8 form on the CPU beside a GPU.

    Returns:
        The forms by name, and what the device really is.
    """
    spec = bundle.spec.text
    names = dict.fromkeys((spec.file, *spec.variants.values()))
    sessions = {name: open_session(bundle.path(name), threads=threads, device=device) for name in names}
    label = describe_device(sessions[spec.file])
    if device is not Device.CPU:
        sessions[f"{spec.file} on the CPU"] = open_session(bundle.path(spec.file), threads=threads)
    return {name: Runner(session, TEXT_OUTPUTS) for name, session in sessions.items()}, label


def time_forms(forms: dict[str, Runner], tokens: NDArray[np.int32], rounds: int) -> dict[str, Spread]:
    """Run the forms in turns on batches of every shape, filled with these tokens."""
    spreads: dict[str, Spread] = {}
    for shape in SHAPES:
        feed = _feed(np.resize(tokens, shape))
        contenders = {title(name, shape): clock(partial(_run, form, feed)) for name, form in forms.items()}
        series = interleave(contenders, rounds=rounds, warm_up=WARM_UP, progress=lambda _: None)
        spreads |= {name: spread(values) for name, values in series.items()}
    return spreads


def _feed(ids: NDArray[np.int32]) -> Feed:
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def title(name: str, shape: tuple[int, int]) -> str:
    """Name a series: the form, messages and tokens."""
    return f"{name}, {shape[0]} x {shape[1]}"


def _run(form: Runner, feed: Feed, number: int) -> None:
    form(feed)


def find_fastest(forms: dict[str, Runner], spreads: dict[str, Spread]) -> dict[str, str]:
    """Return the form with the least median of each shape."""
    return {
        f"{shape[0]} x {shape[1]}": min(forms, key=lambda name: spreads[title(name, shape)].p50)
        for shape in SHAPES
    }


def compare(
    forms: dict[str, Runner], messages: Sequence[Sequence[int]], expected: Floats
) -> dict[str, Floats]:
    """Return the cosine of each message's vector from each form to the expected one."""
    feeds = [_feed(np.array([ids], np.int32)) for ids in messages]
    vectors = {name: np.concatenate([form(feed)[0] for feed in feeds]) for name, form in forms.items()}
    return {name: np.sum(found * expected, axis=1) for name, found in vectors.items()}


def judge(forms: dict[str, Runner], spreads: dict[str, Spread], cosines: dict[str, Floats]) -> list[Verdict]:
    """Put agreement beside its limit, and give the speed in messages a second."""
    verdicts = [
        Verdict(f"{name}, cosine to int8 on the CPU, least", float(rows.min()), "", ALIKE, is_at_most=False)
        for name, rows in cosines.items()
    ]
    for name in forms:
        for shape in SHAPES:
            rate = shape[0] / spreads[title(name, shape)].p50 * 1e3
            verdicts.append(Verdict(f"{title(name, shape)}, messages", rate, "/s"))
    return verdicts


if __name__ == "__main__":
    typer.run(main)
