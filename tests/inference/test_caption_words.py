"""What a captioner says is one clean sentence, whatever its tokens spell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.captioner import CAPTION_CHARACTERS, Captioner, first_sentence
from inference.preprocess import CANVAS, compose_square
from tests.tiny_captioner import make_captioner

RED = Image.new("RGB", (4, 4), (255, 0, 0))


def test_nothing_in_a_caption_steers(tmp_path: Path) -> None:
    words = ["?", "Red", "Green", "Blue", " \x1b[31mblocks\x00\x07\u202e", " mo\u2028ve", "."]
    caption = Captioner.open(make_captioner(tmp_path, vocabulary=words)).describe([RED])
    assert caption == "Red [31mblocks mo ve."


def test_a_caption_has_an_end(tmp_path: Path) -> None:
    words = ["?", "Red", "Green", "Blue", " blocks" * 1500, " move", "."]
    caption = Captioner.open(make_captioner(tmp_path, vocabulary=words)).describe([RED])
    assert CAPTION_CHARACTERS - 10 < len(caption) <= CAPTION_CHARACTERS
    assert caption.endswith(" blocks…")


def test_a_caption_without_a_word_is_none(tmp_path: Path) -> None:
    words = ["?", "!", "Green", "Blue", "\u200b", "...", "."]
    assert Captioner.open(make_captioner(tmp_path, vocabulary=words)).describe([RED]) == ""


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Mr. Bean waves. He is late.", "Mr. Bean waves."),
        ("a cat vs. a dog. It barks.", "a cat vs. a dog."),
        ("The U.S. flag waves! Really.", "The U.S. flag waves!"),
        ("They dance first. Then rest.", "They dance first."),
    ],
)
def test_an_abbreviation_ends_no_sentence(said: str, wanted: str) -> None:
    assert first_sentence(said) == wanted


def test_a_thin_picture_does_not_fill_the_memory() -> None:
    square = compose_square(Image.new("RGB", (40, 20 * CANVAS), (255, 0, 0)), 64, (255, 255, 255))
    assert square.shape == (64, 64, 3)
    np.testing.assert_array_equal(square[:, 0], 255)
    assert (square[:, 31:33, 0] == 255).all()
    assert (square[:, 31:33, 1] < 255).all()
