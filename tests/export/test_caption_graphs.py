"""The exported captioner says what the Flax model says, with a cache, from one file of weights."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from flax import nnx
from onnxruntime import InferenceSession

from export.caption_agreement import CaptionGraphs, caption_difference
from export.caption_graphs import PREFILL_FILE, STEP_FILE, WEIGHTS_FILE, export_captioner
from export.caption_smoothing import CaptionSamples, caption_ranges, smooth_parameters
from export.captions import greedy, next_logits
from export.checkpoints.assign import assign
from export.checkpoints.clipcap import load_clipcap_folder
from export.checkpoints.paths import parameters
from export.graph_weights import WeightFile
from export.graphs import ExportError
from export.models.clipcap import ClipCap
from tests.export import tiny_clipcap
from tests.export.tiny_clipcap import KINDS, RECORDED, needs_recorded

call: Any = nnx.jit(ClipCap.__call__)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with tiny_clipcap.quick_compilation():
        yield


@pytest.fixture(scope="module")
def model() -> ClipCap:
    return tiny_clipcap.model(tiny_clipcap.config())


@pytest.fixture(scope="module")
def folder(model: ClipCap, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the exported float32 model; tests don't change it."""
    made = tmp_path_factory.mktemp("captioner") / "float32"
    export_captioner(model, made)
    return made


