"""How good a captioner's bundle is: drawings of two styles that it has not learned, pictures of nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from export.captioner_data import Captioned, captioned
from export.captioner_model import Features, Look
from export.captioner_scores import (
    Floats,
    Said,
    drawn,
    figures,
    nearest_known,
    references,
    said_of,
    served,
    sights,
    silence_threshold,
    surest,
    with_silence,
)
from export.captioner_stage import known_things
from export.data.drawings import drawings
from export.data.emoji import emoji_table
from export.data.styles import DEV_STYLE, TEST_STYLE, TRAINING_STYLES, Style
from export.nothings import nothings
from export.vision_data import pack_frames
from inference.caption_bundle import CaptionBundle, load_caption_bundle
from inference.captioner import Captioner

UNSEEN_NOTHINGS = 300
UNSEEN_SEED = 1_000
PACK = Path(__file__).resolve().parents[1] / "assets" / "packs" / "fluent"
FRAMES = 4
BEAMS = 4
SURE = 0.9
"""Share of rightly named dev drawings that count as sure."""
Scores = dict[str, Any]


def measure(folder: Path, pack: Path = PACK) -> tuple[float, Scores]:
    """Return the threshold of silence, chosen on the dev style, and the figures of both styles.

    Args:
        folder: of a bundle of the house captioner; the threshold that it has does not count.
        pack: whose frames it was trained on; the baseline knows them, too.

    Raises:
        DownloadError: The drawings could not be fetched.
    """
    known = captioned(known_things(), TRAINING_STYLES, emoji_table(), pack_frames(pack, FRAMES))
    bundle = load_caption_bundle(folder)
    captioner = Captioner(bundle, threads=2)
    seen = sights(bundle, known.pictures).features
    unseen = sights(bundle, nothings(UNSEEN_NOTHINGS, known.pictures, UNSEEN_SEED)).prefix
    judge = _Judge(captioner, bundle, known, seen)
    threshold, dev = judge.style(DEV_STYLE, None)
    _, test = judge.style(TEST_STYLE, threshold)
    return threshold, {
        "OpenMoji drawings, a style not trained on": test,
        "EmojiOne 1 drawings, which chose among checkpoints and set the threshold": dev,
        "pictures of nothing": {"says something": spoken(said_of(captioner, unseen), threshold)},
    }


def spoken(said: Sequence[Said], threshold: float) -> float:
    """Return the share of captions that are said under a threshold."""
    return float(np.mean([bool(each.text) and each.log_probability >= threshold for each in said]))


def least_probability(look: Look) -> float:
    """Return the probability of the likeliest thing that most rightly named dev drawings reach.

    Raises:
        DownloadError: The drawings could not be fetched.
    """
    rows = {thing.key: row for row, thing in enumerate(known_things())}
    codes, pictures = drawn(drawings(DEV_STYLE, emoji_table()), known_things())
    features = Features(look.tower).plain(pictures) * np.asarray(look.scale[...])
    logits = features @ np.asarray(look.kernel[...]) + np.asarray(look.bias[...])
    is_right = logits.argmax(axis=1) == [rows[code] for code in codes]
    surest = np.asarray(jax.nn.softmax(logits)).max(axis=1)
    return float(np.quantile(surest[is_right], 1 - SURE))


class _Judge(NamedTuple):
    """A captioner, and the training drawings (with their features) that the baseline answers with."""

    captioner: Captioner
    bundle: CaptionBundle
    known: Captioned
    features: Floats

    def style(self, style: Style, threshold: float | None) -> tuple[float, Scores]:
        """Return the threshold, chosen here where there is none, and the figures of a style."""
        codes, pictures = drawn(drawings(style, emoji_table()), self.known.things)
        cider = references(self.known.things, codes)
        found = sights(self.bundle, pictures)
        said = said_of(self.captioner, found.likely)
        beams = said_of(self.captioner, found.likely, beam_size=BEAMS)
        nearest = nearest_known(self.known, self.features, found.features)
        chosen = silence_threshold(cider, codes, said) if threshold is None else threshold
        spoken = served(said_of(self.captioner, found.prefix), chosen)
        same = surest(nearest, sum(map(bool, spoken)))
        return chosen, {
            "drawings": len(codes),
            "captioner, as served": with_silence(cider, codes, spoken),
            "nearest known drawing, silent as often": with_silence(cider, codes, same),
            "captioner, made to speak": figures(cider, codes, [each.text for each in said]),
            f"captioner, made to speak, {BEAMS} beams": figures(cider, codes, [each.text for each in beams]),
            "nearest known drawing": figures(cider, codes, [each.text for each in nearest]),
        }
