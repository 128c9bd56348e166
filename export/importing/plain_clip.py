"""A plain CLIP as a Hybrid CLIP: the same parts under other names, and another ``config.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import jax
import numpy.typing as npt

from export.checkpoints.msgpack import CONFIG_FILE, WEIGHTS_FILE, parameter_arrays, write_arrays
from export.models.hybrid_clip import HybridCLIP

Array = npt.NDArray[Any]

PLAIN = "clip"
"""The model_type of a whole CLIP."""

TOWER = "vision_model"


def is_plain_clip(folder: Path) -> bool:
    """Say whether the ``config.json`` of a folder is that of a plain CLIP; False where it cannot be read."""
    try:
        values = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and values.get("model_type") == PLAIN


def as_hybrid(arrays: MutableMapping[str, Array]) -> dict[str, Array]:
    """Move a plain CLIP's arrays, named by Flax or PyTorch, under a Hybrid CLIP's names; empties `arrays`."""
    found: dict[str, Array] = {}
    for name in list(arrays):
        bare = name.removeprefix("params/")
        separator = "/" if "/" in bare else "."
        doubled = bare.startswith(f"{TOWER}{separator}")
        found[f"{TOWER}{separator}{bare}" if doubled else bare] = arrays.pop(name)
    return found


def save_plain_clip(model: HybridCLIP, folder: Path) -> None:
    """Write a model of CLIP's two towers as a plain CLIP: ``config.json`` and ``flax_model.msgpack``."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {**model.config.to_dict(), "architectures": ["CLIPModel"], "model_type": PLAIN}
    text = json.dumps(values, indent=2, sort_keys=True)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
    write_arrays(folder / WEIGHTS_FILE, jax.device_get(_undoubled(parameter_arrays(model))))


def _undoubled(arrays: Mapping[str, Array]) -> dict[str, Array]:
    doubled = f"{TOWER}/{TOWER}/"
    return {
        f"{TOWER}/{name.removeprefix(doubled)}" if name.startswith(doubled) else name: array
        for name, array in arrays.items()
    }
