import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from tests.bot.console import Cli, names, with_root


def test_index_builds_the_catalogue(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(tmp_path / "new"))
    outcome = cli("index")
    assert outcome.out == f"12 GIFs are ready in {tmp_path / 'new' / 'catalogue.sqlite'}.\n"
    before = cli("react", "boom", "--json").out
    assert cli("index", "--fresh").code == 0
    assert cli("react", "boom", "--json").out == before


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli("--version").out.startswith("repartee ")


@pytest.mark.parametrize(
    ("arguments", "example"),
    [
        (["--help"], 'repartee react "I miss you"'),
        (["react", "--help"], "repartee react --input chat.jsonl --output gifs.jsonl"),
        (["eval", "--help"], "repartee eval messages.jsonl --json figures.json"),
    ],
)
def test_help_teaches_by_examples(cli: Cli, arguments: list[str], example: str) -> None:
    assert example in cli(*arguments).out


PROCESS = """
import sys
from bot.cli import main
try:
    main()
finally:
    print(*sorted({"PIL", "hnswlib", "onnx"} & sys.modules.keys()), file=sys.stderr)
"""


def test_a_real_process_answers_without_loading_what_it_does_not_need(cli: Cli) -> None:
    command = [sys.executable, "-c", PROCESS, "react", "I miss you", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=with_root())
    assert names(json.loads(done.stdout))[0] == "hug.gif"
    assert done.stderr.strip() == ""


@pytest.fixture
def accented_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pack = tiny.make_pack(tmp_path / "pack", [("hug.gif", "étreinte \u4f60", ["hug"], [])])
    monkeypatch.setenv("REPARTEE_PACKS", str(pack))
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(tmp_path))
    return pack


@pytest.mark.parametrize(("encoding", "name"), [("ascii", "?treinte ?"), ("latin-1", "étreinte ?")])
def test_what_the_encoding_of_a_terminal_lacks_is_replaced(
    cli: Cli, accented_pack: Path, encoding: str, name: str
) -> None:
    done = run_encoded(encoding, "react", "I miss you")
    assert done.returncode == 0
    assert name in done.stdout.decode(encoding)
    assert b"########  94 %" in done.stdout
    assert done.stderr == b""


def test_json_is_utf_8_whatever_the_terminal(cli: Cli, accented_pack: Path) -> None:
    done = run_encoded("ascii", "react", "I miss you", "--json")
    assert json.loads(done.stdout)["gifs"][0]["alt_text"] == "A block moves: étreinte \u4f60."


def run_encoded(encoding: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from bot.cli import main; main()", *arguments]
    environment = with_root() | {"PYTHONIOENCODING": encoding}
    return subprocess.run(command, capture_output=True, check=False, env=environment)
