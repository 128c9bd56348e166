"""Hybrid CLIP models of a few thousand random parameters, and recorded cases made from them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from export.checkpoints.msgpack import empty_model, parameter_arrays, save_hybrid_clip, write_arrays
from export.checkpoints.paths import published_parameters
from export.models.bert import BertConfig
from export.models.clip_vit import ClipVisionConfig
from export.models.hybrid_clip import HybridCLIP, HybridCLIPConfig
from export.models.roberta import RobertaConfig, offset_position_ids
from export.models.vit import ViTConfig

compare_all: Any = nnx.jit(HybridCLIP.__call__)

TEXT_SIZES: Mapping[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 20,
    "initializer_range": 0.3,
}
VISION_SIZES: Mapping[str, Any] = {
    "hidden_size": 10,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 14,
    "image_size": 12,
    "patch_size": 6,
    "initializer_range": 0.3,
}


def config(**changes: Any) -> HybridCLIPConfig:
    """Return a config of BERT and CLIP ViT; ``changes`` replace fields of the whole."""
    parts: dict[str, Any] = {
        "text": BertConfig(**TEXT_SIZES),
        "vision": ClipVisionConfig(**VISION_SIZES),
        "projection_dim": 7,
    }
    return HybridCLIPConfig(**{**parts, **changes})


def other_config(**changes: Any) -> HybridCLIPConfig:
    """Return a config of RoBERTa and plain ViT with dropout and less usual activations."""
    text = RobertaConfig(
        **TEXT_SIZES, type_vocab_size=1, hidden_act="gelu_new", layer_norm_eps=1e-6, pad_token_id=3
    )
    vision = ViTConfig(**VISION_SIZES, hidden_act="relu", hidden_dropout_prob=0.2)
    return config(text=text, vision=vision, **changes)


def model(of: HybridCLIPConfig, seed: int = 0) -> HybridCLIP:
    """Return a model whose biases and norms are as random as its kernels."""
    made = empty_model(of)
    random = np.random.default_rng(seed)
    for name, parameter in published_parameters(made).items():
        values = random.normal(1 if name.endswith("scale") else 0, 0.3, parameter.shape)
        parameter.set_value(jnp.asarray(values.astype(np.float32)))
    return made


def inputs(of: HybridCLIPConfig, texts: int = 5, pictures: int = 4, tokens: int = 9) -> dict[str, Any]:
    """Return random texts of different lengths and random pictures."""
    random = np.random.default_rng(1)
    lengths = np.array([tokens, 3, 5, 1, 7])[:texts]
    mask = (np.arange(tokens)[None] < lengths[:, None]).astype(np.int32)
    ids = random.integers(4, of.text.vocab_size, (texts, tokens)).astype(np.int32)
    ids[mask == 0] = of.text.pad_token_id
    size = of.vision.image_size
    pixels = random.normal(0, 1, (pictures, size, size, 3)).astype(np.float32)
    return {"input_ids": ids, "attention_mask": mask, "pixel_values": pixels}


def record_case(folder: Path, of: HybridCLIPConfig) -> Path:
    """Write a case as the originals are recorded, its outputs by plain calls of the model itself."""
    made, arrays = model(of), inputs(of)
    save_hybrid_clip(made, folder)
    ids, mask, pixels = arrays["input_ids"], arrays["attention_mask"], arrays["pixel_values"]
    positions = np.asarray(offset_position_ids(jnp.asarray(ids), of.text.pad_token_id))
    calls = {"default": (mask, None), "no_mask": (None, None), "offset": (mask, positions)}
    recorded = {**arrays, "position_ids_offset": positions}
    for tag, (given_mask, given_positions) in calls.items():
        out = compare_all(made, ids, pixels, given_mask, given_positions)
        recorded |= {
            f"{tag}/logits_per_image": out.logits_per_image,
            f"{tag}/text_embeds": out.text.embeds,
            f"{tag}/text_last_hidden_state": out.text.tower.last_hidden_state,
            f"{tag}/image_features": out.image.features,
            f"{tag}/image_pooler_output": out.image.pooler_output,
        }
    stored: dict[str, Any] = {name: np.asarray(array) for name, array in recorded.items()}
    np.savez(folder / "io.npz", **stored)
    tree = [
        {"path": n, "shape": list(a.shape), "dtype": "float32"} for n, a in parameter_arrays(made).items()
    ]
    (folder / "param_tree.json").write_text(json.dumps(tree))
    return folder


def rewrite_parameters(folder: Path, arrays: Mapping[str, Any]) -> None:
    """Replace the parameters of a case."""
    write_arrays(folder / "flax_model.msgpack", arrays)