def said(graphs: CaptionGraphs, prefix: Any, length: int) -> Any:
    """Return the likeliest tokens (batch, length), each the next one's input."""
    tokens = [graphs.start(prefix, length).argmax(axis=-1)]
    for _ in range(length - 1):
        tokens.append(graphs.go_on(tokens[-1]).argmax(axis=-1))
    return np.stack(tokens, axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_a_whole_run_at_every_length(kind: str, tmp_path: Path) -> None:
    model = tiny_clipcap.model(tiny_clipcap.config(kind))
    export_captioner(model, tmp_path)
    assert caption_difference(model, tmp_path, batch=3, tokens=14) < 2e-5


@needs_recorded
@pytest.mark.parametrize("kind", ["mlp", "transformer"])
def test_the_original_captions_come_out_of_the_graphs(kind: str, tmp_path: Path) -> None:
    export_captioner(load_clipcap_folder(RECORDED / kind), tmp_path)
    recorded = np.load(RECORDED / kind / "io.npz")
    prefix, tokens, length = recorded["prefix"], recorded["tokens"], 4
    graphs = CaptionGraphs(tmp_path)
    logits = graphs.run(prefix[: len(tokens)], tokens)
    np.testing.assert_allclose(logits, recorded["logits_no_mask"][:, length - 1 :], atol=1e-4)
    assert [row.tolist() for row in said(graphs, prefix, 20)] == recorded_greedy(kind)


def recorded_greedy(kind: str) -> list[list[int]]:
    runs = json.loads((RECORDED / kind / "generate.json").read_text())["runs"]
    return [run["greedy"] for run in runs if run["stop_token"] == -1]


def test_a_batch_says_what_each_picture_alone_says(model: ClipCap, folder: Path) -> None:
    prefix = tiny_clipcap.prefixes(model.config, 4)
    together = said(CaptionGraphs(folder), prefix, 15)
    for row in range(4):
        alone = said(CaptionGraphs(folder), prefix[row : row + 1], 15)
        np.testing.assert_array_equal(alone[0], together[row])
        assert greedy(next_logits(model, prefix[row], 15), -1, 15).ids == together[row].tolist()


def test_what_lies_behind_the_used_places_does_not_matter(model: ClipCap, folder: Path) -> None:
    prefix, ids = tiny_clipcap.prefixes(model.config, 2), tiny_clipcap.texts(model.config, 2, 5)
    graphs = CaptionGraphs(folder)
    expected = graphs.run(prefix, ids)
    graphs.start(prefix, 19)
    graphs.cache[..., model.config.prefix_length :, :] = 1e3
    found = [graphs.go_on(column) for column in ids.T]
    np.testing.assert_allclose(np.stack(found, axis=1), expected[:, 1:], atol=1e-5)


def test_room_may_be_just_what_is_used(model: ClipCap, folder: Path) -> None:
    prefix, ids = tiny_clipcap.prefixes(model.config, 2), tiny_clipcap.texts(model.config, 2, 1)
    graphs = CaptionGraphs(folder)
    expected = graphs.run(prefix, ids)[:, 1]
    graphs.start(prefix, room=0)
    np.testing.assert_allclose(graphs.step(ids[:, 0])[0], expected, atol=1e-5)


def places(path: Path) -> dict[str, tuple[str, ...]]:
    """Return where the arrays of a graph that are not inside it lie."""
    graph = onnx.load(path, load_external_data=False).graph
    return {
        tensor.name: tuple(entry.value for entry in tensor.external_data)
        for tensor in graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL
    }


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_both_graphs_name_the_same_bytes_and_each_weight_is_stored_once(
    model: ClipCap, precision: Any, tmp_path: Path
) -> None:
    export_captioner(model, tmp_path, precision=precision)
    prefill, step = places(tmp_path / PREFILL_FILE), places(tmp_path / STEP_FILE)
    shared = prefill.keys() & step.keys()
    assert {name: prefill[name] for name in shared} == {name: step[name] for name in shared}
    assert {name.split("/")[0] for name in prefill.keys() - step.keys()} <= {"mapper"}
    assert step.keys() <= prefill.keys()
    used = sum(int(length) for *_, length in {*prefill.values(), *step.values()})
    offsets = len({*prefill.values(), *step.values()})
    assert used <= (tmp_path / WEIGHTS_FILE).stat().st_size < used + 4096 * offsets
    assert all(location == WEIGHTS_FILE for location, *_ in prefill.values())


def test_int8_is_smaller_and_says_nearly_the_same(model: ClipCap, folder: Path, tmp_path: Path) -> None:
    export_captioner(model, tmp_path, precision="int8")
    sizes = [sum(int(p[2]) for p in places(f / PREFILL_FILE).values()) for f in (folder, tmp_path)]
    assert sizes[1] < 0.4 * sizes[0]
    prefix, ids = tiny_clipcap.prefixes(model.config, 3), tiny_clipcap.texts(model.config, 3, 12)
    exact, rough = (CaptionGraphs(f).run(prefix, ids) for f in (folder, tmp_path))
    correlation = np.corrcoef(exact.ravel(), rough.ravel())[0, 1]
    assert correlation > 0.99
    operators = {
        node.op_type for node in onnx.load(tmp_path / STEP_FILE, load_external_data=False).graph.node
    }
    assert "MatMulInteger" in operators


def test_evening_out_saves_what_loud_channels_drown(tmp_path: Path) -> None:
    config = tiny_clipcap.config(gpt2=tiny_clipcap.gpt2(n_embd=48, n_inner=96))
    loud = tiny_clipcap.model(config)
    layers: Any = loud.gpt.layers
    for layer in layers:
        for norm, reader in ((layer.ln_1, layer.attn.c_attn), (layer.ln_2, layer.c_fc)):
            factors = np.where(np.arange(48) % 16 == 3, 40, 1).astype(np.float32)
            norm.scale[...] *= factors
            norm.bias[...] *= factors
            reader.kernel[...] /= factors[:, None]
    prefix, ids = tiny_clipcap.prefixes(config, 3), tiny_clipcap.texts(config, 3, 12)
    samples = CaptionSamples(
        tiny_clipcap.prefixes(config, 8, seed=5), tiny_clipcap.texts(config, 8, 12, seed=6)
    )
    export_captioner(loud, tmp_path / "float32")
    export_captioner(loud, tmp_path / "rough", precision="int8")
    export_captioner(loud, tmp_path / "even", precision="int8", samples=samples)
    exact, rough, even = (
        CaptionGraphs(tmp_path / name).run(prefix, ids) for name in ("float32", "rough", "even")
    )
    assert np.abs(even - exact).mean() < 0.5 * np.abs(rough - exact).mean()


def test_evening_out_changes_nothing_in_float32(model: ClipCap) -> None:
    config = model.config
    samples = CaptionSamples(tiny_clipcap.prefixes(config, 2), tiny_clipcap.texts(config, 2, 9))
    ranges = caption_ranges(model, samples)
    # As uneven as can be, so that every place is changed.
    ranges = {
        name: (each * np.geomspace(1, 100, len(each))).astype(np.float32) for name, each in ranges.items()
    }
    arrays = {path: np.asarray(value.get_value()) for path, value in parameters(model)}
    smooth_parameters(arrays, ranges, config.gpt2.n_layer)
    twin = tiny_clipcap.model(config)
    layers: Any = twin.gpt.layers
    for number, layer in enumerate(layers):
        factors = arrays.pop(f"gpt/layers/{number}/c_proj/smoothing")
        # Nothing linear comes before this one, so its factors go back into the kernel.
        arrays[f"gpt/layers/{number}/c_proj/kernel"] *= factors[:, None]
        assert not np.allclose(factors, 1)
        assert not np.allclose(arrays[f"gpt/layers/{number}/ln_1/scale"], layer.ln_1.scale[...])
    assign(dict(parameters(twin)), arrays, source="the evened captioner")
    np.testing.assert_allclose(
        call(twin, samples.tokens, samples.prefix), call(model, samples.tokens, samples.prefix), atol=5e-5
    )


def test_the_signature_is_the_documented_one(folder: Path) -> None:
    prefill, step = (InferenceSession(str(folder / name)) for name in (PREFILL_FILE, STEP_FILE))
    shapes = {
        value.name: value.shape for s in (prefill, step) for value in (*s.get_inputs(), *s.get_outputs())
    }
    each = ["batch", 3, "room", 8]
    assert shapes == {
        "prefix": ["batch", 7],
        "logits": ["batch", 50],
        "past_key": [2, "batch", 3, 5, 8],
        "past_value": [2, "batch", 3, 5, 8],
        "token": ["batch"],
        "length": [1],
        **{f"past_{what}_{layer}": each for what in ("key", "value") for layer in (0, 1)},
        "new_key": [2, "batch", 3, 8],
        "new_value": [2, "batch", 3, 8],
    }


def test_an_activation_that_is_not_written_is_refused(tmp_path: Path) -> None:
    strange = tiny_clipcap.model(tiny_clipcap.config(gpt2=tiny_clipcap.gpt2(activation_function="silu")))
    with pytest.raises(ExportError, match="'silu' cannot be exported"):
        export_captioner(strange, tmp_path)


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    with WeightFile(tmp_path / "weights.bin") as file:
        first = file.tensor("a", np.zeros(500, np.float32))
        assert first == file.tensor("a", np.zeros(500, np.float32))
        with pytest.raises(ValueError, match="two different arrays"):
            file.tensor("a", np.ones(500, np.float32))
