"""Known failures of `python -m export`: one sentence on standard error and exit code 2, no traceback."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from export.__main__ import build_app
from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import load_hybrid_clip, save_hybrid_clip
from export.data.downloads import DownloadError
from export.data.reactions import DataError
from export.failures import Failing
from export.graphs import ExportError
from export.models.config import ConfigError
from export.parity.files import CaseError
from export.training import ResumeError
from inference.errors import ReparteeError
from tests.export import tiny_hybrid


def refusal(*arguments: object) -> str:
    """Run a command that has to fail in the known way, and return its sentence."""
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(build_app(words), words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


@pytest.fixture
def reactions(tmp_path: Path) -> Path:
    """Write reaction data of one chat message."""
    judged = {"great": ["yes"], "ok": ["no"], "hold": False}
    row = {"id": "a", "text": "deal", **judged}
    files = {
        "reactions/categories.txt": "yes\nno\n",
        "reactions/goemotions/train.tsv": "fine by me\t0\tg1\n",
        "reactions/labels.jsonl": "",
        "reactions/chat.jsonl": json.dumps(row) + "\n",
        "reactions/tweeteval_emoji/train_text.txt": "hello\n",
        "reactions/tweeteval_emoji/train_labels.txt": "0\n",
        "reactbench/dev.jsonl": json.dumps({"id": "b", "text": "done", "a": judged, "b": judged}) + "\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "reactions"


def test_missing_reaction_data_are_named(tmp_path: Path) -> None:
    sentence = refusal("train", "text", "--data", tmp_path / "none", "--out", tmp_path / "out", "--smoke")
    assert f"{tmp_path / 'none'} holds no reaction data" in sentence
    assert "--data" in sentence


def test_a_text_training_without_a_teacher_says_what_to_run(reactions: Path, tmp_path: Path) -> None:
    teacher = tmp_path / "teacher"
    sentence = refusal(
        "train", "text", "--teacher", teacher, "--data", reactions, "--out", tmp_path / "out", "--smoke"
    )
    assert sentence == (
        f"Error: {teacher / 'opinions.npz'} is missing; run python -m export train teacher first.\n"
    )


@pytest.mark.parametrize("name", ["config.json", "flax_model.msgpack"])
def test_a_checkpoint_that_lacks_a_file_is_refused(name: str, tmp_path: Path) -> None:
    save_hybrid_clip(tiny_hybrid.model(tiny_hybrid.config()), tmp_path / "trained")
    (tmp_path / "trained" / name).unlink()
    sentence = refusal("onnx", "--checkpoint", tmp_path / "trained", "--out", tmp_path / "bundle")
    assert str(tmp_path / "trained" / name) in sentence
    assert "run python -m export train assemble first" in sentence
    assert not (tmp_path / "bundle").exists()


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    assert "does not exist" in refusal("parity", tmp_path)


def failing(error: Exception) -> tuple[int, str]:
    app = typer.Typer(cls=Failing, pretty_exceptions_enable=False)

    @app.callback()
    def main() -> None: ...

    @app.command()
    def work() -> None:
        raise error

    result = CliRunner().invoke(app, ["work"])
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    "error", [CaseError, CheckpointError, ConfigError, DataError, DownloadError, ExportError, ResumeError]
)
def test_every_error_of_the_export_is_a_known_one(error: type[Exception]) -> None:
    assert issubclass(error, ReparteeError)
    assert failing(error("the file\nis odd.")) == (2, "Error: the file is odd.\n")


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("runs/teacher/opinions.npz", "train teacher"),
        ("runs/text/held_out.npz", "train text"),
        ("runs/vision/config.json", "train vision"),
        ("runs/vision/weights.msgpack", "train vision"),
    ],
)
def test_a_missing_file_comes_with_the_command_that_makes_it(
    path: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as missing:
        Path(path).read_bytes()
    code, sentence = failing(missing.value)
    assert code == 2
    assert sentence.startswith(f"Error: {path} is missing; run python -m export {command}")


def test_the_text_side_of_an_assembled_model_comes_from_its_training(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as missing:
        load_hybrid_clip(tmp_path / "model")
    assert "run python -m export train text first" in failing(missing.value)[1]


def test_a_loss_that_is_no_number_and_a_full_disk_are_sentences() -> None:
    diverged = failing(FloatingPointError("the loss is nan at step 7"))[1]
    assert "the loss is nan at step 7; start again in another folder with a lower learning rate." in diverged
    full = OSError(28, "No space left on device", "runs/last.msgpack")
    assert failing(full) == (2, "Error: runs/last.msgpack cannot be used: No space left on device.\n")


def test_a_fault_of_the_program_is_not_hidden() -> None:
    assert failing(KeyError("slip"))[0] == 1
