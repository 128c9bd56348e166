"""Writes the house captioner as a bundle and measures it: graphs, vocabulary, description, model card."""

import importlib.metadata
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from export.bundle import CARD_FILE, IMAGE_FILE, MEGABYTE, TOKENIZER_FILE, TOOLS, Progress
from export.caption_parts import caption_files, decoder_spec, write_language, write_picture_graph
from export.caption_smoothing import CaptionSamples
from export.captioner_card import captioner_card
from export.captioner_data import MOST_TOKENS, stop_id, token_rows
from export.captioner_measure import least_probability, measure
from export.captioner_model import Look, Seen
from export.captioner_stage import CaptionerCheckpoint
from export.data.descriptions import read_descriptions
from inference.bundle import BUNDLE_FILE, ImageSpec
from inference.caption_bundle import CaptionSpec

Scores = dict[str, Any]


def write_house_captioner(
    checkpoint: CaptionerCheckpoint,
    folder: Path,
    *,
    version: str,
    is_measured: bool = True,
    progress: Progress = print,
) -> CaptionSpec:
    """Export, check and quantise the captioner, measure it and write everything that serving needs.

    Args:
        checkpoint: The trained model.
        folder: Where the files go; made where it is missing.
        version: Of the bundle.
        is_measured: Look at the dev and test drawings; without, there is no threshold of silence.
        progress: Told what is being done, a line at a time.

    Raises:
        ExportError: A graph does not agree with the Flax model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BUNDLE_FILE).unlink(missing_ok=True)  # an older description does not fit what is written now
    if is_measured:
        checkpoint.look.least = least_probability(checkpoint.look)
        progress(f"Below a probability of {checkpoint.look.least:.3f} a picture counts as one of nothing.")
    samples = _samples(checkpoint)
    scores: Scores = {"language": write_language(checkpoint.model, folder, "int8", progress, samples)}
    size = int(checkpoint.image["size"])
    frames = int(checkpoint.image["frames"])
    scores["image"] = write_picture_graph(
        Look.__call__, checkpoint.look, size, folder, "int8", progress, frames=frames, outputs=Seen._fields
    )
    (folder / TOKENIZER_FILE).write_text(checkpoint.tokenizer.to_str(), encoding="utf-8")
    spec = _describe(checkpoint, folder, version, {"export": scores})
    _save(spec, folder)
    if is_measured:
        progress("Looking at the drawings that it is measured with ...")
        threshold, figures = measure(folder)
        decoder = msgspec.structs.replace(spec.decoder, least_log_probability=round(threshold, 4))
        spec = msgspec.structs.replace(spec, decoder=decoder, scores={**spec.scores, **figures})
        _save(spec, folder)
    total = sum(file.bytes for file in spec.files.values()) / MEGABYTE
    progress(f"Wrote {folder}: {total:.1f} MB.")
    return spec


def _samples(checkpoint: CaptionerCheckpoint) -> CaptionSamples | None:
    """Return one known thing after the other with real captions; none fits a vocabulary of made-up words."""
    every = [text for texts in list(read_descriptions().values())[::8] for text in texts]
    lengths = [len(found.ids) for found in checkpoint.tokenizer.encode_batch(every)]
    texts = [text for text, length in zip(every, lengths, strict=True) if length < MOST_TOKENS]
    if not texts:
        return None
    tokens = token_rows(checkpoint.tokenizer, texts, MOST_TOKENS)
    width = checkpoint.model.config.prefix_size
    return CaptionSamples(np.eye(width, dtype=np.float32)[np.arange(len(texts)) % width], tokens)


def _describe(checkpoint: CaptionerCheckpoint, folder: Path, version: str, scores: Scores) -> CaptionSpec:
    config, image = checkpoint.model.config, checkpoint.image
    size, width = image["size"], checkpoint.look.scale[...].shape[0]
    decoder = decoder_spec(config, stop_id(checkpoint.tokenizer), "int8")
    return CaptionSpec(
        name="captioner",
        version=version,
        files=caption_files(folder),
        image=msgspec.convert(
            {
                **image,
                "file": IMAGE_FILE,
                "inputs": {"pixel_values": ["batch", "frames", size, size, 3]},
                "outputs": {
                    "prefix": ["batch", config.prefix_size],
                    "likely": ["batch", config.prefix_size],
                    "features": ["batch", width],
                },
            },
            ImageSpec,
        ),
        decoder=msgspec.structs.replace(decoder, max_tokens=MOST_TOKENS),
        tokenizer=TOKENIZER_FILE,
        training=checkpoint.notes,
        scores=scores,
        versions={tool: importlib.metadata.version(tool) for tool in TOOLS},
    )


def _save(spec: CaptionSpec, folder: Path) -> None:
    (folder / CARD_FILE).write_text(captioner_card(spec), encoding="utf-8")
    (folder / BUNDLE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n")
