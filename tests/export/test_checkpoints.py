"""Checkpoints: written and read again, and what a reader says of one that does not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import save_file

from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import (
    load_hybrid_clip,
    parameter_arrays,
    read_arrays,
    save_hybrid_clip,
    write_arrays,
)
from export.checkpoints.safetensors import load_bert
from export.models.bert import Bert
from export.models.hybrid_clip import HybridCLIPConfig
from tests.export import tiny_hybrid

Arrays = dict[str, np.ndarray]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_hybrid_clip(tiny_hybrid.model(tiny_hybrid.config()), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("config", [tiny_hybrid.config(hold_head=True), tiny_hybrid.other_config()])
def test_a_written_model_is_read_again(config: HybridCLIPConfig, tmp_path: Path) -> None:
    made = tiny_hybrid.model(config, seed=3)
    save_hybrid_clip(made, tmp_path)
    loaded = load_hybrid_clip(tmp_path)
    before, after = parameter_arrays(made), parameter_arrays(loaded)
    assert loaded.config == config
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_names_in_the_file_are_those_of_the_original(folder: Path) -> None:
    arrays = read_arrays(folder / "flax_model.msgpack")
    names = {
        "logit_scale": (),
        "text_model/embeddings/LayerNorm/scale": (12,),
        "text_model/encoder/layer/0/attention/self/query/kernel": (12, 12),
        "text_model/encoder/layer/0/output/dense/kernel": (20, 12),
        "text_model/pooler/dense/bias": (12,),
        "vision_model/vision_model/embeddings/class_embedding": (10,),
        "vision_model/vision_model/embeddings/patch_embedding/kernel": (6, 6, 3, 10),
        "vision_model/vision_model/encoder/layers/0/self_attn/out_proj/bias": (10,),
        "vision_model/vision_model/pre_layrnorm/bias": (10,),
        "text_projection/kernel": (12, 7),
        "visual_projection/kernel": (10, 7),
    }
    assert {name: arrays[name].shape for name in names} == names


def drop(arrays: Arrays) -> None:
    del arrays["text_model/pooler/dense/bias"]


def add(arrays: Arrays) -> None:
    arrays["text_model/extra/kernel"] = np.zeros(2, np.float32)


def reshape(arrays: Arrays) -> None:
    arrays["text_projection/kernel"] = arrays["text_projection/kernel"].T


def retype(arrays: Arrays) -> None:
    arrays["logit_scale"] = np.zeros((), np.int32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, r"1 missing \(text_model/pooler/dense/bias\)"),
        (add, r"1 unknown \(text_model/extra/kernel\)"),
        (reshape, r"text_projection/kernel \(7, 12\) instead of \(12, 7\)"),
        (retype, r"not floating point \(logit_scale\)"),
    ],
)
def test_parameters_that_do_not_fit_are_named(
    folder: Path, change: Callable[[Arrays], None], message: str
) -> None:
    arrays = read_arrays(folder / "flax_model.msgpack")
    change(arrays)
    write_arrays(folder / "flax_model.msgpack", arrays)
    with pytest.raises(CheckpointError, match=message):
        load_hybrid_clip(folder)


@pytest.mark.parametrize("size", [0, 1, 500])
def test_a_file_cut_off_is_refused(folder: Path, size: int) -> None:
    path = folder / "flax_model.msgpack"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(CheckpointError, match=r"flax_model\.msgpack"):
        load_hybrid_clip(folder)


@pytest.mark.parametrize("name", ["config.json", "flax_model.msgpack"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=rf"{name} cannot be read"):
        load_hybrid_clip(folder)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"text_config": {"model_type": "t5"}, "vision_config": {}}']
)
def test_a_config_of_something_else_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_hybrid_clip(folder)


def test_heads_that_do_not_divide_the_width_are_refused(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    values["text_config"]["num_attention_heads"] = 5
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match="not a multiple of num_attention_heads"):
        load_hybrid_clip(folder)


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    """Write a BERT encoder with PyTorch names, kernels (out, in) and the buffer that old versions add."""
    config = tiny_hybrid.config()
    tensors: Arrays = {"embeddings.position_ids": np.arange(20)[None]}
    for name, array in parameter_arrays(tiny_hybrid.model(config)).items():
        tower, _, path = name.partition("/")
        owner, _, leaf = path.replace("/", ".").rpartition(".")
        if tower == "text_model":
            tensor = np.ascontiguousarray(array.T) if leaf == "kernel" else array
            tensors[f"{owner}.{'bias' if leaf == 'bias' else 'weight'}"] = tensor
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()["text_config"]))
    return tmp_path


def test_pytorch_weights_give_the_same_encoder(bert_folder: Path) -> None:
    made = tiny_hybrid.model(tiny_hybrid.config()).text_model
    assert isinstance(made, Bert)
    ids = tiny_hybrid.inputs(tiny_hybrid.config())["input_ids"]
    encode = nnx.jit(Bert.__call__)
    loaded = encode(load_bert(bert_folder), ids).pooler_output
    np.testing.assert_allclose(loaded, encode(made, ids).pooler_output, atol=1e-6)


def test_pytorch_weights_of_another_size_are_refused(bert_folder: Path) -> None:
    values = json.loads((bert_folder / "config.json").read_text())
    (bert_folder / "config.json").write_text(json.dumps({**values, "vocab_size": 41}))
    with pytest.raises(CheckpointError, match=r"word_embeddings/embedding \(40, 12\) instead of \(41, 12\)"):
        load_bert(bert_folder)
