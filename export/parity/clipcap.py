"""The check of one captioner's case: checkpoint, forward passes, generated captions, training runs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx

from export.checkpoints.clipcap import load_clipcap_folder, published_shapes, published_state, read_state
from export.checkpoints.errors import CheckpointError
from export.clipcap_train import CaptionBatch, token_losses
from export.models.clipcap import ClipCap, ClipCapConfig
from export.models.config import ConfigError
from export.parity.clipcap_generate import check_generation
from export.parity.clipcap_train import check_training, loss_of, run_model
from export.parity.files import CaseError, read_json, read_npz
from export.parity.report import CaseReport, Comparison, compare, compare_shapes, unlike

Array = npt.NDArray[Any]

INPUTS = ("prefix", "tokens", "mask")
TOLERANCES: Mapping[str, float] = {
    "clip_project_raw": 1e-5,
    "prefix_embeds": 1e-5,
    "logits": 1e-4,
    "logits_no_mask": 1e-4,
    "loss": 1e-4,
    "loss_labels_path": 1e-4,
}
"""Largest allowed absolute difference of two float32 runs, where the numbers are small."""

RELATIVE_TOLERANCE = 2e-6
"""Of the largest number of an output. A transformer's prefixes reach 20; there the original is 1.1e-5 off."""

FULL_TREES = "param_tree_full_*.json"

run_mapper = nnx.jit(lambda model, prefix: model.mapper(prefix))


def check_clipcap(folder: Path, report: CaseReport) -> None:
    """Compare everything that the folder has records of; the others are listed as skipped."""
    try:
        model = load_clipcap_folder(folder)
        report.outputs |= check_parameters(model, folder, report)
        arrays = read_npz(folder / "io.npz")
    except (CheckpointError, CaseError) as error:
        report.errors.append(str(error))
        return
    checks: dict[str, Callable[[], dict[str, Comparison]]] = {
        "io.npz": lambda: check_forward(model, arrays),
        "generate.json": lambda: check_generation(model, arrays, read_json(folder / "generate.json")),
        "train.json": lambda: check_training(model, batch_of(arrays), read_json(folder / "train.json")),
    }
    for name, check in checks.items():
        if report.has(folder / name):
            try:
                report.outputs |= check()
            except CaseError as error:
                report.errors.append(str(error))


def check_parameters(model: ClipCap, folder: Path, report: CaseReport) -> dict[str, Comparison]:
    """Compare what was loaded with the file, exactly, and with the recorded tree of names."""
    loaded, stored = published_state(model), read_state(folder)
    each = [compare(loaded[name], stored[name].astype("float32"), 0.0) for name in loaded]
    found = {"parameters": max(each, key=lambda c: (not c.ok, c.max_abs_diff or 0.0))}
    if report.has(folder / "param_tree.json"):
        tree = read_tree(read_json(folder / "param_tree.json"), "param_tree.json")
        found["param_tree"] = compare_shapes({name: array.shape for name, array in loaded.items()}, tree)
    return found


def read_tree(leaves: Any, file: str) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the parameters in a list of ``{key, shape, parameter}``.

    Raises:
        CaseError: it is not such a list.
    """
    try:
        return {leaf["key"]: tuple(leaf["shape"]) for leaf in leaves if leaf.get("parameter", True)}
    except (TypeError, KeyError, AttributeError) as error:
        raise CaseError(f"{file} is not a list of keys and shapes") from error


def batch_of(arrays: Mapping[str, Array]) -> CaptionBatch:
    """Return texts, mask and the prefixes of as many pictures.

    Raises:
        CaseError: one of them is missing or there are too few pictures.
    """
    missing = [name for name in INPUTS if name not in arrays]
    if missing:
        raise CaseError(f"io.npz lacks {missing[0]}")
    tokens, prefix = arrays["tokens"], arrays["prefix"]
    if len(prefix) < len(tokens):
        raise CaseError(f"io.npz has {len(tokens)} texts and only {len(prefix)} prefixes")
    return CaptionBatch(
        jnp.asarray(tokens, jnp.int32), jnp.asarray(arrays["mask"]), jnp.asarray(prefix[: len(tokens)])
    )


def check_forward(model: ClipCap, arrays: Mapping[str, Array]) -> dict[str, Comparison]:
    """Recompute and compare every output of ``io.npz``."""
    batch = batch_of(arrays)
    length = model.config.prefix_length
    raw = np.asarray(run_mapper(model, jnp.asarray(arrays["prefix"])))
    logits = run_model(model, batch.tokens, batch.prefix, batch.mask)
    # What a call leaves out is spelt out, so that both calls are compiled once.
    everything = jnp.ones_like(batch.mask)
    outputs: dict[str, Callable[[], npt.ArrayLike]] = {
        "clip_project_raw": lambda: raw,
        "prefix_embeds": lambda: raw.reshape(-1, length, model.config.gpt2.n_embd),
        "logits": lambda: logits,
        "logits_no_mask": lambda: run_model(model, batch.tokens, batch.prefix, everything),
        "loss": lambda: loss_of(logits, batch.tokens, prefix_length=length),
        "loss_labels_path": lambda: labels_loss(logits, batch.tokens, length),
    }
    found: dict[str, Comparison] = {}
    for name in [name for name in arrays if name not in INPUTS]:
        if name not in outputs:
            found[name] = unlike(f"no output is known by the name {name}")
        else:
            largest = float(np.max(np.abs(arrays[name]), initial=0.0))
            tolerance = max(TOLERANCES[name], RELATIVE_TOLERANCE * largest)
            found[name] = compare(outputs[name](), arrays[name], tolerance)
    return found


def labels_loss(logits: jax.Array, tokens: jax.Array, prefix_length: int) -> jax.Array:
    """Return the loss over prefix and text with id 0 for the prefix, nothing left out."""
    front = jnp.zeros((tokens.shape[0], prefix_length), tokens.dtype)
    labels = jnp.concatenate([front, tokens], axis=1)
    return jnp.mean(token_losses(logits[:, :-1], labels[:, 1:]))


def has_full_trees(folder: Path) -> bool:
    """Tell whether the names and shapes of full-size captioners lie in a folder."""
    return any(folder.glob(FULL_TREES))


def check_full_trees(folder: Path, report: CaseReport) -> None:
    """Compare the names and shapes of full-size models, which are not filled with numbers."""
    for path in sorted(folder.glob(FULL_TREES)):
        try:
            content = read_json(path)
            shapes = published_shapes(_full_config(content, path.name))
            tree = read_tree(content["state_dict"], path.name)
            without_head = {
                name: shape for name, shape in tree.items() if name in shapes or not _is_head(name)
            }
            report.outputs[path.stem] = compare_shapes(shapes, without_head)
        except (CaseError, CheckpointError, ConfigError) as error:
            report.errors.append(str(error))


def _is_head(name: str) -> bool:
    return name == "gpt.lm_head.weight"


def _full_config(content: Any, file: str) -> ClipCapConfig:
    """Read the arguments that a recorded full-size model was made with."""
    try:
        table = next(leaf["shape"] for leaf in content["state_dict"] if leaf["key"].endswith("wte.weight"))
        gpt2 = {"vocab_size": int(table[0]), "n_embd": int(table[1])}
        return ClipCapConfig.from_dict({**content["args"], "gpt2": gpt2})
    except (KeyError, TypeError, StopIteration, ValueError) as error:
        raise CaseError(f"{file} does not name its arguments and parameters") from error
