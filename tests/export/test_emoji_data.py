"""The table of emoji, the names of drawings and the joint space made of them."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.data.drawings import draw, icon_names, slug, svg
from export.data.emoji import Emoji, build_table, canonical, code_point_of, is_double
from export.space import (
    CATEGORY_DIM,
    IDENTITY_DIM,
    category_anchors,
    category_vector,
    identity_projection,
    target_vectors,
    unit,
)

NAMES = {
    "😀": {"name": "grinning face", "group": "Smileys & Emotion"},
    "☺️": {"name": "smiling face", "group": "Smileys & Emotion"},
    "🤷": {"name": "person shrugging", "group": "People & Body"},
    "🤷‍♂️": {"name": "man shrugging", "group": "People & Body"},
    "👩‍🚀": {"name": "woman astronaut", "group": "People & Body"},
    "🇫🇷": {"name": "flag France", "group": "Flags"},
    "🏴‍☠️": {"name": "pirate flag", "group": "Flags"},
}
WORDS = {"😀": ["grinning_face", "smile", "big_smile", "smile"], "☺": ["relaxed"]}


def test_the_table_has_each_picture_once_with_its_words() -> None:
    table = {emoji.name: emoji for emoji in build_table(NAMES, WORDS)}
    assert set(table) == {"grinning face", "smiling face", "person shrugging", "pirate flag"}
    assert table["grinning face"].text == "grinning face, smile, big smile"
    assert table["smiling face"].code_point == "263a"
    assert table["smiling face"].keywords == ("relaxed",)


@pytest.mark.parametrize(
    ("spelling", "key"),
    [("263A-FE0F", "263a"), ("0023_fe0f_20e3", "23-20e3"), ("1F3F4 200D 2620", "1f3f4-200d-2620")],
)
def test_code_points_of_all_spellings_meet(spelling: str, key: str) -> None:
    assert canonical(spelling) == key
    assert code_point_of("".join(chr(int(part, 16)) for part in key.split("-"))) == key


def test_skin_tones_and_genders_are_doubles() -> None:
    assert is_double("1f44d-1f3fd")
    assert is_double("1f937-200d-2640")
    assert not is_double("2764-200d-1f525")


def test_drawings_are_found_by_code_point_then_by_name() -> None:
    table = [
        Emoji("1f600", "grinning face", (), "Smileys & Emotion"),
        Emoji("1f382", "birthday cake", (), "Food & Drink"),
        Emoji("23f0", "alarm clock", (), "Travel & Places"),
        Emoji("1f47d", "alien", (), "Smileys & Emotion"),
    ]
    icons: dict[str, dict[str, str]] = {
        "grinning": {},
        "grinning-face": {},
        "birthday-cake-1": {},
        "birthday-cake-2": {},
        "alarmclock": {},
    }
    found = icon_names(icons, {"1f600": "grinning"}, table)
    assert found == {"1f600": "grinning", "1f382": "birthday-cake-1", "23f0": "alarmclock"}
    assert slug("woman\u2019s hat") == "womans-hat"


def test_an_icon_is_drawn_in_its_colour_on_transparency() -> None:
    icons: dict[str, Any] = {
        "icons": {"dot": {"body": '<circle cx="8" cy="8" r="4" fill="#ff0000"/>'}},
        "width": 16,
        "height": 16,
    }
    picture = Image.fromarray(draw(svg(icons, "dot")))
    assert picture.getpixel((72, 72)) == (255, 0, 0, 255)
    assert picture.getpixel((2, 2))[3] == 0  # type: ignore[index]


def test_identity_axes_tell_pictures_apart_and_keep_neighbours() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(100, 384))
    sentences = unit(np.repeat(centres, 3, 0) + 0.3 * rng.normal(size=(300, 384)))
    identities = identity_projection(sentences)(sentences)
    assert identities.shape == (300, IDENTITY_DIM)
    alike = identities @ identities.T - 2 * np.eye(300)
    assert np.array_equal(alike.argmax(1) // 3, np.arange(300) // 3)


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot span"):
        identity_projection(np.zeros((20, 384), np.float32))


def test_a_target_weighs_categories_and_identity() -> None:
    names = [f"c{i}" for i in range(CATEGORY_DIM)]
    identity = unit(np.ones((1, IDENTITY_DIM)))
    known = category_vector(["c5", "c2"], names)
    target = target_vectors(known[None], identity)[0]
    anchors = category_anchors()
    scores = anchors @ target
    assert scores.argsort()[::-1][:2].tolist() == [5, 2]
    assert scores[2] / scores[5] == pytest.approx(0.5)
    assert np.linalg.norm(target[:CATEGORY_DIM]) == pytest.approx(0.8, abs=1e-6)
    unknown = target_vectors(category_vector([], names)[None], identity)[0]
    assert np.linalg.norm(unknown[CATEGORY_DIM:]) == pytest.approx(1.0, abs=1e-6)
