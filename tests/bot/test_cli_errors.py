import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny
from tests.bot.console import Cli, with_root


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["react", ""], "nothing to react to"),
        (["react", "\x01\x02\x1b"], "nothing to react to"),
        (["react"], "There is no message"),
        (["react", "boom", "-k", "0"], "whole number from 1"),
        (["react", "boom", "-k", "-2"], "whole number from 1"),
        (["react", "boom", "--input", "x.jsonl"], "not both"),
        (["react", "boom", "--output", "x.jsonl"], "--output goes with --input"),
        (["react", "--input", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["react", "--input", "-", "--open"], "--open goes with one message"),
        (["react", "--input", "-", "--json"], "--json goes with one message"),
        (["eval", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
    ],
)
def test_bad_requests_get_one_sentence_and_exit_code_2(cli: Cli, arguments: list[str], sentence: str) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert sentence in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert outcome.out == ""


def changed_model(folder: Path) -> dict[str, Path]:
    bundle = tiny.make_bundle(folder / "bundle")
    path = bundle / "text.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    return {"REPARTEE_BUNDLE": bundle}


def missing_model(folder: Path) -> dict[str, Path]:
    bundle = tiny.make_bundle(folder / "bundle")
    (bundle / "image.onnx").unlink()
    return {"REPARTEE_BUNDLE": bundle}


def unreadable_line(folder: Path) -> dict[str, Path]:
    pack = tiny.make_pack(folder / "pack")
    with (pack / "manifest.jsonl").open("a") as file:
        file.write("{oops\n")
    return {"REPARTEE_PACKS": pack}


def unwritable_data(folder: Path) -> dict[str, Path]:
    (folder / "file").write_text("")
    return {"REPARTEE_DATA_DIR": folder / "file" / "data"}


def bad_threads(folder: Path) -> dict[str, Path]:
    return {"REPARTEE_THREADS": Path("many")}


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (changed_model, "text.onnx has changed"),
        (missing_model, "image.onnx is missing"),
        (unreadable_line, "manifest.jsonl, line 13"),
        (unwritable_data, "REPARTEE_DATA_DIR"),
        (bad_threads, "REPARTEE_THREADS"),
    ],
)
def test_broken_surroundings_get_one_sentence_and_exit_code_2(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    break_it: Callable[[Path], dict[str, Path]],
    sentence: str,
) -> None:
    for name, value in break_it(tmp_path).items():
        monkeypatch.setenv(name, str(value))
    outcome = cli("react", "boom")
    assert outcome.code == 2
    assert sentence in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_a_real_process_fails_with_a_sentence_and_no_traceback(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARTEE_BUNDLE", "nowhere")
    command = [sys.executable, "-c", "from bot.cli import main; main()", "react", "hi"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=with_root())
    assert done.returncode == 2
    assert "No model bundle in nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize("arguments", ['"I miss you"', "--input chat.jsonl"])
def test_a_full_disk_gets_a_sentence(cli: Cli, chat: Path, arguments: str) -> None:
    command = f"{sys.executable} -c 'from bot.cli import main; main()' react {arguments} > /dev/full"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, cwd=chat.parent, env=with_root()
    )
    assert done.returncode == 2
    assert "could not be written (No space left" in done.stderr
    assert "Traceback" not in done.stderr
