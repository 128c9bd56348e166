"""Reads and writes captioners under the names of the original's state dict.

GPT-2's own linear kernels are stored (in, out) there, those of the mapper (out, in). The output matrix is in
the file a second time, and older files hold constant masks too.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from flax import nnx
from safetensors.numpy import save_file

from export.checkpoints.assign import assign, mismatches
from export.checkpoints.errors import CheckpointError
from export.checkpoints.paths import parameters
from export.checkpoints.safetensors import read_safetensors
from export.checkpoints.torch_state import load_torch_state
from export.models.clipcap import ClipCap, ClipCapConfig
from export.models.config import ConfigError
from export.models.gpt2 import GPT2Config

Array = npt.NDArray[Any]

CONFIG_FILE = "config.json"
WEIGHTS_FILES = ("model.safetensors", "state_dict.pt", "pytorch_model.bin")
"""Names that the weights beside a ``config.json`` may have, in the order in which they are looked for."""

SOURCE = "The captioner's checkpoint"
HEAD, TABLE = "gpt.lm_head.weight", "gpt.transformer.wte.weight"
BUFFER = re.compile(r"gpt\.transformer\.h\.\d+\.attn\.(masked_)?bias")
HEAD_WIDTH = 64
"""Of every published GPT-2; a state dict does not tell it."""

RENAMED = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^gpt/layers/(\d+)/(c_fc|c_proj)/", r"gpt/transformer/h/\1/mlp/\2/"),
        (r"^gpt/layers/", "gpt/transformer/h/"),
        (r"^gpt/(wte|wpe|ln_f)/", r"gpt/transformer/\1/"),
        (r"^mapper/layers/(\d+)/(fc[12])/", r"clip_project/transformer/layers/\1/mlp/\2/"),
        (r"^mapper/layers/", "clip_project/transformer/layers/"),
        (r"^mapper/up/", "clip_project/model/0/"),
        (r"^mapper/down/", "clip_project/model/2/"),
        (r"^mapper/(only/)?", "clip_project/"),
        (r"/(kernel|scale|embedding)$", "/weight"),
    )
)
"""Applied one after the other to a parameter's path here."""


def published_name(path: str) -> str:
    """Return the original's name of a parameter here."""
    for pattern, name in RENAMED:
        path = pattern.sub(name, path)
    return path.replace("/", ".")


def _is_turned(path: str) -> bool:
    """Say whether a kernel is (out, in) in the file."""
    return path.startswith("mapper/") and path.endswith("/kernel")


def empty_clipcap(config: ClipCapConfig) -> ClipCap:
    """Make a model whose parameters have shapes but no values yet.

    Raises:
        CheckpointError: the sizes in the config contradict each other.
    """
    try:
        model: ClipCap = nnx.eval_shape(lambda: ClipCap(config, nnx.Rngs(0)))
    except ValueError as error:
        raise CheckpointError(f"{SOURCE} cannot be used: {error}.") from error
    return model


def published_shapes(config: ClipCapConfig) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the parameters in the original's file, the second head left out."""
    shapes = {}
    for path, parameter in parameters(empty_clipcap(config)):
        shape = tuple(parameter.shape)
        shapes[published_name(path)] = shape[::-1] if _is_turned(path) else shape
    return shapes


def _rows(state: Mapping[str, Array], name: str, axes: int = 2) -> tuple[int, ...]:
    """Return the shape of an array that the sizes are told by."""
    if name not in state:
        raise CheckpointError(f"{SOURCE} has no {name}, so that its sizes cannot be told.")
    if state[name].ndim != axes:
        raise CheckpointError(f"{SOURCE}: {name} has the shape {state[name].shape}, not {axes} axes.")
    return state[name].shape


def _count(state: Mapping[str, Array], prefix: str) -> int:
    """Return how many numbered layers there are."""
    numbers = {name.removeprefix(prefix).split(".", 1)[0] for name in state if name.startswith(prefix)}
    return sum(number.isdecimal() for number in numbers)


def infer_gpt2(state: Mapping[str, Array], heads: int | None = None) -> GPT2Config:
    """Tell the sizes of a GPT-2 by the shapes in a state dict.

    Args:
        state: name to array.
        heads: the number of attention heads; one for each 64 of the width where None.

    Raises:
        CheckpointError: an array that tells a size is missing, or the width is not a multiple of 64.
    """
    vocabulary, width = _rows(state, TABLE)
    if heads is None and width % HEAD_WIDTH:
        raise CheckpointError(f"{SOURCE} is {width} wide; the number of attention heads must be given.")
    return GPT2Config(
        vocab_size=vocabulary,
        n_positions=_rows(state, "gpt.transformer.wpe.weight")[0],
        n_embd=width,
        n_layer=_count(state, "gpt.transformer.h."),
        n_head=heads or width // HEAD_WIDTH,
        n_inner=_rows(state, "gpt.transformer.h.0.mlp.c_fc.weight")[1],
    )


