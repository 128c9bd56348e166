"""The command line and the Discord bot over the tiny bundle and pack, whose catalogue is made already."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest

from bot.cli import main
from inference.engine import Engine
from tests.bot.console import Cli, Outcome
from tests.bot.stage import Stage, playing
from tests.discord_side.server import DiscordSide


@pytest.fixture(scope="session")
def warm_data(tiny_bundle: Path, tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm")
    Engine.open(tiny_bundle, [tiny_pack], folder / "catalogue.sqlite")
    return folder


@pytest.fixture
def cli(
    tiny_bundle: Path,
    tiny_pack: Path,
    warm_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    monkeypatch.setenv("REPARTEE_BUNDLE", str(tiny_bundle))
    monkeypatch.setenv("REPARTEE_PACKS", str(tiny_pack))
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(warm_data))
    monkeypatch.setenv("REPARTEE_CAPTIONER", "none")

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["repartee", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    texts = ["I miss you", "so funny", "he died", "boom", "\U0001f602"] * 3
    lines = [json.dumps({"id": f"m{n}", "text": text, "channel": "x"}) for n, text in enumerate(texts)]
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(lines) + "\n\n")
    return path


@pytest.fixture
async def side(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordSide]:
    """Run a stand-in of Discord; whatever it was sent must be right."""
    monkeypatch.setattr(discord.http.Route, "BASE", "")  # the bot sets it; so it is put back afterwards
    async with DiscordSide(shards=1) as opened:  # for each further one discord.py waits five seconds
        yield opened
        assert opened.violations == []


@pytest.fixture
async def stage(side: DiscordSide, tiny_engine: Engine, tmp_path: Path) -> AsyncIterator[Stage]:
    """Connect the bot, as it is by default: without the right to read messages."""
    async with playing(side, tiny_engine, tmp_path) as opened:
        yield opened


@pytest.fixture
async def listening(side: DiscordSide, tiny_engine: Engine, tmp_path: Path) -> AsyncIterator[Stage]:
    """Connect the bot with the message-content intent."""
    async with playing(side, tiny_engine, tmp_path, reads_messages=True) as opened:
        yield opened
