"""One file of weights for several ONNX graphs: an array that two graphs name is stored once."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

Array = npt.NDArray[Any]

INLINE_BELOW = 1 << 10
"""Arrays of fewer bytes stay inside the graph."""

ALIGNMENT = 1 << 12
"""Where arrays begin, in bytes, so that the file can be mapped into memory."""


class WeightFile:
    """Collects arrays by name and appends them to a file; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[Array, int]] = {}

    def __enter__(self) -> "WeightFile":
        self._file = self._path.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def tensor(self, name: str, array: Array) -> onnx.TensorProto:
        """Return the initializer of a graph for an array; every graph that asks for a name shares its bytes.

        Raises:
            ValueError: the name has been given to another array.
        """
        array = np.asarray(array, order="C")  # keeps the rank of scalars
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        if array.nbytes < INLINE_BELOW:
            return helper.make_tensor(name, kind, array.shape, array.tobytes(), raw=True)
        tensor = TensorProto(name=name, data_type=kind, dims=array.shape)
        tensor.data_location = TensorProto.EXTERNAL
        offset = self._offset(name, array)
        place = {"location": self._path.name, "offset": offset, "length": array.nbytes}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        return tensor

    def _offset(self, name: str, array: Array) -> int:
        """Return where an array begins in the file, which it is added to where it is new."""
        if name not in self._places:
            self._file.write(bytes(-self._file.tell() % ALIGNMENT))
            self._places[name] = array, self._file.tell()
            array.tofile(self._file)
        stored, offset = self._places[name]
        if stored.dtype != array.dtype or not np.array_equal(stored, array):
            raise ValueError(f"two different arrays are called {name}")
        return offset
