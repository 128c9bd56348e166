"""The benchmark of devices measures every form of the text graph, or says why it measures nothing."""

import json
import shutil
from pathlib import Path

import onnxruntime as ort
import pytest
import typer
from typer.testing import CliRunner

from benchmarks import device
from inference.sessions import CUDA_PROVIDER
from tests import tiny


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer(add_completion=False)
    made.command()(device.main)
    return made


def test_every_form_is_timed_and_compared(app: typer.Typer, tmp_path: Path) -> None:
    folder = tiny.make_bundle(tmp_path / "bundle")
    shutil.copy(folder / "text.onnx", folder / "text.fp16.onnx")
    tiny.add_variant(folder, "cuda", "text.fp16.onnx")
    file = tmp_path / "device.json"
    done = CliRunner().invoke(app, ["--bundle", str(folder), "--rounds", "2", "--json", str(file)])
    assert done.exit_code == 0, done.output
    measured = json.loads(file.read_text())
    assert measured["device"].startswith("CPU, 1 thread")
    assert len(measured["series"]) == 2 * len(device.SHAPES)
    assert set(measured["fastest"].values()) <= {"text.onnx", "text.fp16.onnx"}
    alike = [figure for figure in measured["figures"] if "cosine" in figure["what"]]
    assert [figure["is_met"] for figure in alike] == [True, True]


@pytest.mark.skipif(CUDA_PROVIDER in ort.get_available_providers(), reason="onnxruntime-gpu is installed")
def test_a_missing_gpu_is_said_and_nothing_is_written(
    app: typer.Typer, tiny_bundle: Path, tmp_path: Path
) -> None:
    file = tmp_path / "device.json"
    options = ["--device", "cuda", "--bundle", str(tiny_bundle), "--json", str(file)]
    failed = CliRunner().invoke(app, options)
    assert failed.exit_code == 2
    assert "Nothing was measured. The installed onnxruntime was built without CUDA" in failed.output
    assert not file.exists()
