"""What is held out of a training: the choice is fair, reproducible, and nothing of it is learned."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.data.reactions import Message
from export.held_out import choose_held_out, held_out_codes, read_held_out, write_held_out
from export.label_opinions import annotated_only, label_opinions
from export.recipes import house_text
from export.recipes.house_vision import SMOKE
from export.text_messages import Messages
from export.vision_stage import known_gifs
from inference.errors import PackError
from inference.pack import GifSource, PackGif, read_pack
from tests.tiny import make_pack

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "packs" / "fluent"


def gif(number: int, category: str, source: GifSource) -> PackGif:
    """Return a GIF of a category."""
    return PackGif(
        id=f"{number:064x}",
        file=f"{number}.gif",
        name=f"GIF {number}",
        categories=[category],
        tags=[],
        alt_text="A picture.",
        source=source,
        licence="CC0-1.0",
    )


def test_half_of_the_shipped_pack_can_be_held_out_and_every_category_stays() -> None:
    gifs = read_pack(SHIPPED).gifs
    held_out = choose_held_out(gifs, 200)
    assert len(held_out) == 200
    kept = [item for item in gifs if item.id not in held_out]
    assert {item.categories[0] for item in kept} == {item.categories[0] for item in gifs}
    codes = held_out_codes(gifs, held_out)
    assert len(codes) > 20
    shown = {code.removesuffix("-fe0f") for item in kept for code in item.source.composed_from}
    assert not codes & shown


def test_the_choice_depends_on_seed_and_ids_alone() -> None:
    gifs = read_pack(SHIPPED).gifs
    mixed = random.Random(1).sample(gifs, len(gifs))
    assert choose_held_out(mixed, 50, seed=3) == choose_held_out(gifs, 50, seed=3)
    assert choose_held_out(gifs, 50, seed=4) != choose_held_out(gifs, 50, seed=3)


def test_an_emoji_is_held_out_together_with_what_shows_it() -> None:
    alone = gif(1, "cry", GifSource(code_point="1F622"))
    shown = gif(2, "hug", GifSource(composed_from=["1f622", "2764-fe0f"]))
    rest = [gif(number, ("cry", "hug")[number % 2], GifSource(composed_from=["1f600"])) for number in (3, 4)]
    for seed in range(8):
        held_out = choose_held_out([alone, shown, *rest], 2, seed)
        assert alone.id not in held_out or shown.id in held_out
        assert Counter(item.categories[0] for item in (alone, shown, *rest) if item.id in held_out) == {
            "cry": 1,
            "hug": 1,
        }


def test_too_many_are_refused_in_a_sentence() -> None:
    gifs = [gif(number, "cry", GifSource(composed_from=["1f600"])) for number in range(4)]
    with pytest.raises(PackError, match="Of 4 GIFs only 3 can be held out, not 4"):
        choose_held_out(gifs, 4)


def test_the_file_is_read_back_and_a_missing_one_is_named(tmp_path: Path) -> None:
    write_held_out(tmp_path / "run", frozenset({"b", "a"}))
    assert read_held_out(tmp_path / "run" / "held_out.json") == {"a", "b"}
    with pytest.raises(PackError, match="does not say which GIFs"):
        read_held_out(tmp_path / "held_out.json")


def test_a_training_gets_neither_frames_nor_emoji_that_are_held_out(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    everything = read_pack(pack).gifs
    known, without = known_gifs(replace(SMOKE, held_out=3), pack, tmp_path / "run")
    held_out = read_held_out(tmp_path / "run" / "held_out.json")
    assert {item.gif.id for item in known} == {item.id for item in everything} - held_out
    assert len(known) == len(everything) - 3
    assert without == {item.source.code_point for item in everything if item.id in held_out}


def test_without_a_teacher_the_labels_are_the_opinions() -> None:
    rows = [
        Message("a", "we won", great=("celebrate",), hold=False),
        Message("b", "he died", hold=True),
        Message("c", "nobody labelled this"),
    ]
    messages = Messages(("celebrate", "cry"), rows, 2, np.array([1]), [], fold=0)
    labelled = annotated_only(messages)
    assert [message.id for message in labelled.rows] == ["a", "b"]
    opinions = label_opinions(labelled, house_text.SMOKE)
    assert opinions.ids.tolist() == ["a", "b"]
    assert opinions.category.tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert (opinions.hold.tolist(), opinions.fold) == ([0.0, 1.0], 0)