def infer_config(state: Mapping[str, Array], heads: int | None = None) -> ClipCapConfig:
    """Tell the kind and all sizes by a state dict; arguments and errors as `infer_gpt2`."""
    gpt2 = infer_gpt2(state, heads)
    width = gpt2.n_embd
    try:
        if "clip_project.prefix_const" in state:
            rows, size = _rows(state, "clip_project.linear.weight")
            return ClipCapConfig(
                kind="transformer",
                prefix_length=_rows(state, "clip_project.prefix_const")[0],
                prefix_size=size,
                clip_length=rows // width,
                mapper_layers=_count(state, "clip_project.transformer.layers."),
                gpt2=gpt2,
            )
        if "clip_project.weight" in state:
            rows, size = _rows(state, "clip_project.weight")
            return ClipCapConfig(kind="linear", prefix_length=rows // width, prefix_size=size, gpt2=gpt2)
        size = _rows(state, "clip_project.model.0.weight")[1]
        rows = _rows(state, "clip_project.model.2.weight")[0]
        return ClipCapConfig(kind="mlp", prefix_length=rows // width, prefix_size=size, gpt2=gpt2)
    except ConfigError as error:
        raise CheckpointError(f"{SOURCE} cannot be used: {error}.") from error


def _own(state: Mapping[str, Array]) -> dict[str, Array]:
    """Leave out the buffers and the second copy of the output matrix."""
    if HEAD in state and TABLE in state and not np.array_equal(state[HEAD], state[TABLE]):
        raise CheckpointError(f"{SOURCE}: {HEAD} differs from {TABLE}, it must be the same matrix.")
    return {name: array for name, array in state.items() if name != HEAD and not BUFFER.fullmatch(name)}


def load_clipcap(
    state: Mapping[str, Array], config: ClipCapConfig | None = None, *, source: str = SOURCE
) -> tuple[ClipCapConfig, dict[str, Array]]:
    """Check a state dict of the original and rename it.

    Args:
        state: name to array, as read from the file.
        config: what it should be; told by the arrays where None.
        source: what messages call it.

    Returns:
        The config and (path here, array in the layout here).

    Raises:
        CheckpointError: a parameter is missing, unknown or of another shape; the message lists them.
    """
    config = config or infer_config(state)
    own = _own(state)
    problems = mismatches(published_shapes(config), own)
    if problems:
        raise CheckpointError(f"{source} does not fit the model. Parameters: {'; '.join(problems)}.")
    paths = [path for path, _ in parameters(empty_clipcap(config))]
    arrays = {path: own[published_name(path)] for path in paths}
    return config, {path: array.T if _is_turned(path) else array for path, array in arrays.items()}


def build_clipcap(config: ClipCapConfig, weights: Mapping[str, Array], *, source: str = SOURCE) -> ClipCap:
    """Make the model of what `load_clipcap` returns.

    Raises:
        CheckpointError: names or shapes differ.
    """
    model = empty_clipcap(config)
    assign(dict(parameters(model)), weights, source=source)
    return model


def published_state(model: ClipCap) -> dict[str, Array]:
    """Return the parameters as float32 arrays under the original's names, in its layout."""
    found: dict[str, Array] = {}
    for path, parameter in parameters(model):
        array = np.asarray(parameter.get_value())
        found[published_name(path)] = np.ascontiguousarray(array.T if _is_turned(path) else array)
    return found


def read_config(folder: Path) -> ClipCapConfig:
    """Read the ``config.json`` of a folder.

    Raises:
        CheckpointError: the file is missing, not JSON, or does not describe a captioner.
    """
    path = folder / CONFIG_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds a {type(values).__name__} instead of named settings.")
    try:
        return ClipCapConfig.from_dict(values)
    except ConfigError as error:
        raise CheckpointError(f"{path} cannot be used: {error}.") from error


def read_state(folder: Path) -> dict[str, Array]:
    """Read the weights of a folder, under whichever of the known names they are.

    Raises:
        CheckpointError: there are none, or the file is damaged or holds anything but tensors.
    """
    for name in WEIGHTS_FILES:
        path = folder / name
        if path.exists():
            if path.suffix == ".safetensors":
                return read_safetensors(path)
            try:
                return load_torch_state(path)
            except CheckpointError as error:
                raise CheckpointError(f"{path}: {error}") from error
    raise CheckpointError(f"{folder} has none of {', '.join(WEIGHTS_FILES)}.")


def load_clipcap_folder(folder: Path) -> ClipCap:
    """Load the model of a folder with ``config.json`` and weights.

    Raises:
        CheckpointError: a file cannot be read, or a parameter is missing, unknown or of another shape.
    """
    config, weights = load_clipcap(read_state(folder), read_config(folder), source=str(folder))
    return build_clipcap(config, weights)


def save_clipcap(model: ClipCap, folder: Path) -> None:
    """Write a folder that `load_clipcap_folder` reads; it is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(model.config.to_dict(), indent=2, sort_keys=True)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
    save_file(published_state(model), folder / WEIGHTS_FILES[0])
