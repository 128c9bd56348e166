"""Reads PyTorch-named safetensors of BERT encoders, such as all-MiniLM-L6-v2, into the modules here."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
from flax import nnx
from safetensors import SafetensorError
from safetensors.numpy import load_file

from export.checkpoints.assign import assign
from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import published_parameters
from export.models.bert import Bert, BertConfig

Array = npt.NDArray[Any]

BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
"""Constant tables that some library versions store beside the parameters."""


def read_safetensors(path: Path) -> dict[str, Array]:
    """Read every array of a safetensors file.

    Raises:
        CheckpointError: the file is missing or not a safetensors file.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error


def read_bert_config(folder: Path) -> BertConfig:
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


def _renamed(tensors: Mapping[str, Array], names: Mapping[str, str]) -> dict[str, Array]:
    """Give tensors their Flax paths, kernels turned to (in, out); tensors of no known name keep theirs."""
    prefix = "bert." if any(name.startswith("bert.") for name in tensors) else ""
    arrays: dict[str, Array] = {}
    for full_name, tensor in tensors.items():
        name = full_name.removeprefix(prefix)
        path = names.get(name, full_name)
        if name not in BUFFERS:
            arrays[path] = tensor.T if path.endswith("/kernel") else tensor
    return arrays


def load_bert(folder: Path) -> Bert:
    """Load the encoder whose ``config.json`` and ``model.safetensors`` lie in a folder.

    Raises:
        CheckpointError: a file cannot be read, or a parameter is missing, unknown or of another shape.
    """
    config = read_bert_config(folder)
    file = folder / "model.safetensors"
    model: Bert = nnx.eval_shape(lambda: Bert(config, nnx.Rngs(0)))
    parameters = published_parameters(model)
    names = {_torch_name(path): path for path in parameters}
    assign(parameters, _renamed(read_safetensors(file), names), source=str(file))
    return model
