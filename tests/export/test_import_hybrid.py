"""A published Hybrid CLIP becomes a bundle that answers messages, whatever format it came in."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from export.__main__ import build_app
from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import parameter_arrays, read_arrays
from export.importing.categories import MEANINGS, phrases
from export.importing.fit import MisfitError, describe_misfits
from export.importing.hybrid import load_hybrid
from export.importing.sources import open_source
from export.importing.tower import open_graph
from inference.bundle import Bundle, load_bundle
from inference.encoders import ImageEncoder, TextEncoder
from inference.engine import Engine
from inference.preprocess import clip_pixels, frame_square
from tests.export import importable

Arrays = dict[str, np.ndarray]
CASE = importable.fixtures() / "hybrid_clip" / "roberta_clip"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(build_app(list(arguments)), list(arguments))


def imported(source: Path, out: Path, *options: str) -> Path:
    result = run("import", "clip-reply", str(source), "--out", str(out), "--untuned", *options)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a float32 bundle that looks at first frames."""
    folder = tmp_path_factory.mktemp("exact")
    return imported(
        importable.hybrid("roberta_clip", folder / "model"),
        folder / "b",
        "--precision",
        "float32",
        "--first-frame",
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an int8 bundle of other towers."""
    folder = tmp_path_factory.mktemp("small")
    return imported(importable.hybrid("bert_clip", folder / "model", "torch"), folder / "b", "--frames", "2")


def test_the_bundle_gives_the_vectors_of_the_original(exact: Path) -> None:
    with np.load(CASE / "io.npz") as golden:
        feeds = {name: golden[name] for name in ("input_ids", "attention_mask")}
        texts = open_graph(exact / "text.onnx").run(["embedding"], feeds)[0]
        pixels = {"pixel_values": golden["pixel_values"][:, None]}
        pictures = open_graph(exact / "image.onnx").run(["embedding"], pixels)[0]
        np.testing.assert_allclose(texts, golden["default/text_embeds"], atol=1e-5)
        np.testing.assert_allclose(pictures, golden["default/image_embeds"], atol=1e-5)


def test_a_picture_is_cut_as_the_processor_of_2021_does(exact: Path) -> None:
    encoder = ImageEncoder(load_bundle(exact))
    noise = np.random.default_rng(0).integers(0, 256, (32, 43, 4), np.uint8)  # an odd excess of 11
    picture = Image.fromarray(noise, "RGBA")
    ways = {crop: clip_pixels(picture, size=32, crop=crop)[None, None] for crop in ("2021", "modern")}
    graph = open_graph(exact / "image.onnx")
    vectors = {crop: graph.run(None, {"pixel_values": pixels})[0][0] for crop, pixels in ways.items()}
    np.testing.assert_allclose(encoder.encode([picture]), vectors["2021"], atol=1e-6)
    assert np.abs(vectors["2021"] - vectors["modern"]).max() > 1e-4


def test_the_first_frame_alone_is_looked_at_where_the_bundle_says_so(exact: Path, tmp_path: Path) -> None:
    """`exact` is imported with --first-frame; the GIF has one picture per frame."""
    pictures = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=50)
    bundle = load_bundle(exact)
    assert (bundle.spec.image.frames, bundle.spec.image.first_frame) == (1, True)
    found = ImageEncoder(bundle).encode_file(tmp_path / "a.gif")
    wanted, other = (ImageEncoder(bundle).encode([picture]) for picture in pictures[:2])
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.abs(found - other).max() > 1e-3
    result = run("import", "clip-reply", "absent/model", "--out", "b", "--first-frame", "--frames", "4")
    assert "leave --frames out" in result.output


def test_a_very_long_picture_is_looked_at_in_the_middle() -> None:
    picture = Image.new("RGB", (40_000, 2), "red")
    picture.paste("blue", (19_900, 0, 20_100, 2))
    square = frame_square(picture, 32, (255, 255, 255), "crop")
    assert square.shape == (32, 32, 3)
    assert (square == (0, 0, 255)).all()


def test_vectors_depend_on_how_pictures_are_cut_and_messages_read(exact: Path) -> None:
    bundle = load_bundle(exact)
    spec, replace = bundle.spec, msgspec.structs.replace
    others = [
        replace(spec, image=replace(spec.image, framing="crop")),
        replace(spec, image=replace(spec.image, framing="square")),
        replace(spec, image=replace(spec.image, first_frame=False)),
        replace(spec, text=replace(spec.text, spells_emoji=True)),
    ]
    keys = {Bundle(exact, other, bundle.anchors).vector_key for other in [spec, *others]}
    assert len(keys) == 5


def test_numbers_come_from_the_checkpoint_and_nothing_is_held(exact: Path) -> None:
    spec = load_bundle(exact).spec
    scale = float(read_arrays(CASE / "flax_model.msgpack")["logit_scale"])
    assert spec.temperature == pytest.approx(np.exp(-scale))
    assert (spec.embedding_dim, spec.image.size, spec.text.pad_id) == (24, 32, 1)
    assert spec.scores["export"]["text"]["fp32_max_difference"] < 1e-5
    encoder = TextEncoder(load_bundle(exact))
    assert encoder.encode(encoder.tokenise("she died").ids)[1] < 1e-6
    assert "nothing is held back" in (exact / "MODEL_CARD.md").read_text()


def test_messages_are_read_with_their_emoji(exact: Path) -> None:
    encoder = TextEncoder(load_bundle(exact))
    assert encoder.tokenise("hi \n \U0001f602").text == "hi \U0001f602"
    assert encoder.tokenise(" \u200b\n").ids == []


def test_a_small_bundle_answers(small: Path, tiny_pack: Path, tmp_path: Path) -> None:
    engine = Engine.open(small, [tiny_pack], tmp_path / "catalogue.sqlite")
    reply = engine.react("I miss you", 3)
    assert len(reply.reactions) == 3
    assert not reply.is_held
    assert [reaction.confidence for reaction in reply.reactions] == pytest.approx([0.25] * 3)
    assert load_bundle(small).spec.scores["export"]["text"]["int8_cosine_min"] > 0.9


@pytest.mark.parametrize("form", ["msgpack", "torch", "safetensors"])
@pytest.mark.parametrize("case", ["roberta_clip", "bert_clip", "roberta_vit", "roberta_clip_from_pretrained"])
def test_every_case_is_read_from_every_format(case: str, form: str, tmp_path: Path) -> None:
    model = load_hybrid(open_source(str(importable.hybrid(case, tmp_path / "model", form)), needed=""))
    wanted = read_arrays(importable.fixtures() / "hybrid_clip" / case / "flax_model.msgpack")
    found = parameter_arrays(model)
    assert found.keys() - wanted.keys() == {"hold_head/bias", "hold_head/kernel"}
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def drop(tensors: Arrays) -> None:
    del tensors["text_model.pooler.dense.bias"]


def add(tensors: Arrays) -> None:
    tensors["text_model.extra.weight"] = np.zeros((2, 2), np.float32)


def reshape(tensors: Arrays) -> None:
    tensors["text_projection.weight"] = np.zeros((25, 32), np.float32)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (drop, "text_model/pooler/dense/bias (32,)"),
        (add, "text_model.extra.weight (2, 2)"),
        (reshape, "text_projection/kernel (32, 25), expected (32, 24)"),
    ],
)
def test_what_does_not_fit_is_listed(change: Callable[[Arrays], None], line: str, tmp_path: Path) -> None:
    folder = importable.hybrid("roberta_clip", tmp_path / "model", "safetensors")
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(MisfitError) as caught:
        load_hybrid(open_source(str(folder), needed=""))
    assert f"  {line}" in caught.value.lines
    assert line.split(" ")[0] in str(caught.value)


def test_twenty_parameters_are_listed_and_the_rest_counted() -> None:
    lines = describe_misfits({f"layer/{row:02}": (3,) for row in range(23)}, {})
    assert lines[:2] == ["23 parameters expected, 0 found", "23 missing:"]
    assert lines[2] == "  layer/00 (3,)"
    assert lines[21:] == ["  layer/19 (3,)", "  and 3 more"]


def test_the_command_lists_them_and_ends_in_one_sentence(tmp_path: Path) -> None:
    folder = importable.hybrid("roberta_clip", tmp_path / "model")
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**values, "projection_dim": 16}))
    result = run("import", "hybrid-clip", str(folder), "--out", str(tmp_path / "b"))
    assert result.exit_code == 2
    assert "2 of the wrong shape:" in result.output
    assert "visual_projection/kernel (48, 24), expected (48, 16)" in result.output
    assert not (tmp_path / "b").exists()


def test_a_missing_tokenizer_is_told_before_the_weights_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARTEE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    folder = importable.hybrid("roberta_clip", tmp_path / "model")
    for name in ("flax_model.msgpack", "vocab.json", "merges.txt"):
        (folder / name).unlink()
    out = ("--out", str(tmp_path / "b"), "--untuned")
    assert "model has no tokenizer: bring" in run("import", "clip-reply", str(folder), *out).output

    values = json.loads((folder / "config.json").read_text())
    values["text_config"]["vocab_size"] = 50265
    (folder / "config.json").write_text(json.dumps(values))
    usual = run("import", "clip-reply", str(folder), *out).output
    assert "that of cardiffnlp/twitter-roberta-base-emoji is taken" in usual
    assert "/cardiffnlp/twitter-roberta-base-emoji/tree/main" in usual
    assert "model has no tokenizer: bring" in run("import", "hybrid-clip", str(folder), *out).output


class Harmful:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return pytest.fail, ("code of the checkpoint was run",)


def test_a_pickle_of_anything_else_is_refused(tmp_path: Path) -> None:
    folder = importable.hybrid("roberta_clip", tmp_path / "model")
    (folder / "flax_model.msgpack").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"logit_scale": Harmful()}))
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin: .*not a tensor; only weights are read"):
        load_hybrid(open_source(str(folder), needed=""))


def test_a_model_that_numbers_positions_in_another_way_is_refused(tmp_path: Path) -> None:
    folder = importable.hybrid("roberta_clip", tmp_path / "model")
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**values, "model_type": "vision-text-dual-encoder"}))
    with pytest.raises(CheckpointError, match="numbers positions in another way"):
        load_hybrid(open_source(str(folder), needed=""))


def test_every_category_of_the_shipped_model_has_words() -> None:
    shipped = load_bundle(Path(__file__).parents[2] / "assets" / "models" / "house").spec.categories.names
    assert set(shipped) == set(MEANINGS)
    assert "hug" in phrases("hug")[0]
    assert phrases("some_thing") == ["some thing", "a GIF that says some thing", "the reaction is some thing"]
