"""CLIP's text tower against its formulas in numpy, and plain CLIPs from folder to folder."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import save_file

from export import agreement
from export.checkpoints.msgpack import parameter_arrays, read_arrays
from export.graphs import text_function, text_graph
from export.importing.hybrid import load_hybrid
from export.importing.plain_clip import save_plain_clip
from export.importing.sources import open_source
from export.importing.tokenizer import read_tokenizer
from export.models.clip_text import ClipTextConfig
from export.models.hybrid_clip import HybridCLIP
from tests.export import importable, tiny_hybrid
from tests.export.tiny_clipcap import quick_compilation

Arrays = Mapping[str, Any]
HEADS, EPSILON, END = 3, 1e-5, 39
CONFIG = tiny_hybrid.config(text=ClipTextConfig(**{**tiny_hybrid.TEXT_SIZES, "num_hidden_layers": 2}))


@pytest.fixture(scope="module")
def clip() -> HybridCLIP:
    """Return a plain CLIP all of whose parameters are random."""
    return tiny_hybrid.model(CONFIG)


@pytest.fixture(scope="module")
def texts() -> tuple[Any, Any]:
    """Return ids and mask of texts of lengths 6, 3 and 4; the first is padded with the id that ends it."""
    ids = np.random.default_rng(1).integers(2, END, (3, 7)).astype(np.int32)
    mask = np.zeros_like(ids)
    for row, length in enumerate((6, 3, 4)):
        ids[row, length - 1] = END
        ids[row, length:] = END if row == 0 else 0
        mask[row, :length] = 1
    return ids, mask


def norm(x: Any, arrays: Arrays, name: str) -> Any:
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPSILON)
    return x * arrays[f"{name}/scale"] + arrays[f"{name}/bias"]


def dense(x: Any, arrays: Arrays, name: str) -> Any:
    return x @ arrays[f"{name}/kernel"] + arrays[f"{name}/bias"]


def attend(x: Any, arrays: Arrays, name: str) -> Any:
    query, key, value = (
        np.stack(np.split(dense(x, arrays, f"{name}/{part}_proj"), HEADS, axis=-1)) for part in "qkv"
    )
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
    scores[:, np.triu(np.ones(scores.shape[1:], bool), 1)] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = np.concatenate(list(weights / weights.sum(-1, keepdims=True) @ value), axis=-1)
    return dense(mixed, arrays, f"{name}/out_proj")


def reference(arrays: Arrays, ids: Any) -> Any:
    """Return the projected, normalised vector of one text without padding, by the names of the files."""
    tower: Arrays = {n.removeprefix("text_model/"): np.float64(a) for n, a in arrays.items()}
    x = tower["embeddings/token_embedding/embedding"][ids]
    x = x + tower["embeddings/position_embedding/embedding"][: len(ids)]
    for layer in range(CONFIG.text.num_hidden_layers):
        name = f"encoder/layers/{layer}"
        x = x + attend(norm(x, tower, f"{name}/layer_norm1"), tower, f"{name}/self_attn")
        inner = dense(norm(x, tower, f"{name}/layer_norm2"), tower, f"{name}/mlp/fc1")
        x = x + dense(inner / (1 + np.exp(-1.702 * inner)), tower, f"{name}/mlp/fc2")
    vector = norm(x, tower, "final_layer_norm")[ids.argmax()] @ tower["text_projection/kernel"]
    return vector / np.linalg.norm(vector)


def test_vectors_are_those_of_the_formulas_whatever_the_padding(
    clip: HybridCLIP, texts: tuple[Any, Any]
) -> None:
    ids, mask = texts
    with quick_compilation():
        found = nnx.jit(HybridCLIP.text_embeds)(clip, ids, mask)
    arrays = parameter_arrays(clip)
    for row, vector in enumerate(found):
        np.testing.assert_allclose(vector, reference(arrays, ids[row, : mask[row].sum()]), atol=1e-5)


def test_the_exported_graph_gives_the_same_vectors() -> None:
    text = replace(CONFIG.text, num_hidden_layers=1)
    held = tiny_hybrid.model(replace(CONFIG, text=text, hold_head=True))
    batches = agreement.random_texts(CONFIG.text.vocab_size, ((3, 7),))
    with quick_compilation():
        assert agreement.text_difference(held, text_function(), text_graph(held), batches) < 1e-5


@pytest.mark.parametrize("form", ["msgpack", "safetensors"])
def test_a_plain_clip_is_read_as_it_was_written(clip: HybridCLIP, form: str, tmp_path: Path) -> None:
    save_plain_clip(clip, tmp_path)
    weights = tmp_path / "flax_model.msgpack"
    names = read_arrays(weights)
    assert {"vision_model/embeddings/class_embedding", "text_model/final_layer_norm/bias"} <= names.keys()
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "clip"
    if form == "safetensors":
        save_file(importable.as_torch(names), tmp_path / "model.safetensors")
        weights.unlink()
    found = parameter_arrays(load_hybrid(open_source(str(tmp_path), needed="")))
    for name, array in parameter_arrays(clip).items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_the_older_files_of_its_tokenizer_mark_the_end_of_words(tmp_path: Path) -> None:
    words = ["h", "i", "i</w>", "!</w>", "hi</w>", "<|startoftext|>", "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({word: row for row, word in enumerate(words)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nh i</w>\n")
    tokenizer = read_tokenizer(tmp_path, vocabulary=len(words))
    assert tokenizer.encode("HI!  hi").tokens == [
        "<|startoftext|>",
        "hi</w>",
        "!</w>",
        "hi</w>",
        "<|endoftext|>",
    ]
