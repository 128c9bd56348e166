"""Read tensors out of PyTorch checkpoints without PyTorch and without running what a pickle asks for.

Both formats are understood: the zip archive of today and the stream of pickles from before 1.6. Only a
handful of names may appear in the pickles; any other one is refused.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export.checkpoints.errors import CheckpointError

Array = npt.NDArray[Any]
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
MAX_SIZE = 1 << 32

STORAGE_DTYPES: Mapping[str, str] = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


@dataclass
class _Storage:
    """A flat buffer; in the old format its values come after the pickle that names it."""

    dtype: np.dtype[Any]
    size: int
    values: Array | None = None


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage, made an array once all values are read."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> Array:
        values = self.storage.values
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if values is None or min((self.offset, *self.shape, *self.strides)) < 0:
            raise CheckpointError("a tensor of the checkpoint has no values or a negative size")
        if 0 not in self.shape and last >= len(values):
            raise CheckpointError("a tensor of the checkpoint reaches past the end of its storage")
        steps = [step * values.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps, writeable=False)
        return np.ascontiguousarray(view).reshape(self.shape)


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(data: _Tensor, *_: object) -> _Tensor:
    return data


ALLOWED: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


@dataclass
class _Names:
    """Turns the persistent ids of a checkpoint's pickle into storages."""

    load: Callable[[str, np.dtype[Any], int], Array] | None = None
    storages: dict[str, _Storage] = field(default_factory=dict)

    def storage(self, identity: Any) -> _Storage:
        kind, dtype, key, _, size = identity[:5]
        if kind != "storage" or not isinstance(dtype, np.dtype) or not 0 <= size < MAX_SIZE:
            raise CheckpointError("the checkpoint refers to something other than a tensor's storage")
        if key not in self.storages:
            values = self.load(key, dtype, size) if self.load else None
            self.storages[key] = _Storage(dtype, size, values)
        return self.storages[key]


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that can build dictionaries and tensors, nothing else."""

    def __init__(self, file: io.BufferedIOBase, names: _Names) -> None:
        super().__init__(file, encoding="utf-8")
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in STORAGE_DTYPES:
            return np.dtype(STORAGE_DTYPES[name])
        if (module, name) not in ALLOWED:
            raise CheckpointError(f"the checkpoint asks for {module}.{name}, which is not a tensor")
        return ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        return self._names.storage(pid)


def load_torch_state(content: Path | bytes) -> dict[str, Array]:
    """Read a state dict.

    Args:
        content: A ``.pth`` or ``.bin`` file, or its bytes.

    Returns:
        Name to array, in the file's order, each of the shape and dtype it was saved with.

    Raises:
        CheckpointError: The file is damaged, or holds anything but tensors.
    """
    data = content.read_bytes() if isinstance(content, Path) else content
    try:
        state = _read_zip(data) if zipfile.is_zipfile(io.BytesIO(data)) else _read_legacy(data)
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, IndexError) as error:
        raise CheckpointError(f"not a readable PyTorch checkpoint: {error}") from error
    if not isinstance(state, dict):
        raise CheckpointError("the checkpoint holds no dictionary of tensors")
    return {str(name): value.array() for name, value in state.items() if isinstance(value, _Tensor)}


def _read_zip(data: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith("data.pkl")]
        root = names[0].removesuffix("data.pkl")

        def load(key: str, dtype: np.dtype[Any], size: int) -> Array:
            return np.frombuffer(archive.read(f"{root}data/{key}"), dtype, size)

        return _TensorUnpickler(io.BytesIO(archive.read(names[0])), _Names(load)).load()


def _read_legacy(data: bytes) -> Any:
    file = io.BytesIO(data)
    names = _Names()
    if _TensorUnpickler(file, names).load() != LEGACY_MAGIC:
        raise CheckpointError("not a PyTorch checkpoint")
    for _ in ("protocol version", "system"):
        _TensorUnpickler(file, names).load()
    state = _TensorUnpickler(file, names).load()
    for key in _TensorUnpickler(file, names).load():
        storage = names.storages[key]
        if int.from_bytes(file.read(8), "little") != storage.size:
            raise CheckpointError("a storage of the checkpoint is not as long as announced")
        storage.values = np.frombuffer(
            file.read(storage.size * storage.dtype.itemsize), storage.dtype, storage.size
        )
    return state
