"""The benchmark of own GIFs adds in every way, and its figures tell good words from none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import own_gifs
from benchmarks._own_ways import Adder, alt_text, no_words, plain_words, ways
from export.held_out import choose_held_out, write_held_out
from inference.bundle import load_bundle
from inference.pack import read_pack
from tests.tiny import CATEGORIES, make_bundle, make_pack

MESSAGES = {"a": ("I miss you", "hug"), "b": ("so funny", "laugh"), "c": ("sad tears", "cry")}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with bundle, pack, held-out GIFs and reaction data."""
    folder = tmp_path_factory.mktemp("own")
    make_bundle(folder / "bundle")
    gifs = read_pack(make_pack(folder / "pack")).gifs
    write_held_out(folder, choose_held_out(gifs, 4))
    write_data(folder)
    return folder


def write_data(folder: Path) -> None:
    """Write labels, each five times so that every fold has some, and a benchmark."""
    judged = {name: {"great": [great], "ok": [], "hold": False} for name, (_, great) in MESSAGES.items()}
    labels = [
        {"id": f"{name}{copy}", "text": text, **judged[name]}
        for copy in range(5)
        for name, (text, _) in MESSAGES.items()
    ]
    bench = [
        {"id": name, "text": text, "a": judged[name], "b": judged[name]}
        for name, (text, _) in MESSAGES.items()
    ]
    files = {
        "reactions/categories.txt": "\n".join(CATEGORIES),
        "reactions/goemotions/train.tsv": "fine\t0\tg1\n",
        "reactions/labels.jsonl": "",
        "reactions/chat.jsonl": "\n".join(map(json.dumps, labels)),
        "reactions/tweeteval_emoji/train_text.txt": "hello\n",
        "reactions/tweeteval_emoji/train_labels.txt": "0\n",
        "reactbench/dev.jsonl": "\n".join(map(json.dumps, bench)),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run(place: Path, *, grid: bool = False) -> dict[str, Any]:
    """Run the benchmark and return what it wrote."""
    bundle = place / "bundle"
    own_gifs.main(
        bundle,
        place / "held_out.json",
        shipped=bundle,
        pack=place / "pack",
        data=place / "reactions",
        grid=grid,
        json_file=place / "result.json",
    )
    content: dict[str, Any] = json.loads((place / "result.json").read_text())
    return content


def test_every_way_is_measured_and_words_that_the_model_knows_are_guessed(place: Path) -> None:
    content = run(place)
    rows = {row["way"]: row for row in content["rows"]}
    assert set(rows) == {way.name for way in ways(CATEGORIES)} | {"as shipped, seen in training"}
    assert rows["tags only"]["any_true"] == 1.0
    given, shipped = rows["tags, pixels, categories given"], rows["as shipped, seen in training"]
    assert given["guessed"] == shipped["guessed"] == 1.0
    assert given["alone_dev"] == shipped["alone_dev"]
    assert all(0.0 <= row["shown"] <= 1.0 for row in rows.values())
    # The tiny image tower's colours lie nowhere near the categories: a picture alone says nothing.
    assert rows["pixels only"]["any_true"] < 1.0


def test_other_weights_are_tried_on_the_labels(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_gifs, "GRID", {"doubt": (0.0, 1.0), "text": (0.3,)})
    tried = run(place, grid=True)["grid"]
    assert sorted(row["weights"]["doubt"] for row in tried) == [0.0, 1.0]
    assert all(
        set(row["shown"]) == set(row["ndcg5"]) == {way.name for way in ways(CATEGORIES)} for row in tried
    )


def test_words_are_left_out_as_a_way_says(place: Path) -> None:
    gif = next(gif for gif in read_pack(place / "pack").gifs if gif.name == "mic drop")
    plain = plain_words(CATEGORIES)(gif)
    assert (plain.name, plain.tags) == ("", gif.tags)
    assert (no_words(gif).name, no_words(gif).tags) == ("", [])
    assert (alt_text(gif).name, alt_text(gif).tags) == (gif.alt_text, [])


def test_a_gif_counts_as_what_was_guessed_unless_categories_are_given(place: Path) -> None:
    pack, bundle = read_pack(place / "pack"), load_bundle(place / "bundle")
    wrong = [gif for gif in pack.gifs if gif.name == "hug and tears"]
    adder = Adder(bundle, pack.folder, wrong)
    by_name = {way.name: adder.add(way).primary for way in ways(CATEGORIES)}
    assert by_name["pixels, categories given"] == ["hug"]
    assert by_name["tags only"][0] in ("hug", "cry")
