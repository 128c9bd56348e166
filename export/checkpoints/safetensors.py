"""Reads PyTorch-named safetensors of BERT encoders, such as all-MiniLM-L6-v2, into the modules here."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from flax import nnx
from safetensors import SafetensorError
from safetensors.numpy import load_file

from export.checkpoints.assign import assign
from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import BERT_NAMES, parameters, published_path
from export.models.bert import Bert, BertConfig

BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
"""Constant tables that some library versions store beside the parameters."""


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Read every array of a safetensors file.

    Raises:
        CheckpointError: the file is missing or not a safetensors file.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error


def read_config(folder: Path) -> BertConfig:
    """Read the ``config.json`` of a published BERT encoder.

    Raises:
        CheckpointError: the file is missing, not JSON, or not a BERT's.
    """
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict) or values.get("model_type") != "bert":
        raise CheckpointError(f"{path} does not describe a BERT (its model_type is not 'bert')")
    return BertConfig.from_dict(values)


def _torch_name(published: str) -> str:
    """``pooler/dense/kernel`` -> ``pooler.dense.weight``."""
    owner, leaf = published.replace("/", ".").rsplit(".", 1)
    return f"{owner}.{'bias' if leaf == 'bias' else 'weight'}"


def _flax_arrays(model: Bert, tensors: Mapping[str, np.ndarray], source: str) -> dict[str, np.ndarray]:
    """Rename tensors to module paths, kernels transposed to (in, out); unknown ones keep their names."""
    prefix = "bert." if any(name.startswith("bert.") for name in tensors) else ""
    rest = {n.removeprefix(prefix): t for n, t in tensors.items() if n.removeprefix(prefix) not in BUFFERS}
    arrays: dict[str, np.ndarray] = {}
    for path, _ in parameters(model):
        name = _torch_name(published_path(path, BERT_NAMES))
        if name not in rest:
            raise CheckpointError(f"{source}: {prefix}{name} is missing")
        tensor = rest.pop(name)
        arrays[path] = tensor.T if path.endswith("/kernel") else tensor
    return arrays | rest


def load_bert(folder: Path) -> Bert:
    """Load the encoder whose ``config.json`` and ``model.safetensors`` lie in a folder.

    Raises:
        CheckpointError: a file cannot be read, or a parameter is missing, unknown or of another shape.
    """
    config = read_config(folder)
    file = folder / "model.safetensors"
    model = nnx.eval_shape(lambda: Bert(config, nnx.Rngs(0)))
    assign(model, _flax_arrays(model, read_safetensors(file), str(file)), source=str(file))
    return model
