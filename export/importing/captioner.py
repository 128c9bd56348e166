"""Writes a published ClipCap, with the picture side of a CLIP, as a bundle that describes pictures."""

from __future__ import annotations

import gc
import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy.typing as npt
from tokenizers import Tokenizer

from export.bundle import CARD_FILE, IMAGE_FILE, MEGABYTE, TOKENIZER_FILE, TOOLS
from export.caption_parts import (
    Precision,
    Progress,
    Scores,
    caption_files,
    decoder_spec,
    write_language,
    write_picture_graph,
)
from export.checkpoints.clipcap import (
    BUFFER,
    HEAD,
    TABLE,
    build_clipcap,
    infer_config,
    load_clipcap,
    published_shapes,
)
from export.checkpoints.clipcap import read_config as read_clipcap_config
from export.checkpoints.errors import CheckpointError
from export.importing.card import caption_card
from export.importing.clip_vision import ClipImage, load_clip_image
from export.importing.fit import check
from export.importing.sources import CONFIG, Source, weights_file
from export.importing.tokenizer import read_tokenizer
from export.importing.weights import read_weights, without_copies
from export.models.clipcap import ClipCap, ClipCapConfig
from inference.bundle import BUNDLE_FILE, ImageSpec
from inference.caption_bundle import CaptionSpec
from inference.preprocess import CLIP_MEAN, CLIP_STD

Array = npt.NDArray[Any]

STOP = "."
"""The original ends a caption at a full stop."""


@dataclass(frozen=True)
class CaptionWanted:
    """How a captioner is to be served.

    Attributes:
        name: name of the bundle.
        version: its version, the commit or the day.
        precision: of the linear layers.
        normalise_prefix: scale CLIP's vector to length 1; None for what the mapper's kind was trained with.
    """

    name: str
    version: str
    precision: Precision = "int8"
    normalise_prefix: bool | None = None


class CaptionSources(NamedTuple):
    """What a captioner's bundle is made of; what may have to be fetched is opened when its turn comes.

    Attributes:
        captioner: the weights, and config.json where there is one.
        words: opens GPT-2's tokenizer.
        vision: opens CLIP's weights, and config.json for a Vision Transformer; is told how many numbers the
            captioner wants of a picture.
    """

    captioner: Source
    words: Callable[[], Source]
    vision: Callable[[int], Source]


class _Parts(NamedTuple):
    """What was opened and fits together."""

    config: ClipCapConfig
    tokenizer: Tokenizer
    vision: Source
    labels: dict[str, str]


def write_captioner(
    sources: CaptionSources, wanted: CaptionWanted, folder: Path, *, progress: Progress = print
) -> CaptionSpec:
    """Export mapper, language model and picture side, check them against Flax and write the bundle.

    Args:
        sources: the checkpoints; all are read and compared before anything is written.
        wanted: how it is to be served.
        folder: where the files go; made where it is missing.
        progress: told what is being done, a line at a time.

    Raises:
        CheckpointError: a file is missing, damaged or does not fit.
        ExportError: a graph does not agree with the Flax model.
    """
    model, parts = _load(sources, progress)
    config = parts.config
    is_unit = config.kind == "transformer" if wanted.normalise_prefix is None else wanted.normalise_prefix
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BUNDLE_FILE).unlink(missing_ok=True)  # an older description does not fit what is written now
    scores: Scores = {"language": write_language(model, folder, wanted.precision, progress)}
    del model
    gc.collect()  # half a gigabyte goes before CLIP comes
    image = load_clip_image(parts.vision, width=config.prefix_size)
    scores["image"] = write_picture_side(image, folder, wanted.precision, is_unit, progress)
    (folder / TOKENIZER_FILE).write_text(parts.tokenizer.to_str(), encoding="utf-8")
    spec = CaptionSpec(
        name=wanted.name,
        version=wanted.version,
        files=caption_files(folder),
        image=_image_spec(image, config.prefix_size),
        decoder=decoder_spec(config, _stop_id(parts.tokenizer), wanted.precision),
        tokenizer=TOKENIZER_FILE,
        training=_notes(parts, is_unit),
        scores={"export": scores},
        versions={tool: importlib.metadata.version(tool) for tool in TOOLS},
    )
    _finish(spec, folder, progress)
    return spec


def _load(sources: CaptionSources, progress: Progress) -> tuple[ClipCap, _Parts]:
    """Open and read everything, the captioner first, so that its fault is told before anything is fetched.

    CLIP is read to be checked, and once more when its graph is written, so that its weights do not lie in
    memory beside GPT-2's graphs.
    """
    captioner = sources.captioner
    progress(f"Reading {captioner.label} ...")
    model = load_captioner(captioner)
    config: ClipCapConfig = model.config
    words = sources.words()
    tokenizer = read_tokenizer(words.folder, vocabulary=config.gpt2.vocab_size)
    vision = sources.vision(config.prefix_size)
    progress(f"Reading {vision.label} ...")
    load_clip_image(vision, width=config.prefix_size)
    labels = {"checkpoint": captioner.label, "CLIP": vision.label, "tokenizer": words.label}
    return model, _Parts(config, tokenizer, vision, labels)


def _finish(spec: CaptionSpec, folder: Path, progress: Progress) -> None:
    """Write the card and, last of all, the description."""
    (folder / CARD_FILE).write_text(caption_card(spec), encoding="utf-8")
    (folder / BUNDLE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n")
    size = sum(file.bytes for file in spec.files.values()) / MEGABYTE
    progress(f"Wrote {folder}: {size:.1f} MB, for inference.captioner.")


def _notes(parts: _Parts, is_unit: bool) -> dict[str, Any]:
    scaled = "yes" if is_unit else "no"
    return {**parts.labels, "mapper": parts.config.kind, "CLIP's vector is scaled to length 1": scaled}


def load_captioner(source: Source) -> ClipCap:
    """Load the model of a source; its sizes are told by config.json, else by the arrays.

    Raises:
        CheckpointError: the file is missing or damaged, or no size can be told.
        MisfitError: names or shapes do not fit.
    """
    path = weights_file(source)
    state = without_copies(read_weights(path), HEAD, TABLE)
    state = {name: array for name, array in state.items() if not BUFFER.fullmatch(name)}
    config = _config(source, state)
    check(published_shapes(config), state, source=str(path))
    _, weights = load_clipcap(state, config, source=str(path))
    return build_clipcap(config, weights, source=str(path))


def _config(source: Source, state: dict[str, Array]) -> ClipCapConfig:
    path = source.folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}.") from error
    return read_clipcap_config(source.folder) if "prefix_length" in values else infer_config(state)


def write_picture_side(
    image: ClipImage, folder: Path, precision: Precision, is_unit: bool, progress: Progress
) -> Scores:
    """Write the graph from pixels to CLIP's vector.

    Raises:
        ExportError: it does not agree with the Flax model.
    """
    function = ClipImage.normalised if is_unit else ClipImage.__call__
    return write_picture_graph(function, image, image.image_size, folder, precision, progress)


def _stop_id(tokenizer: Tokenizer) -> int:
    return int(tokenizer.encode(STOP, add_special_tokens=False).ids[0])


def _image_spec(image: ClipImage, width: int) -> ImageSpec:
    size = image.image_size
    return ImageSpec(
        file=IMAGE_FILE,
        inputs={"pixel_values": ["batch", "frames", size, size, 3]},
        outputs={"prefix": ["batch", width]},
        size=size,
        mean=list(CLIP_MEAN),
        std=list(CLIP_STD),
        background=[255, 255, 255],
        frames=1,
        framing="crop",
    )
