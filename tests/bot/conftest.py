"""The command line over the tiny bundle and pack, with a catalogue that is already made."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bot.cli import main
from inference.engine import Engine
from tests.bot.console import Cli, Outcome


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
