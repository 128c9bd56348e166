"""The committed pack keeps every promise of its manifest: files, sizes, motion, categories, words."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from assets.build import DEFAULT_OUT
from assets.catalogue import read_items
from assets.categories import CATEGORIES
from assets.pack import GIF_LIMIT, PACK_LIMIT
from inference.pack import PackGif, read_pack

_COMMONEST = """
    laugh agree hug thumbs_up thank_you oh_snap shrug awww thinking sigh celebrate popcorn eye_roll shocked
    facepalm applause no yes smh eww seriously ok
"""
COMMONEST = _COMMONEST.split()
"""The 15 first choices of the labelled messages, and the 15 that ReactionGIF counted most."""

UNFIT = {
    "1f595",
    "1f52b",
    "1f52a",
    "1f5e1-fe0f",
    "1f6ac",
    "1f489",
    "1f48a",
    "1f351",
    "1f346",
    "1f51e",
    "1f379",
}
DOUBLE = re.compile(r"1f3f[b-f]|200d-264[02]")


@dataclass(frozen=True)
class Frame:
    """The graphic control of one frame."""

    disposal: int
    has_transparency: bool
    delay_ms: int


def read_frames(content: bytes) -> list[Frame]:
    """Walk the blocks of a GIF file, without decompressing pictures."""
    packed = content[10]
    position = 13 + (3 << ((packed & 7) + 1) if packed & 0x80 else 0)
    frames, control = [], Frame(0, False, 0)
    while content[position] != 0x3B:
        if content[position] == 0x21:
            if content[position + 1] == 0xF9:
                flags = content[position + 3]
                delay = int.from_bytes(content[position + 4 : position + 6], "little")
                control = Frame(flags >> 2 & 7, bool(flags & 1), delay * 10)
            position += 2
        else:
            frames.append(control)
            position += 11
        while content[position]:
            position += content[position] + 1
        position += 1
    return frames


@pytest.fixture(scope="module")
def gifs() -> list[PackGif]:
    return read_pack(DEFAULT_OUT).gifs


@pytest.fixture(scope="module")
def contents(gifs: list[PackGif]) -> dict[str, bytes]:
    return {gif.file: (DEFAULT_OUT / gif.file).read_bytes() for gif in gifs}


def test_there_are_at_least_300_gifs_and_the_folder_holds_no_others(gifs: list[PackGif]) -> None:
    listed = {gif.file for gif in gifs}
    assert len(listed) == len(gifs) >= 300
    assert listed == {f"gifs/{path.name}" for path in (DEFAULT_OUT / "gifs").iterdir()}


def test_the_id_is_the_hash_of_the_file(gifs: list[PackGif], contents: dict[str, bytes]) -> None:
    wrong = [gif.file for gif in gifs if hashlib.sha256(contents[gif.file]).hexdigest() != gif.id]
    assert wrong == []
    assert len({gif.id for gif in gifs}) == len(gifs)


def test_gifs_are_small_enough_to_send(contents: dict[str, bytes]) -> None:
    assert [file for file, content in contents.items() if len(content) > GIF_LIMIT] == []
    assert sum(map(len, contents.values())) <= PACK_LIMIT


def test_gifs_are_160_px_loop_for_ever_and_run_smoothly(contents: dict[str, bytes]) -> None:
    for file, content in contents.items():
        assert content[:10] == b"GIF89a\xa0\x00\xa0\x00", file
        assert b"NETSCAPE2.0\x03\x01\x00\x00\x00" in content, file
        frames = read_frames(content)
        assert len(frames) >= 12, file
        assert {frame.delay_ms for frame in frames} <= {40, 50, 60, 70, 80}, file
        assert {(frame.disposal, frame.has_transparency) for frame in frames} == {(2, True)}, file


def test_pictures_move_and_have_a_transparent_background(contents: dict[str, bytes]) -> None:
    for file in sorted(contents)[::8]:
        with Image.open(DEFAULT_OUT / file) as picture:
            frames = [frame.convert("RGBA") for frame in ImageSequence.Iterator(picture)]
        assert frames[0].getchannel("A").getextrema() == (0, 255), file
        assert len({frame.tobytes() for frame in frames}) >= 6, file


def test_every_category_is_well_served(gifs: list[PackGif]) -> None:
    primary = Counter(gif.categories[0] for gif in gifs)
    assert {gif_category for gif in gifs for gif_category in gif.categories} == set(CATEGORIES)
    assert [name for name in CATEGORIES if primary[name] < 4] == []
    assert [name for name in COMMONEST if primary[name] < 8] == []


def test_words_describe_each_gif(gifs: list[PackGif]) -> None:
    assert len({gif.alt_text for gif in gifs}) == len({gif.name for gif in gifs}) == len(gifs)
    for gif in gifs:
        assert 30 <= len(gif.alt_text) <= 160, gif.file
        assert gif.alt_text[0].isupper(), gif.file
        assert gif.alt_text[-1] in ".!?", gif.file
        assert 5 <= len(gif.tags) <= 10, gif.file
        assert len(set(gif.tags)) == len(gif.tags), gif.file
        assert [tag for tag in gif.tags if tag != tag.lower()] == [], gif.file
        assert len(set(gif.categories)) == len(gif.categories) <= 3, gif.file


def test_every_gif_names_its_origin_and_suits_everybody(gifs: list[PackGif]) -> None:
    for gif in gifs:
        used = [gif.source.code_point] if gif.source.code_point else gif.source.composed_from
        assert bool(gif.source.package) != bool(gif.source.recipe), gif.file
        assert (gif.licence, gif.rating) == ("MIT", "g"), gif.file
        assert not UNFIT & set(used), gif.file
        assert [point for point in used if DOUBLE.search(point)] == [], gif.file


def test_the_pack_was_built_from_the_catalogue_as_it_stands(gifs: list[PackGif]) -> None:
    built = [(Path(gif.file).stem, gif.name, gif.categories, gif.tags, gif.alt_text) for gif in gifs]
    items = read_items()
    assert built == [
        (item.slug, item.name, list(item.categories), list(item.tags), item.alt_text) for item in items
    ]
