"""PyTorch checkpoints are read without PyTorch, and nothing but tensors comes out of them.

The checkpoints are written here by hand, in both of PyTorch's formats.
"""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from export.checkpoints.errors import CheckpointError
from export.checkpoints.torch_state import LEGACY_MAGIC, load_torch_state

VALUES = np.arange(24, dtype=np.float32)


class _Storage:
    """Stands for torch's storage object inside the pickles; its id is ``key``."""

    def __init__(self, key: str, values: npt.NDArray[Any], kind: str) -> None:
        self.key, self.values, self.kind = key, values, kind


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, _Storage):
            return None
        return ("storage", getattr(sys.modules["torch"], obj.kind), obj.key, "cpu", len(obj.values))


class _View:
    """Pickles as torch pickles a tensor: a call of its rebuilding function."""

    def __init__(
        self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> None:
        self.arguments: tuple[Any, ...] = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


@pytest.fixture(autouse=True)
def torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put modules of torch's names in place, which pickle needs to write a reference to them."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in ("FloatStorage", "LongStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch", "__qualname__": kind}))

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def _pickled(value: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, 2).dump(value)
    return buffer.getvalue()


def _state() -> tuple[OrderedDict[str, Any], list[_Storage]]:
    floats = _Storage("7", VALUES, "FloatStorage")
    count = _Storage("9", np.array([41], np.int64), "LongStorage")
    state = OrderedDict(
        whole=_View(floats, 0, (4, 6), (6, 1)),
        turned=_View(floats, 2, (3, 2), (1, 6)),
        count=_View(count, 0, (), ()),
    )
    return state, [floats, count]


def _legacy() -> bytes:
    state, storages = _state()
    header = [pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, {"little_endian": True})]
    keys = pickle.dumps([storage.key for storage in storages], 2)
    values = [struct.pack("<q", len(storage.values)) + storage.values.tobytes() for storage in storages]
    return b"".join((*header, _pickled(state), keys, *values))


def _zipped() -> bytes:
    state, storages = _state()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model/data.pkl", _pickled(state))
        for storage in storages:
            archive.writestr(f"model/data/{storage.key}", storage.values.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("content", [_legacy, _zipped])
def test_tensors_come_back_with_their_views(content: Callable[[], bytes]) -> None:
    state = load_torch_state(content())
    assert list(state) == ["whole", "turned", "count"]
    np.testing.assert_array_equal(state["whole"], VALUES.reshape(4, 6))
    np.testing.assert_array_equal(state["turned"], [[2, 8], [3, 9], [4, 10]])
    assert state["count"].shape == ()
    assert state["count"] == 41


def test_code_in_a_checkpoint_is_refused_and_not_run() -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return pytest.fail, ("code of the checkpoint was run",)

    values: tuple[Any, ...] = (LEGACY_MAGIC, 1001, {})
    header = b"".join(pickle.dumps(value, 2) for value in values)
    with pytest.raises(CheckpointError, match="not a tensor"):
        load_torch_state(header + pickle.dumps({"a": Harmful()}, 2))


def test_a_view_past_its_storage_is_refused() -> None:
    storage = _Storage("1", VALUES, "FloatStorage")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/data.pkl", _pickled({"a": _View(storage, 20, (5,), (1,))}))
        archive.writestr("m/data/1", VALUES.tobytes())
    with pytest.raises(CheckpointError, match="past the end"):
        load_torch_state(buffer.getvalue())


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"GIF89a" + data])
def test_a_damaged_file_is_said_to_be_damaged(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(CheckpointError):
        load_torch_state(damage(_legacy()))
