"""Which parameter of a published checkpoint is which parameter of a module here.

Paths are those of the original Flax checkpoints, joined by ``/``. The PyTorch names follow from them.
"""

import re
from collections.abc import Iterator, Mapping

import jax
from flax import nnx

from export.models.bert import Bert

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


def parameters(module: nnx.Module) -> Iterator[tuple[str, nnx.Param[jax.Array]]]:
    """Yield every parameter with its ``/``-joined path inside the module."""
    for path, value in nnx.to_flat_state(nnx.state(module, nnx.Param)):
        yield "/".join(str(part) for part in path), value


def published_path(path: str, names: Mapping[str, str]) -> str:
    """Return the published path of a parameter, itself where the table does not rename its owner."""
    number = re.search(r"(?<=/)\d+(?=/)", path)
    key = path if number is None else re.sub(r"(?<=/)\d+(?=/)", "*", path, count=1)
    owner, _, leaf = key.rpartition("/")
    renamed = f"{names.get(owner, owner)}/{leaf}".lstrip("/")
    return names.get(key, renamed if number is None else renamed.replace("*", number.group(), 1))


def tower_names(tower: nnx.Module) -> Mapping[str, str]:
    """Return the table of names for this tower; empty where a tower's own paths are its published ones."""
    return BERT_NAMES if isinstance(tower, Bert) else {}
