"""Made-up replies and tiny random towers: a trial of clip-reply that needs no data and no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from export.checkpoints.msgpack import empty_model, write_arrays
from export.checkpoints.paths import Parameter, published_parameters
from export.importing.clip_vision import ClipVitSide
from export.importing.plain_clip import save_plain_clip
from export.models.clip_text import ClipTextConfig
from export.models.clip_vit import ClipVisionConfig
from export.models.hybrid_config import HybridCLIPConfig
from export.models.roberta import Roberta, RobertaConfig
from export.recipes.clip_reply import ClipReply

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 200, 60),
    "blue": (50, 70, 230),
    "yellow": (240, 220, 50),
    "black": (15, 15, 15),
    "white": (245, 245, 245),
    "pink": (250, 130, 200),
}
PHRASES = ("{} over {}", "a {} sky on {}")
WORDS = ("<s>", "<pad>", "<unk>", *COLOURS, "over", "a", "sky", "on", "</s>")
"""The token that ends a text comes last: CLIP knows it by that."""

SIZES: Mapping[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "initializer_range": 0.2,
}
VISION = ClipVisionConfig(**SIZES, image_size=16, patch_size=8)
TEXT: Mapping[str, Any] = {**SIZES, "vocab_size": len(WORDS), "max_position_embeddings": 8, "pad_token_id": 1}
WIDTH = 24
EDGE = 16


def made_up(recipe: ClipReply, folder: Path) -> tuple[ClipReply, Path]:
    """Write pairs and towers, and return the recipe that starts from these, and the folder of the pairs.

    Args:
        recipe: with a name for a whole CLIP, a made-up one is used.
        folder: where all of it goes; it is made where it is missing.
    """
    for name in ("text", "vision", "clip", "pairs/gifs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_pairs(folder / "pairs", recipe.seed)
    random = np.random.default_rng(recipe.seed)
    if recipe.clip is not None:
        whole = empty_model(HybridCLIPConfig(ClipTextConfig(**TEXT), VISION, WIDTH))
        _draw(published_parameters(whole), random)
        save_plain_clip(whole, folder / "clip")
        _tokenizer().save(str(folder / "clip" / "tokenizer.json"))
        return replace(recipe, clip=str(folder / "clip")), folder / "pairs"
    _write_towers(folder, random)
    return replace(recipe, text=str(folder / "text"), vision=str(folder / "vision")), folder / "pairs"


def _write_pairs(folder: Path, seed: int) -> None:
    """Write a GIF of two frames for each two colours, and texts that name them."""
    rng = np.random.default_rng(seed)
    lines = []
    for upper, lower in product(COLOURS, COLOURS):
        halves = [np.array(COLOURS[name]) for name in (upper, lower)]
        frames = []
        for _ in range(2):
            pixels = np.repeat(halves, EDGE // 2, axis=0)[:, None].repeat(EDGE, axis=1)
            pixels = pixels + rng.integers(-20, 21, pixels.shape)
            frames.append(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))
        name = f"gifs/{upper}-{lower}.gif"
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=100)
        lines += [json.dumps({"text": phrase.format(upper, lower), "gif": name}) for phrase in PHRASES]
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tokenizer() -> Tokenizer:
    words = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>"])
    ends = ("</s>", words["</s>"]), ("<s>", words["<s>"])
    tokenizer.post_processor = processors.BertProcessing(*ends)
    return tokenizer


def _write_towers(folder: Path, random: np.random.Generator) -> None:
    text = RobertaConfig(**TEXT, type_vocab_size=1)
    tower: Roberta = nnx.eval_shape(lambda: Roberta(text, nnx.Rngs(0)))
    _write(folder / "text", tower, {"model_type": "roberta", **asdict(text)}, random)
    _tokenizer().save(str(folder / "text" / "tokenizer.json"))
    side: ClipVitSide = nnx.eval_shape(lambda: ClipVitSide(VISION, WIDTH, nnx.Rngs(0)))
    kind = {"model_type": "clip_vision_model", "projection_dim": WIDTH}
    _write(folder / "vision", side, {**kind, **asdict(VISION)}, random)


def _write(folder: Path, module: nnx.Module, config: Mapping[str, Any], random: np.random.Generator) -> None:
    parameters = published_parameters(module)
    _draw(parameters, random)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    arrays = {name: np.asarray(parameter.get_value()) for name, parameter in parameters.items()}
    write_arrays(folder / "flax_model.msgpack", arrays)


def _draw(parameters: Mapping[str, Parameter], random: np.random.Generator) -> None:
    """Give every parameter a value, as a model that nobody trained has them."""
    for name, parameter in parameters.items():
        values = random.normal(0, 0.2, parameter.shape)
        if name.endswith(("bias", "scale")):
            values = np.full(parameter.shape, float(name.endswith("scale")))
        parameter.set_value(jnp.asarray(values, jnp.float32))
