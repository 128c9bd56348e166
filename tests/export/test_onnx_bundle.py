"""A written bundle is what serving reads: verified, complete, described, and refused when it was changed."""

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import onnx_ir as ir
import pytest
from flax import nnx
from PIL import Image
from typer.testing import CliRunner

from export import bundle
from export.__main__ import build_app
from export.checkpoints.errors import CheckpointError
from export.graphs import ExportError
from export.house_checkpoint import HouseCheckpoint
from inference.bundle import BundleSpec, load_bundle
from inference.encoders import ImageEncoder, TextEncoder
from inference.errors import BundleError
from tests.export import onnx_house


def test_serving_embeds_a_message_as_the_flax_model_does(house: HouseCheckpoint, house_bundle: Path) -> None:
    encoder = TextEncoder(load_bundle(house_bundle))
    ids = encoder.tokenise("i miss you so").ids
    vector, hold = encoder.encode(ids)
    row = np.array([ids], np.int32)
    embeds, logits = nnx.jit(lambda model: model.encode_text(row, np.ones_like(row))[1:3])(house.model)
    assert vector @ np.asarray(embeds[0]) > 0.99
    assert hold == pytest.approx(1 / (1 + np.exp(-(3 * float(logits[0]) - 0.25))), abs=0.1)


def test_serving_embeds_a_picture_as_the_flax_model_does(house: HouseCheckpoint, house_bundle: Path) -> None:
    encoder = ImageEncoder(load_bundle(house_bundle))
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    colours = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    image = house.settings.image
    pixels = ((colours - image.mean) / image.std)[None, :, None, None, :] * np.ones((1, 1, 24, 24, 1))
    expected = nnx.jit(lambda model: model.image_embeds(pixels.astype(np.float32)))(house.model)[0]
    np.testing.assert_allclose(encoder.encode(frames), expected, atol=0.02)


def test_the_description_carries_the_numbers_of_training(house_bundle: Path) -> None:
    spec = load_bundle(house_bundle).spec
    assert (spec.name, spec.version, spec.embedding_dim) == ("tiny", "1.2", onnx_house.DIM)
    assert (spec.temperature, spec.hold_threshold) == (0.07, 0.6)
    assert (spec.fusion.image, spec.calibration.slope) == (0.5, 4.0)
    assert (spec.text.max_tokens, spec.image.size, spec.image.frames) == (32, 24, 2)
    assert spec.categories.names == onnx_house.NAMES
    assert {"jax", "flax", "onnxruntime"} <= set(spec.versions)
    report = spec.scores["export"]["text"]
    assert report["fp32_max_difference"] < 1e-5
    assert 0.98 < report["int8_cosine_min"] <= report["int8_cosine_mean"] <= 1.0001


@pytest.mark.parametrize("name", ["text.onnx", "image.onnx", "tokenizer.json", "categories.npy"])
def test_a_changed_file_is_refused_by_name(house_bundle: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(house_bundle, tmp_path / "bundle")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        load_bundle(folder)


def test_the_model_card_has_every_figure(house_bundle: Path) -> None:
    card = (house_bundle / "MODEL_CARD.md").read_text()
    spec = msgspec.json.decode((house_bundle / "bundle.json").read_bytes(), type=BundleSpec)
    for figure in ("0.7125", "0.6789", "0.9321", "tiny 1.2", "messages: 12", "none, the weights are random"):
        assert figure in card
    assert all(file.sha256 in card for file in spec.files.values())
    assert "{" not in card


def test_a_graph_that_disagrees_is_not_written(
    house: HouseCheckpoint, house_text_graph: ir.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = house_text_graph.clone()
    positions = wrong.graph.initializers["positions"]
    positions.const_value = ir.tensor(np.zeros((onnx_house.MAX_TOKENS, 48), np.float32), name="positions")
    monkeypatch.setattr(bundle, "text_graph", lambda *_, **__: wrong)
    with pytest.raises(ExportError, match="text graph differs"):
        bundle.write_bundle(house, tmp_path, progress=lambda line: None)
    assert not (tmp_path / "bundle.json").exists()


def test_a_checkpoint_survives_saving(house: HouseCheckpoint, tmp_path: Path) -> None:
    house.save(tmp_path)
    loaded = HouseCheckpoint.load(tmp_path)
    assert loaded.settings == house.settings
    assert loaded.tokenizer == house.tokenizer
    np.testing.assert_array_equal(loaded.anchors, house.anchors)
    ids = np.array([[2, 9, 11, 3]], np.int32)
    embed = nnx.jit(lambda model: model.text_embeds(ids))
    np.testing.assert_array_equal(embed(loaded.model), embed(house.model))


def test_anchors_of_another_shape_are_refused(house: HouseCheckpoint, tmp_path: Path) -> None:
    house.save(tmp_path)
    np.save(tmp_path / "categories.npy", np.eye(2, dtype=np.float32))
    with pytest.raises(CheckpointError, match=r"\(2, 2\) instead of \(3, 16\)"):
        HouseCheckpoint.load(tmp_path)


def test_the_command_writes_the_same_bundle_and_names_a_missing_checkpoint(
    house: HouseCheckpoint, house_bundle: Path, tmp_path: Path
) -> None:
    house.save(tmp_path / "trained")
    (tmp_path / "scores.json").write_text(json.dumps({"retrieval": {"recall@1": 0.5432}}))
    arguments = ["onnx", "--checkpoint", str(tmp_path / "trained"), "--out", str(tmp_path / "bundle")]
    app = build_app(arguments)
    result = CliRunner().invoke(app, [*arguments, "--scores", str(tmp_path / "scores.json")])
    assert result.exit_code == 0, result.output
    spec = load_bundle(tmp_path / "bundle").spec
    assert spec.scores["retrieval"] == {"recall@1": 0.5432}
    assert spec.files == load_bundle(house_bundle).spec.files
    assert "0.5432" in (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
    missing = CliRunner().invoke(app, ["onnx", "--checkpoint", str(tmp_path / "no"), "--out", "x"])
    assert missing.exit_code == 2
    assert "config.json" in missing.output
