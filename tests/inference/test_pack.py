import json
from pathlib import Path
from typing import Any

import pytest

from inference.errors import PackError
from inference.pack import read_pack
from tests import tiny


def lines(pack: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (pack / "manifest.jsonl").read_text().splitlines()]


def write(folder: Path, entries: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.jsonl").write_text("\n".join(json.dumps(entry) for entry in entries))
    return folder


def test_a_pack_keeps_the_order_of_its_manifest(tiny_pack: Path) -> None:
    pack = read_pack(tiny_pack)
    assert pack.name == "tiny"
    assert [gif.file for gif in pack.gifs] == [f"gifs/{file}" for file, *_ in tiny.GIFS]
    assert pack.gifs[0].source.code_point == "1f600"


def test_blank_lines_and_unknown_fields_are_no_trouble(tiny_pack: Path, tmp_path: Path) -> None:
    first, second = lines(tiny_pack)[:2]
    text = f"\n{json.dumps(first | {'later': 1})}\r\n\n{json.dumps(second)}\n\n"
    (tmp_path / "manifest.jsonl").write_text(text)
    assert [gif.name for gif in read_pack(tmp_path).gifs] == ["hug", "cry"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tiny_pack: Path, tmp_path: Path) -> None:
    text = (tiny_pack / "manifest.jsonl").read_text()
    (tmp_path / "manifest.jsonl").write_text(text, encoding="utf-8-sig")
    assert read_pack(tmp_path).gifs == read_pack(tiny_pack).gifs


def test_gifs_share_the_strings_that_they_have_in_common(tiny_pack: Path) -> None:
    one, two = (gif for gif in read_pack(tiny_pack).gifs if gif.name in ("cry", "cry for love"))
    assert one.categories[0] is two.categories[0]
    assert one.licence is two.licence
    assert one.source.package is two.source.package


def test_the_digest_follows_the_manifest(tiny_pack: Path, tmp_path: Path) -> None:
    entries = lines(tiny_pack)
    before = read_pack(write(tmp_path / "a", entries)).digest
    entries[3]["tags"] = ["new"]
    assert read_pack(write(tmp_path / "a", entries)).digest != before


def test_an_unreadable_line_is_named_by_file_and_number(tiny_pack: Path, tmp_path: Path) -> None:
    text = (tiny_pack / "manifest.jsonl").read_text().splitlines()
    text[2] = text[2][:40]
    (tmp_path / "manifest.jsonl").write_text("\n".join(text))
    with pytest.raises(PackError, match=r"manifest\.jsonl, line 3: not a usable GIF entry"):
        read_pack(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": "abc"}, "id"),
        ({"categories": []}, "categories"),
        ({"categories": ["a", "b", "c", "d"]}, "categories"),
        ({"alt_text": ""}, "alt_text"),
        ({"file": 7}, "file"),
        ({"file": "../../etc/passwd"}, "outside of the pack"),
        ({"file": "/etc/passwd"}, "outside of the pack"),
    ],
)
def test_a_line_that_breaks_the_format_is_refused(
    tiny_pack: Path, tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    entries = lines(tiny_pack)[:3]
    entries[1] |= change
    with pytest.raises(PackError, match=rf"line 2.*{sentence}"):
        read_pack(write(tmp_path / "p", entries))


def test_a_gif_listed_twice_is_refused(tiny_pack: Path, tmp_path: Path) -> None:
    first = lines(tiny_pack)[0]
    with pytest.raises(PackError, match=r"line 2: the GIF gifs/hug\.gif is listed twice"):
        read_pack(write(tmp_path / "p", [first, first]))


def test_missing_and_empty_manifests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="REPARTEE_PACKS"):
        read_pack(tmp_path / "nowhere")
    with pytest.raises(PackError, match="lists no GIF"):
        read_pack(write(tmp_path / "p", []))
