"""What a captioner's bundle says of drawings, and what the nearest known drawing would say.

The baseline answers with the description of the training drawing whose vector is most like the picture's, by
the same vision tower.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from export.captioner_data import Captioned, Thing
from export.cider import Cider
from export.vision_eval import pixel_values
from inference.caption_bundle import CaptionBundle
from inference.caption_decoder import Caption, open_graph
from inference.captioner import PICTURE, Captioner

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
BATCH = 16
KEPT = 0.98
"""Share of right captions of the dev style that the threshold of silence lets pass."""


@dataclass(frozen=True)
class Said:
    """A caption with its mean log-probability."""

    text: str
    log_probability: float


class Sights(NamedTuple):
    """What the image graph says of pictures, as `export.captioner_model.Seen`, (n, ...) float32."""

    prefix: Floats
    likely: Floats
    features: Floats


def sights(bundle: CaptionBundle, pictures: Sequence[Pixels]) -> Sights:
    """Look at pictures, one frame each, as serving prepares them.

    Raises:
        BundleError: the image graph gives no features.
    """
    image = bundle.spec.image
    run = open_graph(bundle, image.file, {PICTURE: 3}, Sights._fields, threads=2)
    rows = []
    starts = range(0, len(pictures), BATCH)
    for start in track(starts, description="looking", console=Console(stderr=True), transient=True):
        batch = [pixel_values(picture, image.size) for picture in pictures[start : start + BATCH]]
        rows.append(run({PICTURE: np.stack(batch)[:, None]}))
    return Sights(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


def said_of(captioner: Captioner, vectors: Floats, *, beam_size: int = 1) -> list[Said]:
    """Return what is said of each of the vectors (n, prefix_size), however unsure it is."""
    found: list[Caption] = []
    for start in range(0, len(vectors), BATCH):
        found += captioner.decode(vectors[start : start + BATCH], beam_size=beam_size)
    return [Said(captioner.words(caption.ids), caption.mean_log_probability) for caption in found]


def references(things: Sequence[Thing], codes: Sequence[str]) -> Cider:
    """Return the references of the emoji that are asked for."""
    by_key = {thing.key: thing.references for thing in things}
    return Cider({code: by_key[code] for code in codes})


def is_right(cider: Cider, code: str, text: str) -> bool:
    """Say whether a caption is at least as near to the references of its own emoji as to any other's."""
    scores = cider.nearest(text)
    return bool(scores) and scores.get(code, 0.0) >= max(scores.values())


class Nearest(NamedTuple):
    """The first description of the known picture that is nearest, and the cosine to it."""

    text: str
    cosine: float


def nearest_known(known: Captioned, features: Floats, asked: Floats) -> list[Nearest]:
    """Return what the known picture nearest to each of ``asked`` shows.

    Args:
        known: the training pictures.
        features: theirs, (pictures, width) float32.
        asked: (n, width) float32.
    """
    cosines = _unit(asked) @ _unit(features).T
    found = cosines.argmax(axis=1)
    return [
        Nearest(known.things[known.labels[row]].descriptions[0], float(line[row]))
        for row, line in zip(found, cosines, strict=True)
    ]


def figures(cider: Cider, codes: Sequence[str], texts: Sequence[str]) -> dict[str, float]:
    """Return CIDEr and the share of captions that name the right thing."""
    rights = [is_right(cider, code, text) for code, text in zip(codes, texts, strict=True)]
    return {
        "cider": cider.mean(dict(zip(codes, texts, strict=True))),
        "names the right thing": float(np.mean(rights)),
    }


def silence_threshold(cider: Cider, codes: Sequence[str], said: Sequence[Said]) -> float:
    """Return the mean log-probability that nearly all right captions reach."""
    right = [
        each.log_probability
        for code, each in zip(codes, said, strict=True)
        if is_right(cider, code, each.text)
    ]
    return float(np.quantile(right, 1 - KEPT))


def served(said: Sequence[Said], threshold: float) -> list[str]:
    """Return what serving says: nothing where it is less likely than the threshold."""
    return [each.text if each.log_probability >= threshold else "" for each in said]


def with_silence(cider: Cider, codes: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """Return how often something is said, how often that is right, and the figures with silence as wrong."""
    rights = [is_right(cider, code, text) for code, text in zip(codes, texts, strict=True)]
    spoken = sum(map(bool, texts))
    return {
        "says something": spoken / len(codes),
        "of these names the right thing": sum(rights) / spoken if spoken else 0.0,
        **figures(cider, codes, texts),
    }


def surest(found: Sequence[Nearest], count: int) -> list[str]:
    """Return the texts of the so many nearest, and nothing for the others."""
    chosen = set(sorted(range(len(found)), key=lambda row: -found[row].cosine)[:count])
    return [each.text if row in chosen else "" for row, each in enumerate(found)]


def drawn(drawings: Mapping[str, Pixels], things: Sequence[Thing]) -> tuple[list[str], list[Pixels]]:
    """Return the drawings whose thing is described, in one order: code points and pictures."""
    known = {thing.key for thing in things}
    codes = sorted(code for code in drawings if code in known)
    return codes, [drawings[code] for code in codes]


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
