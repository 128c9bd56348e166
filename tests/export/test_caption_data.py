"""Caption JSON in both of its forms: what is found, what is left out and said, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer

from export.caption_data import Pairs, Tokens, encode, read_captions, sentence
from export.caption_prefixes import read_picture
from export.caption_smoke import write_tokenizer
from export.data.reactions import DataError

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two pictures."""
    Image.new("RGB", (9, 9), RED).save(tmp_path / "red.png")
    Image.new("RGB", (9, 9), BLUE).save(tmp_path / "blue.png")
    return tmp_path


def coco(folder: Path, *captions: tuple[Any, str], images: dict[Any, str] | None = None) -> Path:
    known = {1: "red.png", 2: "blue.png"} if images is None else images
    content = {
        "images": [{"id": key, "file_name": name, "height": 9} for key, name in known.items()],
        "annotations": [{"image_id": key, "caption": text, "id": 7} for key, text in captions],
    }
    path = folder / "captions.json"
    path.write_text(json.dumps(content))
    return path


def test_captions_find_their_pictures(folder: Path) -> None:
    path = coco(folder, (2, "A blue square "), (1, "A red square."), (2, "Something\nblue ."))
    told: list[str] = []
    found = read_captions(path, folder, progress=told.append)
    assert [picture.name for picture in found.pictures] == ["blue.png", "red.png"]
    assert found.rows.tolist() == [0, 1, 0]
    assert found.texts == ("A blue square.", "A red square.", "Something blue.")
    assert told == []


def test_a_list_finds_pictures_by_the_names_that_coco_gives_them(folder: Path) -> None:
    (folder / "val2014").mkdir()
    (folder / "red.png").rename(folder / "val2014" / "COCO_val2014_000000000042.jpg")
    (folder / "blue.png").rename(folder / "43.png")
    Image.new("RGB", (9, 9)).save(folder / "black.gif")
    notes: list[dict[str, Any]] = [
        {"image_id": "42", "caption": "red."},
        {"image_id": 43, "caption": "blue."},
    ]
    notes.append({"image_id": "x", "caption": "black.", "file_name": "black.gif"})
    (folder / "list.json").write_text(json.dumps(notes))
    found = read_captions(folder / "list.json", folder)
    assert [path.name for path in found.pictures] == ["COCO_val2014_000000000042.jpg", "43.png", "black.gif"]


def test_what_is_blank_or_without_picture_is_left_out_and_counted(folder: Path) -> None:
    path = coco(folder, (1, " "), (1, "Red."), (3, "Lost."), images={1: "red.png", 3: "lost.png"})
    told: list[str] = []
    found = read_captions(path, folder, progress=told.append)
    assert found.texts == ("Red.",)
    assert told[0].endswith("captions.json: 1 of 3 captions are blank; they are left out.")
    assert "1 of 2 pictures are not in" in told[1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not caption JSON"),
        ('{"images": []}', "missing required field `annotations`"),
        ('[{"image_id": 1, "caption": 3}]', r"Expected `str`, got `int` - at `\$\[0\].caption`"),
        ("[]", "has no captions"),
        ('[{"image_id": 1, "caption": " "}]', "1 captions, and none that is not blank"),
        ('[{"image_id": 9, "caption": "A."}]', "None of the 1 pictures .* COCO_train2014_000000000009.jpg"),
        ('[{"image_id": "' + "9" * 5000 + '", "caption": "A."}]', r"the first one is 9{100}\.\.\.$"),
        ('[{"image_id": ' + "9" * 5000 + ', "caption": "A."}]', "is not caption JSON"),
        ('[{"image_id": 1, "caption": "A.", "file_name": "' + "x" * 300 + '"}]', "None of the 1 pictures"),
        ('{"images": [], "annotations": [{"image_id": 5, "caption": "A."}]}', "such as image_id 5"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(folder: Path, content: str, sentence: str) -> None:
    path = folder / "bad.json"
    path.write_text(content)
    with pytest.raises(DataError, match=sentence) as caught:
        read_captions(path, folder)
    assert "bad.json" in str(caught.value)


def test_a_caption_ends_with_one_full_stop() -> None:
    assert sentence(" A cat .") == sentence("A  cat") == sentence("A cat...") == "A cat."
    assert sentence("What a cat!") == "What a cat!"


def small_tokenizer(folder: Path) -> Tokenizer:
    return write_tokenizer(folder, ["A red disc.", "A blue square."] * 3)


def test_tokens_are_padded_and_nothing_is_added(tmp_path: Path) -> None:
    tokenizer = small_tokenizer(tmp_path)
    found = encode(tokenizer, ["A red disc.", "A disc."], limit=20)
    assert found.ids.shape == (2, 4)
    assert found.lengths.tolist() == [4, 3]
    assert tokenizer.decode(found.ids[0].tolist()) == "A red disc."
    assert found.ids[1, 3] == 0
    told: list[str] = []
    cut = encode(tokenizer, ["A red disc.", "A"], limit=2, progress=told.append)
    assert cut.ids.shape == (2, 2)
    assert told[0].startswith("1 of 2 captions are longer than the 2 tokens")


def test_a_batch_has_each_caption_with_the_vector_of_its_picture_and_padding_behind() -> None:
    tokens = Tokens(np.array([[5, 6, 0], [7, 0, 0]], np.int32), np.array([2, 1], np.int32))
    vectors = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    batch = Pairs(tokens, np.array([1, 0], np.int32), vectors, 2).batch(np.array([1, 0]), 3)
    assert batch.tokens.tolist() == [[7, 0, 0], [5, 6, 0], [0, 0, 0]]
    assert batch.mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    assert batch.prefix.tolist() == [[1, 2], [3, 4], [0, 0]]


def test_of_an_animation_the_frame_in_the_middle_is_seen(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    square = read_picture(tmp_path / "a.gif", 4)
    assert square is not None
    assert square[0, 0].argmax() == 1
    (tmp_path / "b.png").write_bytes(b"no picture")
    frames[0].save(tmp_path / "c.png", "BMP")
    assert read_picture(tmp_path / "b.png", 4) is read_picture(tmp_path / "c.png", 4) is None
