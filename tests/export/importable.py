"""Checkpoints of the fixtures in every format, with tokenizers that fit their small vocabularies."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from export.checkpoints.msgpack import read_arrays
from export.checkpoints.torch_state import load_torch_state
from export.importing.weights import TURNED, torch_name

Array = npt.NDArray[Any]

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
LETTERS = [*(chr(code) for code in range(33, 127)), "\u0120"]
BACK = {2: (1, 0), 4: (3, 2, 0, 1)}


def fixtures() -> Path:
    """Return the folder of recorded cases: REPARTEE_SHARED's, else the one beside the checkout."""
    shared = os.environ.get("REPARTEE_SHARED")
    return (Path(shared) if shared else Path(__file__).resolve().parents[3] / "shared") / "fixtures"


def byte_pairs(folder: Path, special: list[str] | None = None) -> None:
    """Write vocab.json and merges.txt that know printable ASCII and one merge."""
    tokens = [*(SPECIAL if special is None else special), *LETTERS, "hi"]
    (folder / "vocab.json").write_text(json.dumps({token: row for row, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\nh i\n")


def word_pieces(folder: Path) -> None:
    """Write a vocab.txt of single letters, cased."""
    letters = [chr(code) for code in range(33, 127)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters[:90])]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')


def hybrid(case: str, folder: Path, form: str = "msgpack") -> Path:
    """Copy a Hybrid CLIP of the fixtures with a tokenizer, its weights in one of three formats."""
    folder.mkdir(parents=True)
    source = fixtures() / "hybrid_clip" / case
    shutil.copyfile(source / "config.json", folder / "config.json")
    arrays = read_arrays(source / "flax_model.msgpack")
    if form == "msgpack":
        shutil.copyfile(source / "flax_model.msgpack", folder / "flax_model.msgpack")
    elif form == "safetensors":
        save_file(as_torch(arrays), folder / "model.safetensors")
    else:
        (folder / "pytorch_model.bin").write_bytes(torch_file(as_torch(arrays)))
    (word_pieces if case.startswith("bert") else byte_pairs)(folder)
    return folder


def as_torch(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Name and turn Flax arrays as PyTorch does."""
    found: dict[str, Array] = {"text_model.embeddings.position_ids": np.arange(9)[None]}
    for path, array in arrays.items():
        turn = path.endswith("/kernel") and array.ndim in TURNED
        found[torch_name(path)] = np.array(array.transpose(BACK[array.ndim]) if turn else array, order="C")
    return found


class _Storage:
    """Stands for torch's storage object inside a pickle."""

    def __init__(self, key: str, values: Array) -> None:
        self.key, self.values = key, values


class _View:
    """Pickles as torch pickles a tensor."""

    def __init__(self, storage: _Storage, array: Array) -> None:
        steps = tuple(int(np.prod(array.shape[axis + 1 :])) for axis in range(array.ndim))
        self.arguments: tuple[Any, ...] = (storage, 0, array.shape, steps, False, OrderedDict())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, _Storage):
            return None
        kind = {"f": "FloatStorage", "i": "LongStorage", "u": "ByteStorage"}[obj.values.dtype.kind]
        return "storage", getattr(sys.modules["torch"], kind), obj.key, "cpu", obj.values.size


def torch_file(state: Mapping[str, Array]) -> bytes:
    """Return a state dict as `torch.save` writes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("model/data.pkl", torch_pickle(state))
        for row, array in enumerate(state.values()):
            archive.writestr(f"model/data/{row}", np.array(array, order="C").tobytes())
    return content.getvalue()


def torch_pickle(state: Mapping[str, Array]) -> bytes:
    """Return the pickle of a state dict, in which the values of the tensors are only numbered."""
    views = OrderedDict((name, _View(_Storage(str(n), a), a)) for n, (name, a) in enumerate(state.items()))
    pickled, modules = io.BytesIO(), _torch_modules()
    known = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        _Pickler(pickled, 2).dump(views)
    finally:
        for name, module in known.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return pickled.getvalue()


def _torch_modules() -> dict[str, types.ModuleType]:
    """Make modules of torch's names, which pickle needs to write a reference to them."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in ("FloatStorage", "LongStorage", "ByteStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch", "__qualname__": kind}))

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    return {"torch": torch, "torch._utils": utils}


def clipcap(case: str, folder: Path, form: str = "torch") -> Path:
    """Copy a ClipCap of the fixtures with a tokenizer, its weights in one of two formats."""
    folder.mkdir(parents=True)
    source = fixtures() / "clipcap" / case
    shutil.copyfile(source / "config.json", folder / "config.json")
    if form == "torch":
        shutil.copyfile(source / "state_dict.pt", folder / "state_dict.pt")
    else:
        save_file(load_torch_state(source / "state_dict.pt"), folder / "model.safetensors")
    byte_pairs(folder, ["<|endoftext|>"])
    return folder
