import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inference.preprocess import (
    CLIP_MEAN,
    CLIP_STD,
    clean_text,
    clip_pixels,
    compose_square,
    normalise,
    sample_frames,
)

SHARED = Path(os.environ.get("REPARTEE_SHARED", Path(__file__).parents[3] / "shared"))
FIXTURES = SHARED / "fixtures" / "preprocess"
NAMES = sorted(json.loads((FIXTURES / "meta.json").read_text())["images"]) if FIXTURES.is_dir() else []
needs_fixtures = pytest.mark.skipif(not NAMES, reason="the shared preprocessing fixtures are not here")


@needs_fixtures
@pytest.mark.parametrize("name", NAMES)
def test_clip_pixels_agree_with_the_modern_processor(name: str) -> None:
    golden = np.load(FIXTURES / "modern.npz")
    with Image.open(FIXTURES / "images" / f"{name}.png") as image:
        pixels = clip_pixels(image)
    np.testing.assert_allclose(pixels, golden[f"{name}/pixel_values"].transpose(1, 2, 0), atol=1e-6, rtol=0)
    back = np.rint((pixels * np.array(CLIP_STD) + np.array(CLIP_MEAN)) * 255).astype(np.uint8)
    np.testing.assert_array_equal(back, golden[f"{name}/uint8"].transpose(1, 2, 0))


@needs_fixtures
@pytest.mark.parametrize("name", NAMES)
def test_clip_pixels_agree_with_the_extractor_of_2021(name: str) -> None:
    golden = np.load(FIXTURES / "y2021.npz")
    with Image.open(FIXTURES / "images" / f"{name}.png") as image:
        pixels = clip_pixels(image, crop="2021")
    np.testing.assert_allclose(pixels, golden[f"{name}/pixel_values"].transpose(1, 2, 0), atol=1e-6, rtol=0)


def test_frames_come_from_the_middle_of_equal_shares() -> None:
    assert sample_frames(list(range(36)), 4) == [4, 13, 22, 31]
    assert sample_frames([7], 4) == [7, 7, 7, 7]
    assert sample_frames("abc", 1) == ["b"]


@given(st.integers(1, 200), st.integers(1, 16))
def test_picked_frames_rise_and_follow_the_formula(n: int, count: int) -> None:
    picked = sample_frames(range(n), count)
    assert picked == [int((i + 0.5) * n / count) for i in range(count)]


@pytest.mark.parametrize(("frames", "count"), [([], 4), ([1], 0)])
def test_impossible_frame_picks_are_refused(frames: list[int], count: int) -> None:
    with pytest.raises(ValueError, match="frames"):
        sample_frames(frames, count)


def test_transparency_shows_the_background_and_the_square_is_centred() -> None:
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (5, 0, 15, 10))
    square = compose_square(image, 20, (10, 20, 30))
    assert square.shape == (20, 20, 3)
    assert square[10, 10].tolist() == [255, 0, 0]
    assert square[10, 1].tolist() == [10, 20, 30]
    assert square[1, 10].tolist() == [10, 20, 30]


def test_half_transparent_pixels_are_blended() -> None:
    square = compose_square(Image.new("RGBA", (4, 4), (200, 0, 0, 128)), 4, (0, 0, 0))
    assert 98 <= square[0, 0, 0] <= 102


def test_normalise_is_per_channel() -> None:
    pixels = np.array([[[0, 255, 51]]], np.uint8)
    np.testing.assert_allclose(
        normalise(pixels, (0.0, 0.5, 0.2), (1.0, 0.5, 0.1)), [[[0.0, 1.0, 0.0]]], atol=1e-6
    )


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("I miss\nyou\t!", "I miss you !"),
        ("  \x00\x07 ", ""),
        ("\u200b\u2060\ufeff", ""),
        ("\u200d", ""),
        ("he\u200bllo", "hello"),
        ("bad \ud83d half", "bad half"),
        ("\ufe0f", ""),
        ("so funny😂😂 😂!", "so funny face with tears of joy !"),
        ("\u2764\ufe0f", "red heart"),
        ("🤷🏽\u200d\u2640\ufe0f idk", "shrug idk"),
        ("👩\u200d🚀", "woman rocket"),
        ("go 🇩🇪", "go flag"),
        ("\U0001d4d7\U0001d4ee\uff59\u2026", "Hey..."),
        ("ich\u00a0liebe\u3000dich", "ich liebe dich"),
        ("שלום", "שלום"),
    ],
)
def test_clean_text(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


@given(st.text(st.characters(), max_size=60))
def test_clean_text_is_stable_encodable_and_on_one_line(raw: str) -> None:
    clean = clean_text(raw)
    assert clean_text(clean) == clean
    clean.encode("utf-8")
    assert "\n" not in clean
    assert clean == clean.strip()
