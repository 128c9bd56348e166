"""Where a GIF is shown its alt text goes along: within what the platform takes, and never empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.discord._posting import MAX_ALT_TEXT, gif_file
from bot.discord._preview import preview_view
from bot.records import Preview
from bot.slack._uploads import key_of
from bot.slack._words import BLOCK_ALT_TEXT, FILE_ALT_TEXT
from inference.engine import Engine
from inference.protocol import Reaction
from tests import tiny
from tests.bot.slack_stage import playing
from tests.slack_side.server import SlackSide

LONG = "An *arrow* & a <letter> fly over a lake. "


def reaction(path: Path, alt_text: str) -> Reaction:
    return Reaction(
        id="0" * 64,
        file=str(path),
        name="mic drop",
        categories=["mic_drop"],
        alt_text=alt_text,
        score=0.0,
        confidence=0.0,
        why="",
        code_point="",
    )


@pytest.mark.parametrize(
    ("alt_text", "beginning", "ending"),
    [(LONG * 100, LONG, "…"), ("A hug.", "A hug.", "A hug."), (" \n", "Mic drop.", "Mic drop.")],
)
def test_in_discord_a_file_has_one(tmp_path: Path, alt_text: str, beginning: str, ending: str) -> None:
    path = tmp_path / "x.gif"
    path.write_bytes(b"GIF89a")
    told = gif_file(reaction(path, alt_text)).description or ""
    assert told.startswith(beginning)
    assert told.endswith(ending)
    assert len(told) <= MAX_ALT_TEXT


def test_in_discord_a_preview_has_one_for_each(tmp_path: Path) -> None:
    texts = [LONG * 100, "A hug.", " "]
    reactions = [reaction(tmp_path / "x.gif", text) for text in texts]
    preview = Preview(
        id="x" * 24, asker="1", channel="2", guild="3", target="", reactions=reactions, is_held=False
    )
    laid = json.dumps(preview_view(preview).to_components(), ensure_ascii=False)  # type: ignore[no-untyped-call]
    assert '"description": "A hug."' in laid
    assert laid.count("Mic drop.") == 2
    assert laid.count("…") == 2


def test_in_slack_a_file_with_another_alt_text_is_another_file(tmp_path: Path) -> None:
    keys = [key_of("T1", reaction(tmp_path, text)) for text in ("A hug.", "A hug.", "Two bears hug.")]
    assert keys[0] == keys[1] != keys[2]


async def test_in_slack_previews_and_files_have_one(tiny_bundle: Path, tmp_path: Path) -> None:
    pack = tiny.make_pack(tmp_path / "pack")
    manifest = pack / "manifest.jsonl"
    lines = [json.loads(line) | {"alt_text": LONG * 100} for line in manifest.read_text().splitlines()]
    manifest.write_text("\n".join(map(json.dumps, lines)))
    engine = Engine.open(tiny_bundle, [pack], tmp_path / "catalogue.sqlite")
    async with SlackSide() as side, playing(side, engine, tmp_path):
        ann = side.people["ann"]
        preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
        for told in preview.alt_texts:
            assert BLOCK_ALT_TEXT - 10 < len(told) <= BLOCK_ALT_TEXT
            assert told.endswith("…")
        pressed = await side.press(ann, preview, "Send 1")
        told = (await pressed.shared()).files[0].alt_text
        assert FILE_ALT_TEXT - 10 < len(told) <= FILE_ALT_TEXT
        assert told.endswith("…")
        assert side.violations == []
