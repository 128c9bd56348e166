"""The house captioner end to end on made-up pictures: data, training, export, what the bundle says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from PIL import Image

from export.captioner_bundle import write_house_captioner
from export.captioner_data import NOTHING, Thing, captioned, make_tokenizer, seen_part, stop_id, token_rows
from export.captioner_scores import (
    Said,
    figures,
    is_right,
    nearest_known,
    references,
    served,
    silence_threshold,
    surest,
    with_silence,
)
from export.captioner_stage import COLOURS, VISION, CaptionerCheckpoint, train_house_captioner
from export.data.descriptions import read_descriptions
from export.nothings import EDGE, nothings
from export.recipes.house_captioner import SMOKE
from export.vision_model import Sight
from export.vision_stage import made_up, write
from inference.caption_bundle import load_caption_bundle
from inference.captioner import Captioner
from tests.export.tiny_clipcap import quick_compilation

THINGS = (
    Thing("1f408", ("A cat stands on four legs", "A whole cat from the side"), "cat"),
    Thing("1f415", ("A dog with a lolling tongue",), "dog"),
    Thing("1f697", ("A red car from the front",), "automobile"),
)
CODES = [thing.key for thing in THINGS]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished smoke run; its tower is one that learned nothing, but for time."""
    folder = tmp_path_factory.mktemp("captioner")
    tower = Sight(SMOKE.vision.config, rngs=nnx.Rngs(SMOKE.seed))
    (folder / VISION).mkdir()
    write(tower, SMOKE.vision, {}, folder / VISION)
    with quick_compilation():
        train_house_captioner(SMOKE, folder / "no_pack", (), folder)
    return folder


def test_the_bundle_names_what_was_learned_and_is_silent_about_nothing(run: Path, tmp_path: Path) -> None:
    with quick_compilation():
        spec = write_house_captioner(
            CaptionerCheckpoint.load(run), tmp_path, version="1", is_measured=False, progress=lambda _: None
        )
    assert spec.scores["export"]["language"]["fp32_max_difference"] < 1e-4
    assert load_caption_bundle(tmp_path).spec == spec
    captioner = Captioner.open(tmp_path)
    data = made_up(SMOKE.seed)
    wanted = [f"A {COLOURS[label]} disc" for label in data.labels]
    frames = [[Image.fromarray(picture)] * 4 for picture in data.pictures]
    said = captioner.describe_many(frames)
    rights = [text in (want, want[2:]) for text, want in zip(said, wanted, strict=True)]
    assert np.mean(rights) > 0.4  # by chance 0.17
    nothing = [[Image.fromarray(picture)] for picture in nothings(SMOKE.nothings, data.pictures, SMOKE.seed)]
    assert captioner.describe_many(nothing).count("") >= SMOKE.nothings // 3
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "can't" not in card
    assert "Of photographs and films it knows" in card


def test_every_emoji_has_descriptions_of_its_own() -> None:
    found = read_descriptions()
    texts = [text for each in found.values() for text in each]
    assert len(found) > 1400
    assert len(set(texts)) == len(texts)
    assert all(text.isascii() and text[0].isupper() and not text.endswith(".") for text in texts)


@pytest.mark.parametrize(
    "line", ['{"code_point": "1f408", "descriptions": []}', '{"code_point": "1f408", "descriptions": [" "]}']
)
def test_a_description_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "descriptions.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(ValueError, match="line 1"):
        read_descriptions(path)


def test_tokens_are_padded_with_what_the_loss_leaves_out() -> None:
    texts = [text for thing in THINGS for text in thing.references]
    tokenizer = make_tokenizer(texts, 300)
    rows = token_rows(tokenizer, ["A cat", NOTHING.descriptions[0]], 8)
    assert rows[1].tolist() == [stop_id(tokenizer)] + [0] * 7
    assert tokenizer.decode(rows[0].tolist()).strip() == "A cat"
    assert not np.any(rows[0][: (rows[0] == stop_id(tokenizer)).argmax()] == 0)


def test_a_caption_that_would_be_cut_is_refused() -> None:
    tokenizer = make_tokenizer(["A cat"], 300)
    with pytest.raises(ValueError, match="more than 4"):
        token_rows(tokenizer, ["A long sentence about cats"], 4)


def test_an_alt_text_of_a_composition_is_learned_without_its_meaning() -> None:
    assert seen_part("Two hands meet: it is a deal.") == "Two hands meet"
    assert seen_part("A cat.") == "A cat"


def test_pictures_of_nothing_differ_and_are_whole() -> None:
    drawings = made_up(0).pictures
    found = nothings(10, drawings, 1)
    assert all(picture.shape == (EDGE, EDGE, 4) and picture.dtype == np.uint8 for picture in found)
    assert all((picture[..., 3] == 255).all() for picture in found)
    assert len({picture.tobytes() for picture in found}) == 10
    assert all(
        np.array_equal(*pair) for pair in zip(found, nothings(10, made_up(0).pictures, 1), strict=True)
    )


def test_a_caption_is_right_where_no_other_thing_fits_better() -> None:
    cider = references(THINGS, CODES)
    assert is_right(cider, "1f408", "A cat from the side")
    assert not is_right(cider, "1f408", "A dog")
    assert not is_right(cider, "1f408", "")
    found = figures(cider, CODES, ["A cat stands on four legs", "A dog", "A cat"])
    assert found["names the right thing"] == pytest.approx(2 / 3)


def test_silence_counts_what_is_still_said() -> None:
    cider = references(THINGS, CODES)
    said = [Said("A cat", -0.1), Said("A dog", -0.2), Said("A dog", -3.0)]
    threshold = silence_threshold(cider, CODES, said)
    assert -0.2 <= threshold <= -0.1
    found = with_silence(cider, CODES, served(said, -1.0))
    assert found["says something"] == pytest.approx(2 / 3)
    assert found["of these names the right thing"] == 1.0
    assert found["names the right thing"] == pytest.approx(2 / 3)
    assert with_silence(cider, CODES, served(said, 0.0))["says something"] == 0.0


def test_the_baseline_answers_with_the_nearest_drawing() -> None:
    known = captioned(THINGS, (), (), ())
    known = replace(known, labels=np.array([2, 0, 1], np.int32))
    vectors = np.eye(3, 4, dtype=np.float32)
    asked = np.array([[0, 2, 0.1, 0], [0.1, 0, 0, 0]], np.float32)
    found = nearest_known(known, vectors, asked)
    wanted = [THINGS[0].descriptions[0], THINGS[2].descriptions[0]]
    assert [each.text for each in found] == wanted
    assert [each.cosine for each in found] == pytest.approx([1.0, 1.0], abs=0.01)
    assert surest(found, 1) == ["", wanted[1]]
