"""Which parameter of a published checkpoint is which parameter of a module here.

Paths are those of the original Flax checkpoints, joined by ``/``. The PyTorch names follow from them.
"""

import re
from collections.abc import Iterator, Mapping

import jax
from flax import nnx

from export.models.bert import Bert
from export.models.clip_text import ClipText
from export.models.clip_vit import ClipVit
from export.models.vit import ViT

Parameter = nnx.Param[jax.Array]

BERT_NAMES: Mapping[str, str] = {
    "embeddings/word": "embeddings/word_embeddings",
    "embeddings/position": "embeddings/position_embeddings",
    "embeddings/token_type": "embeddings/token_type_embeddings",
    "embeddings/norm": "embeddings/LayerNorm",
    "layers/*/attention/query": "encoder/layer/*/attention/self/query",
    "layers/*/attention/key": "encoder/layer/*/attention/self/key",
    "layers/*/attention/value": "encoder/layer/*/attention/self/value",
    "layers/*/attention/out": "encoder/layer/*/attention/output/dense",
    "layers/*/attention_norm": "encoder/layer/*/attention/output/LayerNorm",
    "layers/*/feed_forward/up": "encoder/layer/*/intermediate/dense",
    "layers/*/feed_forward/down": "encoder/layer/*/output/dense",
    "layers/*/output_norm": "encoder/layer/*/output/LayerNorm",
    "pooler": "pooler/dense",
}

VIT_NAMES: Mapping[str, str] = {
    "embeddings/patches": "embeddings/patch_embeddings/projection",
    "embeddings/class_token": "embeddings/cls_token",
    "embeddings/position": "embeddings/position_embeddings",
    "layers/*/attention_norm": "encoder/layer/*/layernorm_before",
    "layers/*/attention/query": "encoder/layer/*/attention/attention/query",
    "layers/*/attention/key": "encoder/layer/*/attention/attention/key",
    "layers/*/attention/value": "encoder/layer/*/attention/attention/value",
    "layers/*/attention/out": "encoder/layer/*/attention/output/dense",
    "layers/*/feed_forward_norm": "encoder/layer/*/layernorm_after",
    "layers/*/feed_forward/up": "encoder/layer/*/intermediate/dense",
    "layers/*/feed_forward/down": "encoder/layer/*/output/dense",
    "norm": "layernorm",
    "pooler": "pooler/dense",
}

# The doubled first part and the misspelt norm are what the published files have.
CLIP_NAMES: Mapping[str, str] = {
    "embeddings/patches": "vision_model/embeddings/patch_embedding",
    "embeddings/class_token": "vision_model/embeddings/class_embedding",
    "embeddings/position": "vision_model/embeddings/position_embedding/embedding",
    "pre_norm": "vision_model/pre_layrnorm",
    "layers/*/attention_norm": "vision_model/encoder/layers/*/layer_norm1",
    "layers/*/attention/query": "vision_model/encoder/layers/*/self_attn/q_proj",
    "layers/*/attention/key": "vision_model/encoder/layers/*/self_attn/k_proj",
    "layers/*/attention/value": "vision_model/encoder/layers/*/self_attn/v_proj",
    "layers/*/attention/out": "vision_model/encoder/layers/*/self_attn/out_proj",
    "layers/*/feed_forward_norm": "vision_model/encoder/layers/*/layer_norm2",
    "layers/*/feed_forward/up": "vision_model/encoder/layers/*/mlp/fc1",
    "layers/*/feed_forward/down": "vision_model/encoder/layers/*/mlp/fc2",
    "post_norm": "vision_model/post_layernorm",
}

CLIP_TEXT_NAMES: Mapping[str, str] = {
    "embeddings/token": "embeddings/token_embedding",
    "embeddings/position": "embeddings/position_embedding",
    "layers/*/attention_norm": "encoder/layers/*/layer_norm1",
    "layers/*/attention/query": "encoder/layers/*/self_attn/q_proj",
    "layers/*/attention/key": "encoder/layers/*/self_attn/k_proj",
    "layers/*/attention/value": "encoder/layers/*/self_attn/v_proj",
    "layers/*/attention/out": "encoder/layers/*/self_attn/out_proj",
    "layers/*/feed_forward_norm": "encoder/layers/*/layer_norm2",
    "layers/*/feed_forward/up": "encoder/layers/*/mlp/fc1",
    "layers/*/feed_forward/down": "encoder/layers/*/mlp/fc2",
    "final_norm": "final_layer_norm",
}

LAYER_NUMBER = re.compile(r"(?<=^layers/)\d+(?=/)")


def parameters(module: nnx.Module) -> Iterator[tuple[str, Parameter]]:
    """Yield every parameter with its ``/``-joined path inside the module."""
    for path, value in nnx.to_flat_state(nnx.state(module, nnx.Param)):
        yield "/".join(str(part) for part in path), value


def published_path(path: str, names: Mapping[str, str]) -> str:
    """Return the published path of a parameter, its own where the table does not name it or its owner."""
    number = LAYER_NUMBER.search(path)
    key = LAYER_NUMBER.sub("*", path)
    owner, _, leaf = key.rpartition("/")
    if key in names:
        renamed = names[key]
    elif owner in names:
        renamed = f"{names[owner]}/{leaf}"
    else:
        return path
    return renamed if number is None else renamed.replace("*", number.group())


def tower_names(tower: nnx.Module) -> Mapping[str, str]:
    """Return the table of names of a tower; empty where its own paths are the published ones."""
    tables = ((Bert, BERT_NAMES), (ClipText, CLIP_TEXT_NAMES), (ViT, VIT_NAMES), (ClipVit, CLIP_NAMES))
    return next((names for kind, names in tables if isinstance(tower, kind)), {})


def published_parameters(module: nnx.Module, prefix: str = "") -> dict[str, Parameter]:
    """Return every parameter of a tower, or of a model made of towers, under its published path.

    The parameters are the module's own: setting one sets it in the module.
    """
    towers = {name: part for name, part in vars(module).items() if tower_names(part)} if not prefix else {}
    found: dict[str, Parameter] = {}
    for name, tower in towers.items():
        found |= published_parameters(tower, f"{name}/")
    names = tower_names(module)
    for path, variable in parameters(module):
        if path.split("/", 1)[0] not in towers:
            found[prefix + published_path(path, names)] = variable
    return found
