"""A deterministic bundle and pack, small enough that the whole path runs in a moment.

The text tower averages one vector a word, the image tower looks at the mean colour, a GIF of a category
has that category's colour. Nothing is learnt: words lie at the anchors of the categories they stand for.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

DIM = 32
SIZE = 16
FRAMES = 4
HOLES = 4  # of the nine fields of a block, so that no two GIFs look alike
MAX_TOKENS = 12

WORDS = {
    "hug": ["hug", "miss", "lonely"],
    "cry": ["cry", "sad", "tears"],
    "laugh": ["laugh", "funny", "joy", "haha"],
    "hearts": ["hearts", "love", "heart"],
    "sorry": ["sorry", "apologise"],
    "dance": ["dance", "party"],
    "mic_drop": ["mic", "drop", "boom"],
    "thumbs_up": ["good", "nice", "ok"],
}
CATEGORIES = list(WORDS)
COLOURS = {
    "hug": (250, 200, 40),
    "cry": (40, 90, 250),
    "laugh": (250, 130, 20),
    "hearts": (230, 20, 60),
    "sorry": (120, 120, 160),
    "dance": (180, 40, 220),
    "mic_drop": (30, 30, 30),
    "thumbs_up": (40, 190, 80),
}
HELD_WORDS = ["died", "funeral"]
FILLERS = ["i", "you", "the", "so", "that", "is", "a", "very", "we", "!", ".", "?", ","]
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *[word for words in WORDS.values() for word in words],
    *HELD_WORDS,
    *FILLERS,
]
# (file, name, categories, further tags): the second GIF of a category is shaded, so a little further away
GIFS: list[tuple[str, str, list[str], list[str]]] = [
    *[(f"{c}.gif", c.replace("_", " "), [c], WORDS[c][1:]) for c in CATEGORIES],
    ("hug-sad.gif", "hug and tears", ["hug", "cry"], ["sad"]),
    ("cry-love.gif", "cry for love", ["cry", "hearts"], ["love"]),
    ("laugh-dance.gif", "laugh and party", ["laugh", "dance", "thumbs_up"], ["party"]),
    ("hearts-hug.gif", "hearts and hug", ["hearts", "hug"], ["miss"]),
]
Floats = NDArray[np.float32]


def anchors() -> Floats:
    """Return orthonormal category directions that are no axes."""
    basis, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(DIM, DIM)))
    return np.ascontiguousarray(basis[: len(CATEGORIES)], dtype=np.float32)


def word_table() -> Floats:
    """Return one vector a word of the vocabulary: (words, DIM), zero for the special tokens."""
    rng = np.random.default_rng(11)
    table = rng.normal(scale=0.02, size=(len(VOCABULARY), DIM)).astype(np.float32)
    for category, anchor in zip(CATEGORIES, anchors(), strict=True):
        for word in WORDS[category]:
            table[VOCABULARY.index(word)] += anchor
    table[[0, 2, 3]] = 0
    return table


def make_bundle(folder: Path, **changes: Any) -> Path:
    """Write the bundle; `changes` replace fields of `bundle.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_text_graph(), str(folder / "text.onnx"))
    onnx.save(_image_graph(), str(folder / "image.onnx"))
    _tokenizer().save(str(folder / "tokenizer.json"))
    np.save(folder / "categories.npy", anchors())
    write_description(folder, **changes)
    return folder


def write_description(folder: Path, **changes: Any) -> None:
    """Write `bundle.json` for the files that lie in the folder."""
    names = ["text.onnx", "image.onnx", "tokenizer.json", "categories.npy"]
    files = {
        name: {
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            "bytes": (folder / name).stat().st_size,
        }
        for name in names
    }
    description = {
        "schema_version": 1,
        "kind": "reaction",
        "name": "tiny",
        "version": "1",
        "files": files,
        "text": {
            "file": "text.onnx",
            "inputs": {"input_ids": ["batch", "tokens"], "attention_mask": ["batch", "tokens"]},
            "outputs": {"embedding": ["batch", DIM], "hold": ["batch"]},
            "max_tokens": MAX_TOKENS,
            "pad_id": 0,
        },
        "image": {
            "file": "image.onnx",
            "inputs": {"pixel_values": ["batch", "frames", SIZE, SIZE, 3]},
            "outputs": {"embedding": ["batch", DIM]},
            "size": SIZE,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "background": [255, 255, 255],
            "frames": FRAMES,
        },
        "tokenizer": "tokenizer.json",
        "embedding_dim": DIM,
        "temperature": 0.1,
        "categories": {"names": CATEGORIES, "file": "categories.npy"},
        "fusion": {"image": 0.1, "text": 0.2, "category": 1.0},
        "calibration": {"slope": 6.0, "intercept": -3.0},
        "hold_threshold": 0.5,
    }
    (folder / "bundle.json").write_text(json.dumps(description | changes))


def add_variant(folder: Path, device: str, name: str) -> None:
    """Name a file that lies in the folder as the text graph for a device."""
    path = folder / "bundle.json"
    description = json.loads(path.read_text())
    content = (folder / name).read_bytes()
    description["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    description["text"]["variants"] = {device: name}
    path.write_text(json.dumps(description))


def make_pack(folder: Path, gifs: list[tuple[str, str, list[str], list[str]]] = GIFS) -> Path:
    """Write a pack of little animations: a block of the category's colour that moves."""
    (folder / "gifs").mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (file, name, categories, tags) in enumerate(gifs):
        path = folder / "gifs" / file
        draw_gif(path, COLOURS[categories[0]], shade=number)
        line = {
            "id": hashlib.sha256(path.read_bytes()).hexdigest(),
            "file": f"gifs/{file}",
            "name": name,
            "categories": categories,
            "tags": tags,
            "alt_text": f"A block moves: {name}.",
            "source": {"package": "tiny", "version": "1", "code_point": f"{0x1F600 + number:x}"},
            "licence": "CC0-1.0",
            "rating": "g",
        }
        lines.append(json.dumps(line))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def draw_gif(path: Path, colour: tuple[int, int, int], shade: int = 0) -> None:
    """Write a 32 px animation of 6 frames on a transparent background; each shade has holes of its own."""
    frames = []
    holes = random.Random(shade)
    for step in range(6):
        frame = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
        draw = ImageDraw.Draw(frame)
        red, green, blue = (max(0, channel - 3 * shade) for channel in colour)
        draw.rectangle((step * 2, 4, step * 2 + 20, 27), fill=(red, green, blue, 255))
        for hole in holes.sample(range(9), HOLES if shade else 0):  # of three by three
            left, top = step * 2 + 7 * (hole % 3), 4 + 8 * (hole // 3)
            draw.rectangle((left, top, left + 6, top + 7), fill=(0, 0, 0, 0))
        frames.append(frame)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200, loop=0, disposal=2)


def _tokenizer() -> Any:
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return tokenizer


def _text_graph() -> onnx.ModelProto:
    """Mean of the word vectors, unit norm; hold = sigmoid of the gravest word."""
    gravity = np.full(len(VOCABULARY), -4.0, dtype=np.float32)
    gravity[[VOCABULARY.index(word) for word in HELD_WORDS]] = 4.0
    constants: dict[str, NDArray[Any]] = {
        "table": word_table(),
        "gravity": gravity,
        "last": np.array([-1], dtype=np.int64),
        "second": np.array([1], dtype=np.int64),
        "hundred": np.array(100.0, dtype=np.float32),
        "tiny": np.array(1e-9, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Mul", ["words", "mask3"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "second"], ["sum"], keepdims=0),
        helper.make_node("ReduceL2", ["sum"], ["norm"], axes=[1], keepdims=1),
        helper.make_node("Add", ["norm", "tiny"], ["safe_norm"]),
        helper.make_node("Div", ["sum", "safe_norm"], ["embedding"]),
        helper.make_node("Gather", ["gravity", "input_ids"], ["grave"]),
        helper.make_node("Mul", ["mask", "hundred"], ["bonus"]),
        helper.make_node("Add", ["grave", "bonus"], ["lifted"]),
        helper.make_node("ReduceMax", ["lifted"], ["gravest"], axes=[1], keepdims=0),
        helper.make_node("Sub", ["gravest", "hundred"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["hold"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIM]),
        helper.make_tensor_value_info("hold", TensorProto.FLOAT, ["batch"]),
    ]
    return _model(nodes, inputs, outputs, constants)


def _image_graph() -> onnx.ModelProto:
    """Mean colour through a fixed matrix, unit norm."""
    projection = np.random.default_rng(13).normal(size=(3, DIM)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["colour"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("MatMul", ["colour", "projection"], ["features"]),
        helper.make_node("ReduceL2", ["features"], ["norm"], axes=[1], keepdims=1),
        helper.make_node("Div", ["features", "norm"], ["embedding"]),
    ]
    shape: list[str | int | None] = ["batch", "frames", SIZE, SIZE, 3]
    inputs = [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIM])]
    return _model(nodes, inputs, outputs, {"projection": projection})


def _model(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, NDArray[Any]]
) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)
