import json
from pathlib import Path

import numpy as np
import pytest

from inference.bundle import (
    Bundle,
    BundleFile,
    BundleSpec,
    CalibrationSpec,
    CategorySpec,
    FusionSpec,
    ImageSpec,
    TextSpec,
    load_bundle,
)
from inference.errors import BundleError
from tests import tiny


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.make_bundle(tmp_path / "tiny")


def test_a_sound_bundle_is_loaded_with_its_anchors(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    assert bundle.label == "tiny 1"
    assert bundle.spec.categories.names[0] == "hug"
    np.testing.assert_array_equal(bundle.anchors, tiny.anchors())


def test_a_folder_without_a_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"No model bundle in .*nowhere.*REPARTEE_BUNDLE"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["text.onnx", "image.onnx", "tokenizer.json", "categories.npy"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["text.onnx", "image.onnx", "tokenizer.json", "categories.npy"])
def test_a_changed_byte_is_found(folder: Path, name: str) -> None:
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    with pytest.raises(BundleError, match=f"{name} has changed"):
        load_bundle(folder)


def test_a_cut_file_is_found_by_its_size(folder: Path) -> None:
    path = folder / "text.onnx"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BundleError, match=r"text.onnx has \d+ bytes instead of \d+"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema_version": 2}, "schema 2"),
        ({"kind": "captioner"}, '"captioner" bundle'),
        ({"fusion": {"image": 1.0}}, "fusion"),
        ({"embedding_dim": 99}, r"instead of float32 \(8, 99\)"),
        ({"temperature": 0}, "temperature"),
        ({"files": {}}, "no checksum for text.onnx"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    folder: Path, change: dict[str, object], sentence: str
) -> None:
    tiny.write_description(folder, **change)
    with pytest.raises(BundleError, match=sentence):
        load_bundle(folder)


@pytest.mark.parametrize("raw", [b"", b"[1]", b"{", b"\xff\xfe"])
def test_a_garbled_description_is_refused(folder: Path, raw: bytes) -> None:
    (folder / "bundle.json").write_bytes(raw)
    with pytest.raises(BundleError, match=r"bundle\.json is not a readable bundle description"):
        load_bundle(folder)


def test_unknown_fields_are_ignored(folder: Path) -> None:
    description = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(description | {"later": [1]}))
    assert load_bundle(folder).label == "tiny 1"


def test_vectors_are_shared_by_bundles_that_differ_in_words_only(folder: Path) -> None:
    before = load_bundle(folder).vector_key
    tiny.write_description(folder, scores={"great": 0.7}, version="2")
    assert load_bundle(folder).vector_key == before
    tiny.write_description(folder, fusion={"image": 0.5, "text": 0.2, "category": 1.0})
    assert load_bundle(folder).vector_key != before


def test_a_form_for_another_device_is_verified_and_shares_the_vectors(folder: Path) -> None:
    before = load_bundle(folder)
    (folder / "text.fp16.onnx").write_bytes(b"the same in half precision")
    tiny.add_variant(folder, "cuda", "text.fp16.onnx")
    bundle = load_bundle(folder)
    assert bundle.vector_key == before.vector_key
    assert [bundle.spec.text.file_for(device) for device in ("cpu", "cuda")] == [
        "text.onnx",
        "text.fp16.onnx",
    ]
    assert before.spec.text.file_for("cuda") == "text.onnx"
    (folder / "text.fp16.onnx").unlink()
    with pytest.raises(BundleError, match=r"text\.fp16\.onnx is missing"):
        load_bundle(folder)


def test_a_form_without_checksum_is_refused(folder: Path) -> None:
    text = json.loads((folder / "bundle.json").read_text())["text"]
    tiny.write_description(folder, text=text | {"variants": {"cuda": "text.fp16.onnx"}})
    with pytest.raises(BundleError, match=r"no checksum for text\.fp16\.onnx"):
        load_bundle(folder)


def test_vector_keys_are_those_that_catalogues_were_filled_with() -> None:
    """A key that changes without need makes everybody embed all GIFs again."""
    files = {
        name: BundleFile("00", 1) for name in ("text.onnx", "image.onnx", "tokenizer.json", "anchors.npy")
    }
    text = TextSpec("text.onnx", {"input_ids": ["batch", "tokens"]}, {"hold": ["batch"]}, max_tokens=128)
    image = ImageSpec("image.onnx", {}, {}, 80, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [128, 128, 128], 4)
    spec = BundleSpec(
        name="n",
        version="1",
        files=files,
        text=text,
        image=image,
        tokenizer="tokenizer.json",
        embedding_dim=32,
        temperature=0.1,
        categories=CategorySpec(["hug"], "anchors.npy"),
        fusion=FusionSpec(0.35, 0.25, 1.0),
        calibration=CalibrationSpec(6.0, -3.0),
        hold_threshold=0.5,
    )
    assert Bundle(Path(), spec, tiny.anchors()).vector_key == "4f2aa5def4228b35"


def test_anchors_that_have_not_unit_norm_are_refused(folder: Path) -> None:
    np.save(folder / "categories.npy", 2 * tiny.anchors())
    tiny.write_description(folder)
    with pytest.raises(BundleError, match="unit norm"):
        load_bundle(folder)
