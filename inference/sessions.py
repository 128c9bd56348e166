"""Opens graphs in onnxruntime on the device that was asked for, and never on another one silently.

onnxruntime falls back to the CPU by itself, when a session is opened and even in the middle of a run, and
lists CUDA as available on machines without a GPU. So its fallback is switched off here and every session is
checked.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference.bundle import REPAIR
from inference.errors import BundleError, DeviceError

CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"
CUDA_OPTIONS = {
    "device_id": "0",  # CUDA_VISIBLE_DEVICES says which GPU that is
    "arena_extend_strategy": "kSameAsRequested",  # lengths vary: doubling would hoard memory
    "cudnn_conv_algo_search": "HEURISTIC",  # the exhaustive search runs anew for each new shape
    "use_tf32": "0",  # vectors of a GPU are compared with those that a CPU has stored
}

SILENT, WARNING = 4, 2
"""Severities of onnxruntime's logger: fatal errors only, and what it starts with."""

CUDA_FAILURE = re.compile(r"(?:CUDA|CUDNN|CUBLAS)\w* failure [^;\n]+|Failed to allocate memory[^;\n]*")

BUILT_WITHOUT = (
    "The installed onnxruntime was built without CUDA: run pip uninstall onnxruntime and then "
    "pip install '.[gpu]', or use --device cpu."
)
NOT_USABLE = (
    "onnxruntime {version} cannot use a GPU here ({reason}): it needs an NVIDIA GPU whose driver knows CUDA "
    "{cuda} (nvidia-smi shows both) and the libraries of CUDA {cuda} and cuDNN 9 "
    "(pip install 'onnxruntime-gpu[cuda,cudnn]'); or use --device cpu."
)
RUN_FAILED = (
    "The GPU failed in a run of the model ({reason}): start the program again, and with smaller batches "
    "where its memory is too small."
)
NEWEST_CUDA = "13"

Turn = contextlib.AbstractContextManager[Any]


class Device(StrEnum):
    """What a graph runs on."""

    CPU = "cpu"
    CUDA = "cuda"


class Runner:
    """Runs one session, from any thread.

    With bound inputs and outputs, as on a GPU, a run copies each array once, between the host and where it is
    needed; a binding belongs to one run. On a GPU runs take turns: it works off one after the other anyway,
    and though onnxruntime calls concurrent runs safe, they are reported to have crashed there.
    """

    def __init__(self, session: Any, outputs: Sequence[str], *, is_bound: bool | None = None) -> None:
        """Prepare to run a session.

        Args:
            session: an open session.
            outputs: names of the outputs that a run returns.
            is_bound: bind inputs and outputs; None binds on a GPU only.
        """
        is_gpu = device_of(session) is not Device.CPU
        self._session = session
        self._outputs = list(outputs)
        self._is_bound = is_gpu if is_bound is None else is_bound
        self._turn: Turn = threading.Lock() if is_gpu else contextlib.nullcontext()

    def __call__(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the outputs, in the order of their names, as arrays on the host.

        Raises:
            DeviceError: the GPU failed; it may not recover as long as this process lives.
        """
        with self._turn:
            try:
                return self._run_bound(feed) if self._is_bound else self._run(feed)
            except Exception as error:  # onnxruntime's classes share no public root
                if found := CUDA_FAILURE.search(str(error)):
                    raise DeviceError(RUN_FAILED.format(reason=found[0].strip())) from error
                raise

    def _run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        arrays: list[NDArray[Any]] = self._session.run(self._outputs, dict(feed))
        return arrays

    def _run_bound(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        binding = self._session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))
        for name in self._outputs:
            binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding)
        arrays: list[NDArray[Any]] = binding.copy_outputs_to_cpu()
        return arrays


def open_session(path: Path, *, threads: int = 1, device: Device = Device.CPU) -> Any:
    """Open a graph on a device, with `threads` threads for what runs on the CPU.

    Raises:
        BundleError: onnxruntime refuses the graph.
        DeviceError: the device is not there or cannot be used.
    """
    session = _open_on_cuda(path, threads) if device is Device.CUDA else _open(path, threads, [CPU_PROVIDER])
    session.disable_fallback()
    return session


def device_of(session: Any) -> Device:
    """Say where a session really runs; nothing else that onnxruntime tells can be trusted."""
    return Device.CUDA if CUDA_PROVIDER in session.get_providers() else Device.CPU


def describe_device(session: Any) -> str:
    """Say for people where a session runs, as "CPU, 2 threads, onnxruntime 1.32.0"."""
    if device_of(session) is Device.CUDA:
        number = session.get_provider_options()[CUDA_PROVIDER].get("device_id", "0")
        return f"GPU {number} by CUDA {_cuda_version()}, onnxruntime {ort.__version__}"
    threads = session.get_session_options().intra_op_num_threads
    counted = f"{threads} thread{'' if threads == 1 else 's'}" if threads else "a thread for each core"
    return f"CPU, {counted}, onnxruntime {ort.__version__}"


def _open(path: Path, threads: int, providers: list[Any]) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        # older versions don't know enable_fallback and return a CPU session, which the caller refuses
        return ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    except Exception as error:  # onnxruntime's classes share no public root
        if found := CUDA_FAILURE.search(str(error)):
            raise DeviceError(_not_usable(found[0].strip())) from error
        reason = str(error).splitlines()[0]
        raise BundleError(f"onnxruntime cannot open {path} ({reason}): {REPAIR}.") from error


def _open_on_cuda(path: Path, threads: int) -> Any:
    if CUDA_PROVIDER not in ort.get_available_providers():
        raise DeviceError(BUILT_WITHOUT)
    with _quiet():
        ort.preload_dlls()  # finds the libraries of NVIDIA's own packages, which nothing else looks for
        session = _open(path, threads, [(CUDA_PROVIDER, CUDA_OPTIONS), CPU_PROVIDER])
    if device_of(session) is not Device.CUDA:
        raise DeviceError(_not_usable(_load_failure()))
    return session


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep onnxruntime from printing what an error says better."""
    ort.set_default_logger_severity(SILENT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        ort.set_default_logger_severity(WARNING)


def _load_failure() -> str:
    """Find out why CUDA did not come up, which onnxruntime only logs, by loading its library as it does."""
    for library in Path(ort.__file__).parent.glob("capi/*onnxruntime_providers_cuda.*"):
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            return str(error)
    return "it gives no reason"


def _not_usable(reason: str) -> str:
    cuda = _cuda_version().partition(".")[0]
    return NOT_USABLE.format(version=ort.__version__, reason=reason, cuda=cuda)


def _cuda_version() -> str:
    return str(getattr(ort, "cuda_version", "") or NEWEST_CUDA)
