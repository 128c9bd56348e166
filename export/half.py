"""The command `python -m export half`: a bundle in, the same with a float16 text graph for GPUs out."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import onnx_ir as ir
import typer
from rich.console import Console
from tokenizers import Tokenizer

from export import agreement
from export.bundle import CARD_FILE, MEGABYTE, Progress
from export.float16 import half_text
from export.graphs import ExportError
from export.model_card import render_card
from export.samples import SAMPLES
from export.smoothing import Feeds
from inference.bundle import BUNDLE_FILE, Bundle, BundleFile, BundleSpec, load_bundle, sha256_of

HALF_FILE = "text.fp16.onnx"
DEVICE = "cuda"

ALIKE = 0.99
"""Least cosine of a message's vectors by both graphs; int8 rounds activations, so they differ a little."""

Source = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle.")]
Out = Annotated[Path, typer.Option(help="Folder of the new bundle; it may be that of the old one.")]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("half")(export_half)


def export_half(bundle: Source, out: Out) -> None:
    """Add a float16 text graph to a bundle, which workers on a GPU open instead of the int8 one."""
    console = Console(stderr=True)
    write_half(bundle, out, progress=lambda line: console.print(line, highlight=False))


def write_half(
    folder: Path, out: Path, *, texts: Sequence[str] = SAMPLES, progress: Progress = print
) -> BundleSpec:
    """Write a bundle that has a float16 text graph beside everything else of another bundle.

    Args:
        folder: the other bundle.
        out: where the new one goes; made where it is missing.
        texts: messages on which the two graphs are compared.
        progress: told what is being done, a line at a time.

    Raises:
        BundleError: the bundle is not whole.
        ExportError: the graphs do not agree.
    """
    bundle = load_bundle(folder)
    original = ir.load(bundle.path(bundle.spec.text.file))
    progress("Turning integers back into numbers of half precision ...")
    half = half_text(original.clone())
    report = compare(original, half, sample_batches(bundle, texts))
    progress(f"Cosine to {bundle.spec.text.file}: at least {report['cosine_min']:.4f}.")
    _copy(bundle, out)
    (out / HALF_FILE).write_bytes(ir.to_proto(half).SerializeToString(deterministic=True))
    spec = describe(bundle.spec, out / HALF_FILE, report)
    _write_last(out / BUNDLE_FILE, msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n")
    (out / CARD_FILE).write_text(render_card(spec), encoding="utf-8")
    progress(f"Wrote {out / HALF_FILE}: {spec.files[HALF_FILE].bytes / MEGABYTE:.1f} MB.")
    return spec


def compare(original: ir.Model, half: ir.Model, batches: Sequence[Feeds]) -> dict[str, float]:
    """Return how two forms of the text graph agree on the CPU.

    Raises:
        ExportError: they do not.
    """
    rows, hold = agreement.cosines(original, half, batches)
    if not rows.min() >= ALIKE:
        raise ExportError(
            f"The float16 graph does not agree with the one it is made of: the cosine of a message's vectors "
            f"is {rows.min():.4f}, less than {ALIKE}."
        )
    return {
        "cosine_min": float(rows.min()),
        "cosine_mean": float(rows.mean()),
        "hold_max_difference": hold,
    }


def sample_batches(bundle: Bundle, texts: Sequence[str]) -> list[Feeds]:
    """Tokenise texts one by one, as serving does."""
    tokenizer = Tokenizer.from_file(str(bundle.path(bundle.spec.tokenizer)))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=bundle.spec.text.max_tokens)
    rows = [np.array([tokenizer.encode(text).ids], np.int32) for text in texts]
    return [{"input_ids": row, "attention_mask": np.ones_like(row)} for row in rows]


def describe(spec: BundleSpec, file: Path, report: dict[str, float]) -> BundleSpec:
    """Return the description of a bundle with the float16 graph added."""
    exported: dict[str, Any] = spec.scores.get("export", {})
    return msgspec.structs.replace(
        spec,
        files={**spec.files, file.name: BundleFile(sha256_of(file), file.stat().st_size)},
        text=msgspec.structs.replace(spec.text, variants={**spec.text.variants, DEVICE: file.name}),
        scores={**spec.scores, "export": {**exported, "text_fp16_against_int8": report}},
    )


def _copy(bundle: Bundle, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if out.samefile(bundle.folder):
        return
    for name in bundle.spec.files:
        shutil.copyfile(bundle.path(name), out / name)


def _write_last(path: Path, content: bytes) -> None:
    """Replace the description in one step, so that no reader meets half of it."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)
