"""What the captioner recipes are tried on without any download: drawn shapes, a tiny CLIP, a tiny GPT-2."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from flax import nnx
from PIL import Image, ImageDraw
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from export.checkpoints.paths import CLIP_NAMES, parameters, published_path
from export.importing.clip_vision import ClipVitSide
from export.models.clip_vit import ClipVisionConfig
from export.models.gpt2 import GPT2, GPT2Config

COLOURS = {"red": (214, 40, 40), "green": (46, 160, 67), "blue": (33, 93, 201), "yellow": (240, 200, 20)}
SHAPES = ("disc", "square")
SIZES = {"small": 6, "large": 14}
EDGE = 32
WIDTH = 16
SPREAD = 0.3
TOWER = "vision_model/"


class Playground(NamedTuple):
    """Where made-up data and models are."""

    captions: Path
    pictures: Path
    clip: Path
    gpt2: Path


def make_playground(folder: Path) -> Playground:
    """Write pictures with captions, random towers and a tokenizer; the same each time."""
    places = Playground(*(folder / name for name in ("captions.json", "pictures", "clip", "gpt2")))
    for place in places[1:]:
        place.mkdir(parents=True, exist_ok=True)
    texts = draw(places.captions, places.pictures)
    tokenizer = write_tokenizer(places.gpt2, texts)
    write_gpt2(places.gpt2, tokenizer.get_vocab_size())
    write_clip(places.clip)
    return places


def draw(captions: Path, pictures: Path) -> list[str]:
    """Draw every shape in every colour and size, twice, and say of each what it is."""
    random = np.random.default_rng(0)
    images, annotations = [], []
    kinds = product(range(2), COLOURS, SHAPES, SIZES)
    for number, (_, colour, shape, size) in enumerate(kinds):
        image = Image.new("RGB", (EDGE, EDGE), (255, 255, 255))
        x, y = random.integers(-2, 3, 2) + EDGE // 2
        box = [int(x) - SIZES[size], int(y) - SIZES[size], int(x) + SIZES[size], int(y) + SIZES[size]]
        brush = ImageDraw.Draw(image)
        (brush.ellipse if shape == "disc" else brush.rectangle)(box, fill=COLOURS[colour])
        image.save(pictures / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png"})
        for text in (f"A {size} {colour} {shape}.", f"A {shape} that is {colour}."):
            annotations.append({"image_id": number, "caption": text})
    captions.write_text(json.dumps({"images": images, "annotations": annotations}), encoding="utf-8")
    return [str(note["caption"]) for note in annotations]


def write_tokenizer(folder: Path, texts: list[str]) -> Tokenizer:
    """Write a byte-pair tokenizer of GPT-2's form that knows the words of some texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=120, special_tokens=["<|endoftext|>"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def write_gpt2(folder: Path, vocabulary: int) -> None:
    """Write a random GPT-2 of one layer, whose weights are large enough to say something."""
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=32,
        n_embd=WIDTH,
        n_layer=1,
        n_head=2,
        initializer_range=SPREAD,
        resid_pdrop=0.0,  # one kind of dropout is enough to try, and compiles sooner than three
        attn_pdrop=0.0,
    )
    arrays = _random(nnx.eval_shape(lambda: GPT2(config, nnx.Rngs(0))))
    names = {path: path.replace("layers/", "h/") for path in arrays}
    for path, name in names.items():
        if "/c_fc/" in name or ("/c_proj/" in name and "/attn/" not in name):
            names[path] = name.replace("/c_", "/mlp/c_")
    leaves = ("kernel", "scale", "embedding")
    published = {}
    for path, array in arrays.items():
        owner, _, leaf = names[path].replace("/", ".").rpartition(".")
        published[f"{owner}.{'weight' if leaf in leaves else leaf}"] = array
    save_file(published, folder / "model.safetensors")
    values = {name: value for name, value in asdict(config).items() if name != "n_inner"}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")


def write_clip(folder: Path) -> None:
    """Write a random CLIP tower of one layer: without training, too, it tells colours apart."""
    config = ClipVisionConfig(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=WIDTH,
        image_size=EDGE,
        patch_size=EDGE // 2,
    )
    arrays = _random(nnx.eval_shape(lambda: ClipVitSide(config, WIDTH, nnx.Rngs(0))))
    named = {
        published_path(path.removeprefix(TOWER), CLIP_NAMES) if path.startswith(TOWER) else path: array
        for path, array in arrays.items()
    }
    save_file({name.replace("/", "."): array for name, array in named.items()}, folder / "model.safetensors")
    values = {"model_type": "clip", "projection_dim": WIDTH, "vision_config": asdict(config)}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")


def _random(module: nnx.Module) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    found = {}
    for path, parameter in parameters(module):
        spread = random.normal(size=parameter.shape) * SPREAD
        found[path] = (spread + path.endswith("scale")).astype(np.float32)
    return found
