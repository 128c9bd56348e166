"""Pairs of texts and GIFs are read, or it is said which line is wrong."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.data.reactions import DataError
from export.reply_batches import batches, split
from export.reply_data import Pair, read_pairs
from export.reply_frames import Gifs, decode_gifs, find_gifs, without_unreadable

COLOURS = ("red", "lime", "blue", "white", "black")


def gif(path: Path, colours: Sequence[str] = COLOURS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = [Image.new("RGB", (9, 6), colour) for colour in colours]
    first.save(path, save_all=True, append_images=rest, duration=50)
    return path


def lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.csv"])
def test_a_folder_is_read_with_texts_on_one_line(name: str, tmp_path: Path) -> None:
    gif(tmp_path / "gifs" / "a.gif")
    rows = [
        {"text": "I miss\n you \U0001f622", "gif": "gifs/a.gif"},
        {"text": "no, never", "gif": "gifs/a.gif"},
    ]
    (table if name.endswith("csv") else lines)(tmp_path / name, rows)
    pairs = read_pairs(tmp_path)
    assert [pair.text for pair in pairs] == ["I miss you \U0001f622", "no, never"]
    assert {pair.gif for pair in pairs} == {tmp_path / "gifs" / "a.gif"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"text": "hi", "gif": "b.gif"}', r"pairs\.jsonl, line 2: there is no GIF .*b\.gif"),
        ('{"text": " \\n", "gif": "a.gif"}', r"line 2: the field 'text' is missing or empty"),
        ('{"text": "\\u200b", "gif": "a.gif"}', r"line 2: nothing readable is in the text"),
        ('{"text": "hi", "gif": "' + "b" * 300 + '"}', r"line 2: there is no GIF .*bbb"),
        ('{"text": "hi"}', r"line 2: the field 'gif' is missing"),
        ('{"text": "hi",', r"line 2: not JSON"),
        ('["hi", "a.gif"]', r"line 2: no named fields"),
    ],
)
def test_a_bad_line_is_named(row: str, message: str, tmp_path: Path) -> None:
    gif(tmp_path / "a.gif")
    (tmp_path / "pairs.jsonl").write_text('{"text": "hi", "gif": "a.gif"}\n' + row + "\n")
    with pytest.raises(DataError, match=message):
        read_pairs(tmp_path)


def test_a_folder_without_pairs_and_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither of pairs\.jsonl and pairs\.csv"):
        read_pairs(tmp_path)
    for name, content in (("pairs.jsonl", "\n"), ("pairs.csv", "text,gif\n")):
        (tmp_path / name).write_text(content)
        with pytest.raises(DataError, match=rf"{name} has no pairs: it needs lines such as"):
            read_pairs(tmp_path)
        (tmp_path / name).unlink()
    with pytest.raises(DataError, match="neither a folder"):
        read_pairs(tmp_path / "ids.json")


def test_ids_get_texts_and_gifs_and_what_lacks_one_is_counted(tmp_path: Path) -> None:
    ids = [{"idx": n, "original_id": f"1{n}", "reply_id": f"2{n}", "label": "hug"} for n in range(4)]
    source = lines(tmp_path / "ids.json", ids)
    texts = table(tmp_path / "texts.csv", [{"id": f"1{n}", "text": f"text {n}"} for n in (0, 1, 3)])
    for n in (0, 2, 3):
        gif(tmp_path / "gifs" / f"2{n}.gif")
    told: list[str] = []
    pairs = read_pairs(source, texts=texts, gifs=tmp_path / "gifs", tell=told.append)
    assert [(pair.text, pair.gif.name) for pair in pairs] == [("text 0", "20.gif"), ("text 3", "23.gif")]
    assert told == [f"{source}: 2 of 4 lines left out, 1 without a text, 1 without a GIF."]
    with pytest.raises(DataError, match=r"none of its 4 lines has both a text \(4 have none\)"):
        read_pairs(source, gifs=tmp_path / "gifs")
    with pytest.raises(DataError, match="--gifs"):
        read_pairs(source, texts=texts)


def test_lines_of_ids_without_a_readable_text_are_left_out(tmp_path: Path) -> None:
    for n in (1, 5):
        gif(tmp_path / "gifs" / f"{n}.gif")
    ids = [{"original_id": str(n), "reply_id": "1"} for n in range(3)]
    # numbers of lines, which are names of other GIFs here, do not stand for an unknown reply_id
    source = lines(tmp_path / "ids.json", [*ids, {"idx": 5, "original_id": "0", "reply_id": "9"}])
    said = enumerate(["hi", "", "\u200b"])
    texts = table(tmp_path / "texts.csv", [{"id": n, "text": text} for n, text in said])
    told: list[str] = []
    pairs = read_pairs(source, texts=texts, gifs=tmp_path / "gifs", tell=told.append)
    assert [pair.text for pair in pairs] == ["hi"]
    assert told[0].endswith("3 of 4 lines left out, 2 without a text, 1 without a GIF.")
    own = lines(tmp_path / "own.json", [{"reply_id": 1, "text": text} for text in ("ho", None, " ")])
    assert [pair.text for pair in read_pairs(own, gifs=tmp_path / "gifs", tell=told.append)] == ["ho"]


def test_an_id_file_may_have_texts_and_names_of_files_itself(tmp_path: Path) -> None:
    gif(tmp_path / "gifs" / "x.gif")
    source = table(tmp_path / "ids.csv", [{"idx": "7", "text": "hello", "gif": "x.gif"}])
    pair = read_pairs(source, gifs=tmp_path / "gifs")[0]
    assert (pair.text, pair.gif) == ("hello", tmp_path / "gifs" / "x.gif")


def test_one_frame_is_the_first_and_four_are_picked_evenly_from_what_is_decoded_once(tmp_path: Path) -> None:
    gifs = find_gifs(
        [Pair("a", gif(tmp_path / "a.gif"), ""), Pair("b", gif(tmp_path / "b.gif", ["lime"]), "")]
    )
    first = decode_gifs(gifs, tmp_path, frames=1, size=8).pixels
    four = decode_gifs(gifs, tmp_path, frames=4, size=8).pixels
    assert (first.shape, four.shape) == ((2, 1, 8, 8, 3), (2, 4, 8, 8, 3))
    assert first[0, 0, 4, 4].tolist() == [255, 0, 0]
    seen = four[0, :, 4, 4].tolist()
    assert seen == [[255, 0, 0], [0, 255, 0], [255, 255, 255], [0, 0, 0]]
    (tmp_path / "a.gif").unlink()
    for frames, wanted in ((1, first), (4, four)):  # neither has replaced the other
        again = decode_gifs(gifs, tmp_path, frames=frames, size=8).pixels
        np.testing.assert_array_equal(again, wanted)


def test_pairs_whose_gif_cannot_be_read_are_left_out_and_named(tmp_path: Path) -> None:
    gif(tmp_path / "a.gif")
    (tmp_path / "b.gif").write_bytes(b"GIF89a, or not")
    Image.new("RGB", (8, 8)).save(tmp_path / "c.gif", "BMP")  # a format that is not wanted
    names = ["b.gif", "a.gif", "c.gif", "b.gif"]
    lines(tmp_path / "pairs.jsonl", [{"text": f"{row}", "gif": name} for row, name in enumerate(names)])
    pairs = read_pairs(tmp_path)
    found = find_gifs(pairs)
    for _ in range(2):  # what is wrong is kept beside the frames
        told: list[str] = []
        decoded = decode_gifs(found, tmp_path, frames=1, size=8)
        kept, gifs = without_unreadable(pairs, found, decoded.unreadable, told.append)
        assert [pair.text for pair in kept] == ["1"]
        assert decoded.pixels[gifs.of_pair[0], 0, 4, 4].tolist() == [255, 0, 0]
        assert "2 of 3 GIFs cannot be read, 3 pairs with them are left out" in told[0]
        assert f"line 1: {tmp_path / 'b.gif'}" in told[0]
        assert f"line 3: {tmp_path / 'c.gif'}" in told[0]
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(DataError, match=r"No GIF can be read; .*pairs\.jsonl, line 1: .*b\.gif"):
        without_unreadable(pairs, found, dict.fromkeys(range(3), "odd"), print)


def many(folder: Path, kinds: int, copies: int) -> list[Pair]:
    """Return pairs of distinct GIFs, each under several names and once with a text that all share."""
    pairs = []
    for kind in range(kinds):
        for copy in range(copies):
            path = gif(folder / f"{kind}-{copy}.gif", [f"#{kind * 9:02x}0000"])
            pairs.append(Pair("wow" if copy == 0 else f"{kind} {copy}", path, ""))
    return pairs


def test_neither_gifs_nor_texts_are_in_both_parts(tmp_path: Path) -> None:
    pairs = many(tmp_path, kinds=6, copies=3)
    gifs = find_gifs(pairs)
    assert len(gifs.files) == 6
    parts = split(pairs, gifs, share=0.4, batch=4, seed=0)
    assert len(parts.held_out) == 9
    assert not set(gifs.of_pair[parts.train]) & set(gifs.of_pair[parts.held_out])
    assert not {pairs[row].text for row in parts.train} & {pairs[row].text for row in parts.held_out}
    assert len(parts.train) == 6  # of 9 the three that say "wow" are left out
    with pytest.raises(DataError, match=r"6 of 18 pairs are left .* fewer than one batch of 7"):
        split(pairs, gifs, share=0.4, batch=7, seed=0)


def test_a_gif_that_most_were_answered_with_is_learned_and_a_batch_is_held_out() -> None:
    popular = int(np.random.default_rng(42).permutation(100)[0])
    of_pair = np.array([popular] * 600 + [n % 100 for n in range(400)], np.int32)
    pairs = [Pair(f"{row}", Path("x"), "") for row in range(1000)]
    parts = split(pairs, Gifs([], [], of_pair), share=0.02, batch=32, seed=42)
    assert popular in of_pair[parts.train]
    assert (len(parts.held_out), len(parts.train)) == (32, 968)
    parts = split(pairs, Gifs([], [], of_pair), share=0.1, batch=32, seed=42)
    assert len(parts.held_out) == 100
    same = Gifs([], [], np.repeat(np.arange(3, dtype=np.int32), [600, 300, 100]))
    assert len(split(pairs, same, share=0.02, batch=32, seed=0).held_out) == 400  # the two rarest


def test_a_run_that_goes_on_sees_the_batches_that_it_would_have_seen() -> None:
    rows = np.arange(10)
    whole = list(batches(rows, 4, seed=1, start=0, stop=5))
    rest = list(batches(rows, 4, seed=1, start=3, stop=5))
    np.testing.assert_array_equal(rest, whole[3:])
    assert len(set(np.concatenate(whole[:2]).tolist())) == 8
    assert not np.array_equal(whole[0], whole[2])
