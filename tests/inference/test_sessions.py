"""A session runs on the device that was asked for, or says in one sentence why it cannot."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from inference import sessions
from inference.errors import BundleError, DeviceError
from inference.sessions import CUDA_PROVIDER, Device, Runner, describe_device, device_of, open_session
from tests import tiny

OUTPUTS = ["embedding", "hold"]
NO_GPU = "CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=h ; file=f.cc ; line=70"

has_cuda_package = CUDA_PROVIDER in ort.get_available_providers()


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_bundle(tmp_path_factory.mktemp("b") / "tiny") / "text.onnx"


@pytest.fixture
def gpu_package(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Make onnxruntime look as onnxruntime-gpu does, with another function that opens sessions."""

    def pretend(opens: Callable[..., Any]) -> None:
        monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA_PROVIDER, sessions.CPU_PROVIDER])
        monkeypatch.setattr(ort, "InferenceSession", opens)

    return pretend


def feed(rows: int = 3, seed: int = 0) -> dict[str, Any]:
    ids = np.random.default_rng(seed).integers(4, len(tiny.VOCABULARY), (rows, 5), dtype=np.int32)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def test_a_cpu_session_says_what_it_is(graph: Path) -> None:
    session = open_session(graph, threads=2)
    assert device_of(session) is Device.CPU
    assert describe_device(session) == f"CPU, 2 threads, onnxruntime {ort.__version__}"
    assert describe_device(open_session(graph)).startswith("CPU, 1 thread, ")


def test_devices_are_spelled_as_on_the_command_line() -> None:
    assert [Device("cpu"), Device("cuda")] == list(Device)
    assert f"{Device.CUDA}" == "cuda"


@pytest.mark.skipif(has_cuda_package, reason="onnxruntime-gpu is installed")
def test_a_package_without_cuda_is_named(graph: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match=r"built without CUDA: .*'\.\[gpu\]', or use --device cpu\."):
        open_session(graph, device=Device.CUDA)
    assert capfd.readouterr() == ("", "")


def test_a_silent_fall_back_of_onnxruntime_is_refused(
    graph: Path, gpu_package: Callable[[Any], None], capfd: pytest.CaptureFixture[str]
) -> None:
    opens = ort.InferenceSession

    def falls_back(path: str, options: Any, providers: list[Any], **_: Any) -> Any:
        print("EP Error, falling back")
        return opens(path, options, providers=[sessions.CPU_PROVIDER])

    gpu_package(falls_back)
    with pytest.raises(DeviceError, match=r"cannot use a GPU here \(.+\): it needs .* --device cpu\."):
        open_session(graph, device=Device.CUDA)
    assert capfd.readouterr() == ("", "")


def test_a_machine_without_gpu_is_told_from_a_broken_graph(
    graph: Path, gpu_package: Callable[[Any], None]
) -> None:
    def fails(reason: str) -> Callable[..., Any]:
        def opens(*_: Any, **__: Any) -> Any:
            raise RuntimeError(f"cuda_execution_provider_info.cc:63 [ONNXRuntimeError] : 1 : FAIL : {reason}")

        return opens

    gpu_package(fails(NO_GPU))
    with pytest.raises(DeviceError, match=r"\(CUDA failure 100: no CUDA-capable device is detected\)"):
        open_session(graph, device=Device.CUDA)
    gpu_package(fails("Protobuf parsing failed."))
    with pytest.raises(BundleError, match=r"onnxruntime cannot open .*Protobuf parsing failed"):
        open_session(graph, device=Device.CUDA)


def test_bound_runs_give_what_plain_runs_give(graph: Path) -> None:
    session = open_session(graph)
    plain, bound = Runner(session, OUTPUTS), Runner(session, OUTPUTS, is_bound=True)
    for rows in (1, 7):
        for a, b in zip(plain(feed(rows)), bound(feed(rows)), strict=True):
            assert a.dtype == b.dtype == np.float32
            np.testing.assert_array_equal(a, b)


def test_the_order_of_the_outputs_is_that_of_their_names(graph: Path) -> None:
    session = open_session(graph)
    for is_bound in (False, True):
        hold, embedding = Runner(session, ["hold", "embedding"], is_bound=is_bound)(feed(4))
        assert (hold.shape, embedding.shape) == ((4,), (4, tiny.DIM))


@pytest.mark.parametrize("is_bound", [False, True])
def test_threads_share_a_session_without_mixing_their_answers(graph: Path, is_bound: bool) -> None:
    run = Runner(open_session(graph), OUTPUTS, is_bound=is_bound)
    expected = [run(feed(1 + seed % 4, seed)) for seed in range(8)]
    wrong: list[int] = []
    start = threading.Barrier(8)

    def work(seed: int) -> None:
        start.wait()
        for _ in range(20):
            found = run(feed(1 + seed % 4, seed))
            if not all(np.array_equal(a, b) for a, b in zip(found, expected[seed], strict=True)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class _BrokenSession:
    def __init__(self, reason: str) -> None:
        self._reason = reason

    def get_providers(self) -> list[str]:
        return [sessions.CPU_PROVIDER]

    def run(self, *_: Any) -> Any:
        raise RuntimeError(self._reason)


def test_a_gpu_that_fails_in_a_run_is_a_known_failure() -> None:
    reason = "Non-zero status code: CUDA failure 700: an illegal memory access was encountered ; GPU=0"
    with pytest.raises(DeviceError, match=r"\(CUDA failure 700: an illegal memory access was encountered\)"):
        Runner(_BrokenSession(reason), OUTPUTS)(feed())
    with pytest.raises(RuntimeError, match="Invalid rank"):
        Runner(_BrokenSession("Invalid rank"), OUTPUTS)(feed())


def test_a_gpu_gives_what_a_cpu_gives(graph: Path) -> None:
    """Only where there is a GPU."""
    try:
        session = open_session(graph, device=Device.CUDA)
    except DeviceError as error:
        pytest.skip(str(error))
    assert describe_device(session).startswith("GPU 0 by CUDA ")
    for a, b in zip(
        Runner(session, OUTPUTS)(feed()), Runner(open_session(graph), OUTPUTS)(feed()), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)
