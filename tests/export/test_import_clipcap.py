"""A published ClipCap and a CLIP become a bundle whose graphs give the numbers of the originals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from export.__main__ import build_app
from export.caption_agreement import CaptionGraphs
from export.checkpoints.errors import CheckpointError
from export.importing.captioner import load_captioner
from export.importing.clip_vision import load_clip_image
from export.importing.command import default_clip
from export.importing.fit import MisfitError
from export.importing.sources import open_source
from export.importing.tower import open_graph
from inference.bundle import load_bundle
from inference.caption_bundle import load_caption_bundle
from inference.errors import BundleError
from tests.export import importable

FIXTURES = importable.fixtures()
CLIP = FIXTURES / "hybrid_clip" / "roberta_clip"


def imported(case: str, folder: Path, *options: str) -> Path:
    source = importable.clipcap(case, folder / case)
    arguments = ["import", "clipcap", str(source), "--clip", str(CLIP), "--out", str(folder / "b"), *options]
    result = CliRunner().invoke(build_app(arguments), arguments)
    assert result.exit_code == 0, result.output
    return folder / "b"


def refused(source: Path, *options: str) -> str:
    """Return what is said of a captioner that cannot be imported; nothing may have been written."""
    out = source.parent / "refused"
    arguments = ["import", "clipcap", str(source), "--out", str(out), *options]
    result = CliRunner().invoke(build_app(arguments), arguments)
    assert result.exit_code == 2, result.output
    assert not out.exists()
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a float32 bundle of the MLP captioner."""
    return imported("mlp", tmp_path_factory.mktemp("exact"), "--precision", "float32")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an int8 bundle of the transformer captioner."""
    return imported("transformer", tmp_path_factory.mktemp("small"))


def logits(bundle: Path, case: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what the bundle and what the original make of the recorded tokens."""
    with np.load(FIXTURES / "clipcap" / case / "io.npz") as golden:
        found = CaptionGraphs(bundle).run(golden["prefix"][:3], golden["tokens"])
        return found, golden["logits_no_mask"][:, 3:]


def test_the_language_graphs_give_the_logits_of_the_original(exact: Path) -> None:
    found, wanted = logits(exact, "mlp")
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_in_integers_the_likeliest_tokens_are_mostly_the_same(small: Path) -> None:
    found, wanted = logits(small, "transformer")
    assert (found.argmax(-1) == wanted.argmax(-1)).mean() > 0.8
    assert np.abs(found - wanted).max() > 1e-3


@pytest.mark.parametrize("is_unit", [False, True])
def test_the_picture_graph_gives_the_vectors_of_the_original(exact: Path, small: Path, is_unit: bool) -> None:
    """The MLP was trained on CLIP's vectors as they are, the transformer on vectors of length 1."""
    with np.load(CLIP / "io.npz") as golden:
        pixels, wanted = golden["pixel_values"][:, None], golden["default/image_features"]
        wanted = golden["default/image_embeds"] if is_unit else wanted
    found = open_graph((small if is_unit else exact) / "image.onnx").run(
        ["prefix"], {"pixel_values": pixels}
    )[0]
    np.testing.assert_allclose(found, wanted, atol=0.02 if is_unit else 1e-4)


def test_the_description_has_the_numbers_that_decoding_needs(exact: Path, small: Path) -> None:
    decoder = load_caption_bundle(exact).spec.decoder
    assert (decoder.prefix_size, decoder.prefix_length, decoder.n_layer, decoder.n_head) == (24, 4, 2, 2)
    assert (decoder.n_embd, decoder.vocab_size, decoder.n_positions, decoder.precision) == (
        32,
        300,
        64,
        "float32",
    )
    bundle = load_caption_bundle(small)
    assert bundle.spec.decoder.precision == "int8"
    assert bundle.label.startswith("transformer ")
    assert bundle.spec.scores["export"]["language"]["fp32_max_difference"] < 1e-4
    assert "ClipCap" in (small / "MODEL_CARD.md").read_text()


def test_the_stop_is_a_full_stop(exact: Path) -> None:
    bundle = load_caption_bundle(exact)
    vocabulary = (exact.parent / "mlp" / "vocab.json").read_text()
    assert f'".": {bundle.spec.decoder.stop_id}' in vocabulary


def test_a_changed_file_and_a_bundle_of_another_kind_are_refused(
    exact: Path, small: Path, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=r'"captioner" bundle of schema 1, this program reads "reaction"'):
        load_bundle(exact)
    changed = tmp_path / "b"
    changed.mkdir()
    for file in small.iterdir():
        (changed / file.name).write_bytes(file.read_bytes())
    weights = bytearray((changed / "weights.bin").read_bytes())
    weights[9] ^= 1
    (changed / "weights.bin").write_bytes(weights)
    with pytest.raises(BundleError, match=r"weights\.bin has changed"):
        load_caption_bundle(changed)
    with pytest.raises(BundleError, match="No captioner bundle"):
        load_caption_bundle(tmp_path)


@pytest.mark.parametrize("case", ["mlp", "transformer"])
def test_safetensors_and_sizes_told_by_the_arrays_give_the_same_model(case: str, tmp_path: Path) -> None:
    folder = importable.clipcap(case, tmp_path / "model", "safetensors")
    model = load_captioner(open_source(str(folder), needed=""))
    with np.load(FIXTURES / "clipcap" / case / "io.npz") as golden:
        found = np.asarray(model.project(golden["prefix"]))
        np.testing.assert_allclose(found, golden["prefix_embeds"], atol=1e-5)


def test_what_does_not_fit_is_listed(tmp_path: Path) -> None:
    folder = importable.clipcap("mlp", tmp_path / "model", "safetensors")
    tensors = load_file(folder / "model.safetensors")
    del tensors["gpt.transformer.h.1.attn.c_attn.bias"]
    tensors["clip_project.model.4.weight"] = np.zeros(3, np.float32)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(MisfitError) as caught:
        load_captioner(open_source(str(folder), needed=""))
    assert "  gpt.transformer.h.1.attn.c_attn.bias (96,)" in caught.value.lines
    assert "  clip_project.model.4.weight (3,)" in caught.value.lines


def test_a_second_head_that_differs_is_refused(tmp_path: Path) -> None:
    folder = importable.clipcap("mlp", tmp_path / "model", "safetensors")
    tensors = load_file(folder / "model.safetensors")
    tensors["gpt.lm_head.weight"] = tensors["gpt.lm_head.weight"] + 1
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"gpt\.lm_head\.weight and gpt\.transformer\.wte\.weight"):
        load_captioner(open_source(str(folder), needed=""))


def test_a_clip_of_another_width_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="640 numbers: RN50x4"):
        load_clip_image(open_source(str(CLIP), needed=""), width=640)
    wide = FIXTURES / "hybrid_clip" / "roberta_clip_from_pretrained"
    output = refused(importable.clipcap("mlp", tmp_path / "model"), "--clip", str(wide))
    assert "wants a picture as 24 numbers" in output
    assert "gives 512" in output


def test_the_usual_clip_is_told_by_the_width_of_the_captioner(tmp_path: Path) -> None:
    assert default_clip(512) == "openai/clip-vit-base-patch32"
    assert default_clip(640) == "timm/resnet50x4_clip.openai"
    output = refused(importable.clipcap("mlp", tmp_path / "model"))
    assert "24 numbers, and it is not known of which CLIP" in output


def test_a_damaged_captioner_is_told_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARTEE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    weights = tmp_path / "coco.pt"
    weights.write_bytes(b"half a download")
    output = refused(weights)
    assert "coco.pt" in output
    assert "cannot be reached" not in output
