"""Words that are drawn here are read; what is no text is not."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from inference.frames import read_frames
from inference.ingest._ocr import CHARACTERS, Line, TextReader, find_models, is_believable

PACK = Path(__file__).parents[2] / "assets" / "packs" / "fluent" / "gifs"
NAVY = (20, 20, 90, 255)
CLEAR = (0, 0, 0, 0)


@pytest.fixture(scope="module")
def reader() -> TextReader:
    pytest.importorskip("rapidocr")
    models = find_models()
    assert models is not None, "the wheel of rapidocr has its models"
    return TextReader(models)


def still(
    *lines: str,
    size: tuple[int, int] = (480, 270),
    height: int = 36,
    fill: str = "white",
    ground: tuple[int, int, int, int] = NAVY,
) -> Image.Image:
    picture = Image.new("RGBA", size, ground)
    font = ImageFont.load_default(height)
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((12, 12 + 2 * height * number), line, fill=fill, font=font)
    return picture


@pytest.mark.parametrize("height", [16, 24, 48])
def test_a_caption_is_read(reader: TextReader, height: int) -> None:
    assert reader([still("HE DID IT", height=height)] * 4) == "HE DID IT"


@pytest.mark.parametrize("fill", ["black", "white"])
def test_words_on_nothing_are_read_in_either_colour(reader: TextReader, fill: str) -> None:
    assert reader([still("YES", size=(160, 160), fill=fill, ground=CLEAR)]) == "YES"


def test_lines_come_in_the_order_of_reading(reader: TextReader) -> None:
    assert reader([still("TOP TEXT", "BOTTOM TEXT")]) == "TOP TEXT BOTTOM TEXT"


def test_scenes_come_in_the_order_of_time(reader: TextReader) -> None:
    assert reader([still("WHAT"), still("WHAT"), still("NO WAY"), still("NO WAY")]) == "WHAT NO WAY"


def test_what_is_built_up_is_given_once(reader: TextReader) -> None:
    frames = [still("SO"), still("SO VERY"), still("SO VERY"), still("SO VERY HAPPY")]
    assert reader(frames) == "SO VERY HAPPY"


def test_a_text_of_another_scene_is_found(reader: TextReader) -> None:
    bright = Image.new("RGBA", (480, 270), (240, 200, 40, 255))
    assert reader([still("LOOK"), bright, bright, bright]) == "LOOK"


def test_tilted_words_are_read(reader: TextReader) -> None:
    assert reader([still("", "TILTED WORDS").rotate(8, fillcolor=NAVY)]) == "TILTED WORDS"


def test_a_page_of_text_is_cut_between_words(reader: TextReader) -> None:
    lines = [f"{name} of all that there is to be read" for name in ("first", "second", "third", "fourth")]
    lines += [f"{name} thing that nobody asked for here" for name in ("another", "useless", "tedious")]
    text = reader([still(*lines, size=(640, 480), height=30)])
    assert CHARACTERS - 20 < len(text) <= CHARACTERS
    assert text.startswith("first of all that there is to be read second of")


@pytest.mark.parametrize("name", ["fearful-face", "disco-dancer", "slight-smile", "medal-swings"])
def test_a_drawing_says_nothing(reader: TextReader, name: str) -> None:
    assert reader(read_frames(PACK / f"{name}.gif", 4)) == ""


def test_a_word_in_a_drawing_is_read(reader: TextReader) -> None:
    assert reader(read_frames(PACK / "bear-no.gif", 4)) == "NO"


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (700, 2)])
def test_odd_shapes_are_no_trouble(reader: TextReader, size: tuple[int, int]) -> None:
    assert reader([Image.new("RGBA", size, NAVY)] * 2) == ""


def test_nothing_is_no_trouble(reader: TextReader) -> None:
    assert reader([]) == ""


@pytest.mark.parametrize(
    ("text", "confidence", "is_kept"),
    [
        ("YES", 0.95, True),
        ("YES", 0.8, False),
        ("HELLO", 0.7, True),
        ("HELLO", 0.5, False),
        ("X", 1.0, False),
        ("0.0", 0.99, False),
        ("?!", 0.99, False),
    ],
)
def test_what_is_believed(text: str, confidence: float, is_kept: bool) -> None:
    assert is_believable(Line(text, confidence)) is is_kept


def test_it_needs_no_network_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rapidocr")

    def refuse(*arguments: Any) -> None:
        raise AssertionError("it went online")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    models = find_models()
    assert models is not None
    with caplog.at_level(logging.DEBUG):
        assert TextReader(models)([still("YES")]) == "YES"
    assert capfd.readouterr() == ("", "")
