"""How good a captioner's bundle is: drawings of two styles that it has not learned, pictures of nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from export.captioner_data import Captioned, captioned
from export.captioner_scores import (
    Floats,
    Said,
    drawn,
    figures,
    nearest_descriptions,
    prefixes,
    references,
    said_of,
    silence_threshold,
    with_silence,
)
from export.captioner_stage import known_things
from export.data.drawings import drawings
from export.data.emoji import emoji_table
from export.data.styles import DEV_STYLE, TEST_STYLE, TRAINING_STYLES, Style
from export.nothings import nothings
from inference.captioner import Captioner

UNSEEN_NOTHINGS = 300
UNSEEN_SEED = 1_000
BEAMS = 4
Scores = dict[str, Any]


def measure(captioner: Captioner) -> tuple[float, Scores]:
    """Return the threshold of silence, chosen on the dev style, and the figures of both styles.

    Raises:
        DownloadError: The drawings could not be fetched.
    """
    table, things = emoji_table(), known_things()
    known = captioned(things, TRAINING_STYLES, table, ())
    seen = prefixes(captioner, known.pictures)
    unseen = prefixes(captioner, nothings(UNSEEN_NOTHINGS, known.pictures, UNSEEN_SEED))
    threshold, dev = _style(captioner, DEV_STYLE, known, seen, None)
    _, test = _style(captioner, TEST_STYLE, known, seen, threshold)
    return threshold, {
        "OpenMoji drawings, a style not trained on": test,
        "EmojiOne 1 drawings, which chose among checkpoints and set the threshold": dev,
        "pictures of nothing": {"says something": spoken(said_of(captioner, unseen), threshold)},
    }


def spoken(said: Sequence[Said], threshold: float) -> float:
    """Return the share of captions that are said under a threshold."""
    return float(np.mean([bool(each.text) and each.log_probability >= threshold for each in said]))


def _style(
    captioner: Captioner, style: Style, known: Captioned, seen: Floats, threshold: float | None
) -> tuple[float, Scores]:
    codes, pictures = drawn(drawings(style, emoji_table()), known.things)
    cider = references(known.things, codes)
    vectors = prefixes(captioner, pictures)
    said = said_of(captioner, vectors)
    beams = said_of(captioner, vectors, beam_size=BEAMS)
    chosen = silence_threshold(cider, codes, said) if threshold is None else threshold
    return chosen, {
        "drawings": len(codes),
        "captioner": figures(cider, codes, [each.text for each in said]),
        f"captioner, {BEAMS} beams": figures(cider, codes, [each.text for each in beams]),
        "nearest known drawing": figures(cider, codes, nearest_descriptions(known, seen, vectors)),
        "captioner, silent where unsure": with_silence(cider, codes, said, chosen),
    }
