"""A captioner bundle of a few hundred bytes: it names the colour that a picture has most of, or is unsure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from tokenizers import Tokenizer, decoders, models

from tests.tiny import _model as model

VOCABULARY = ["?", "Red", "Green", "Blue", " blocks", " move", "."]
FOLLOWING = {"Red": " blocks", "Green": " blocks", "Blue": " blocks", " blocks": " move", " move": "."}
SURE = 50.0
"""What a logit has beyond the others where there is no doubt."""

FILES = ["image.onnx", "prefill.onnx", "step.onnx", "tokenizer.json"]


def make_captioner(
    folder: Path, *, vocabulary: Sequence[str] = VOCABULARY, fails_at_light: bool = False
) -> Path:
    """Write the bundle; of "Red blocks move." it takes the colour from the picture, grey leaves it unsure.

    With `fails_at_light` it runs at dark pictures only; another `vocabulary` has it say other words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, graph in zip(FILES, (_image(fails_at_light), _prefill(), _step()), strict=False):
        onnx.save(graph, str(folder / name))
    words = {word: row for row, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="?"))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "bundle.json").write_text(json.dumps(_description(folder)))
    return folder


def _description(folder: Path) -> dict[str, Any]:
    contents = {name: (folder / name).read_bytes() for name in FILES}
    return {
        "schema_version": 1,
        "kind": "captioner",
        "name": "tiny captioner",
        "version": "1",
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in contents.items()
        },
        "image": {
            "file": "image.onnx",
            "inputs": {"pixel_values": ["batch", 1, 16, 16, 3]},
            "outputs": {"prefix": ["batch", 3]},
            "size": 16,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "background": [255, 255, 255],
            "frames": 1,
        },
        "decoder": {
            "prefill": "prefill.onnx",
            "step": "step.onnx",
            "prefix_size": 3,
            "prefix_length": 1,
            "n_layer": 1,
            "n_head": 1,
            "n_embd": 1,
            "n_positions": 16,
            "vocab_size": len(VOCABULARY),
            "stop_id": VOCABULARY.index("."),
            "max_tokens": 8,
            "least_log_probability": -0.1,
        },
        "tokenizer": "tokenizer.json",
    }


def _image(fails_at_light: bool) -> onnx.ModelProto:
    """Mean colour; where light is to fail, it is looked up in a table that has no row for it."""
    nodes = [helper.make_node("ReduceMean", ["pixel_values"], ["prefix"], axes=[1, 2, 3], keepdims=0)]
    constants: dict[str, NDArray[Any]] = {}
    if fails_at_light:
        nodes[0].output[0] = "mean"
        nodes += [
            helper.make_node("ReduceMax", ["pixel_values"], ["lightest"], keepdims=0),
            helper.make_node("Ceil", ["lightest"], ["level"]),
            helper.make_node("Cast", ["level"], ["row"], to=TensorProto.INT64),
            helper.make_node("Gather", ["rows", "row"], ["nothing"]),
            helper.make_node("Add", ["mean", "nothing"], ["prefix"]),
        ]
        constants["rows"] = np.zeros(1, np.float32)
    return model(
        nodes,
        [_floats("pixel_values", "batch", "frames", 16, 16, 3)],
        [_floats("prefix", "batch", 3)],
        constants,
    )


def _prefill() -> onnx.ModelProto:
    """The stronger a colour, the likelier its name; the cache holds nothing that matters."""
    colours = np.zeros((3, len(VOCABULARY)), np.float32)
    for row, word in enumerate(("Red", "Green", "Blue")):
        colours[row, VOCABULARY.index(word)] = SURE
    others = np.where(colours.any(0), 3 * SURE, 0).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["prefix", "colours"], ["strengths"]),
        helper.make_node("Add", ["strengths", "others"], ["logits"]),
        helper.make_node("ReduceMean", ["prefix"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Reshape", ["mean", "shape"], ["past_key"]),
        helper.make_node("Identity", ["past_key"], ["past_value"]),
    ]
    caches = [_floats(f"past_{what}", 1, "batch", 1, 1, 1) for what in ("key", "value")]
    shape = np.array([1, -1, 1, 1, 1], np.int64)
    constants: dict[str, NDArray[Any]] = {"colours": colours, "others": others, "shape": shape}
    outputs = [_floats("logits", "batch", len(VOCABULARY)), *caches]
    return model(nodes, [_floats("prefix", "batch", 3)], outputs, constants)


def _step() -> onnx.ModelProto:
    """Each word has one that follows it."""
    table = np.zeros((len(VOCABULARY), len(VOCABULARY)), np.float32)
    for word, following in FOLLOWING.items():
        table[VOCABULARY.index(word), VOCABULARY.index(following)] = SURE
    nodes = [
        helper.make_node("Gather", ["table", "token"], ["logits"]),
        helper.make_node("Cast", ["token"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["number", "shape"], ["new_key"]),
        helper.make_node("Identity", ["new_key"], ["new_value"]),
    ]
    inputs = [
        helper.make_tensor_value_info("token", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info("length", TensorProto.INT64, [1]),
        *(_floats(f"past_{what}_0", "batch", 1, "room", 1) for what in ("key", "value")),
    ]
    new = [_floats(f"new_{what}", 1, "batch", 1, 1) for what in ("key", "value")]
    outputs = [_floats("logits", "batch", len(VOCABULARY)), *new]
    constants: dict[str, NDArray[Any]] = {"table": table, "shape": np.array([1, -1, 1, 1], np.int64)}
    return model(nodes, inputs, outputs, constants)


def _floats(name: str, *shape: str | int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
