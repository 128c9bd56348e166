"""Anchors, weights and confidence of a model that knows no categories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from export.data.reactions import Message
from export.importing.categories import named_anchors
from export.importing.tune import Evidence, choose_messages, gif_vectors, tune, untuned
from inference.bundle import FusionSpec
from inference.pack import PackGif
from inference.vectors import unit

NAMES = ("hug", "laugh", "cry", "no")
DIM = 12
Floats = npt.NDArray[np.float32]


def gif(category: str) -> PackGif:
    return PackGif(
        id="0" * 64,
        file=f"{category}.gif",
        name=category,
        categories=[category],
        tags=[],
        alt_text=category,
        licence="none",
    )


def evidence(*, pictures_help: bool) -> Evidence:
    """Return messages that lie about their category's direction, and GIFs whose pictures do or do not."""
    random = np.random.default_rng(0)
    centres = np.eye(len(NAMES), DIM, dtype=np.float32)
    rows = random.integers(0, len(NAMES), 400)
    messages = [Message(str(n), "text", great=(NAMES[row],)) for n, row in enumerate(rows)]
    common = np.zeros(DIM, np.float32)
    common[-1] = 2.0  # all texts of such a model lie close together
    texts = unit(centres[rows] + common + random.normal(0, 0.1, (400, DIM)))
    noise = unit(random.normal(size=(len(NAMES), DIM)))
    pictures = unit(centres + 0.1 * noise) if pictures_help else noise
    return Evidence(messages, texts, [gif(name) for name in NAMES], pictures, noise)


def wrong_words() -> Floats:
    """Return anchors that put every category in another's place."""
    return np.roll(np.eye(len(NAMES), DIM, dtype=np.float32), 1, axis=0)


@pytest.mark.parametrize("pictures_help", [True, False])
def test_anchors_are_learnt_from_messages_and_measured_on_others(pictures_help: bool) -> None:
    tuned = tune(evidence(pictures_help=pictures_help), wrong_words(), NAMES)
    figures = tuned.scores["annotated messages"]
    assert figures["held out messages"] == 80
    assert figures["first GIF called great"] > 0.95
    assert figures["always the commonest category"] < 0.5
    assert tuned.notes["anchors"] == "made of labels"
    assert tuned.anchors.argmax(1).tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(np.linalg.norm(tuned.anchors, axis=1), 1, atol=1e-5)


def test_confidence_is_what_was_seen() -> None:
    random = np.random.default_rng(1)
    given = evidence(pictures_help=True)
    lost = Evidence(
        given.messages, unit(random.normal(size=given.texts.shape)), given.gifs, given.pictures, given.words
    )
    tuned = tune(lost, wrong_words(), NAMES)
    share = tuned.scores["annotated messages"]["first GIF called great"]
    scores = lost.texts @ gif_vectors(lost, tuned.anchors, tuned.fusion, NAMES).T
    promised = 1 / (1 + np.exp(-(tuned.calibration.slope * scores.max(1) + tuned.calibration.intercept)))
    assert promised.mean() == pytest.approx(share, abs=0.1)
    assert share < 0.5


def test_without_messages_nothing_is_promised_beyond_a_documented_share() -> None:
    tuned = untuned(wrong_words())
    assert 1 / (1 + np.exp(-tuned.calibration.intercept)) == pytest.approx(0.25)
    assert tuned.calibration.slope == 0
    assert tuned.fusion == FusionSpec(image=1.0, text=0.0, category=0.5)


def test_held_messages_and_those_without_an_answer_are_not_used() -> None:
    messages = [
        Message("1", "a", great=("hug",), hold=True),
        Message("2", "b"),
        *(Message(str(n), "c", great=("hug",), hold=False) for n in range(3, 9)),
    ]
    chosen = choose_messages(messages, 4)
    assert len(chosen) == 4
    assert {message.id for message in chosen} <= set("345678")
    assert choose_messages(messages, 4) == chosen


def test_anchors_of_words_leave_out_what_all_have_in_common() -> None:
    def embed(texts: Sequence[str]) -> Floats:
        rows = [[5.0, "hug" in text, "laugh" in text, "no" in text] for text in texts]
        return unit(np.asarray(rows, np.float32))

    anchors = named_anchors(["hug", "laugh", "no"], embed)
    assert anchors[:, 1:].argmax(1).tolist() == [0, 1, 2]
    assert (anchors @ anchors.T)[0, 1] < 0


def test_a_bundle_in_the_making_reads_messages_and_gifs(
    tiny_bundle: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer

    from export.importing.evidence import gather
    from export.importing.reaction import Draft
    from inference.bundle import load_bundle
    from inference.encoders import ImageEncoder, TextEncoder
    from inference.pack import read_pack

    bundle = load_bundle(tiny_bundle)
    (tmp_path / "goemotions").mkdir()
    (tmp_path / "goemotions" / "train.tsv").write_text("I miss you\t0\tone\n")
    label = '{"id": "one", "great": ["hug"], "ok": [], "hold": false}\n'
    (tmp_path / "labels.jsonl").write_text(label)
    (tmp_path / "chat.jsonl").write_text("")
    tokenizer = Tokenizer.from_file(str(bundle.path("tokenizer.json")))
    draft = Draft(tiny_bundle, bundle.spec.text, bundle.spec.image, tokenizer, bundle.spec.categories.names)
    found, named = gather(draft, tmp_path, tiny_pack, 10, Console(quiet=True))
    text, image = TextEncoder(bundle), ImageEncoder(bundle)
    np.testing.assert_allclose(found.texts[0], text.encode(text.tokenise("I miss you").ids)[0], atol=1e-6)
    first = read_pack(tiny_pack).gifs[0]
    np.testing.assert_allclose(found.pictures[0], image.encode_file(tiny_pack / first.file), atol=1e-6)
    assert named.shape == bundle.anchors.shape
