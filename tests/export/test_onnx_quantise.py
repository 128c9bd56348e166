"""The integer forms stay close to float32, and evening out activations brings them closer."""

import numpy as np
import onnx_ir as ir
import pytest

from export import agreement, quantise, smoothing
from export.graph_edit import constant, nodes
from export.graphs import image_graph
from export.house_checkpoint import HouseCheckpoint
from export.smoothing import Feeds, channel_divisors, linear_readers
from tests.export import onnx_house


@pytest.fixture
def samples() -> list[Feeds]:
    return agreement.random_texts(onnx_house.VOCABULARY, [(1, n) for n in range(2, 26)], seed=5)


def test_the_integer_text_graph_stays_close(house_text_graph: ir.Model, samples: list[Feeds]) -> None:
    small = quantise.quantise_text(house_text_graph.clone(), samples)
    rows, hold = agreement.cosines(house_text_graph, small, samples)
    assert rows.min() > 0.99
    assert hold < 0.1


def test_all_layers_over_tokens_are_integer_and_the_projection_is_not(
    house_text_graph: ir.Model, samples: list[Feeds]
) -> None:
    small = quantise.quantise_text(house_text_graph.clone(), samples)
    assert len(nodes(small, "MatMulInteger")) == 6 * onnx_house.TEXT.num_hidden_layers
    kept = [constant(node.inputs[1]) for op in ("MatMul", "Gemm") for node in nodes(small, op)]
    assert sorted(w.shape for w in kept if w is not None) == [(48, 1), (48, 16)]


def test_scales_are_per_output_channel_and_per_table_row(
    house_text_graph: ir.Model, samples: list[Feeds]
) -> None:
    small = quantise.quantise_text(house_text_graph.clone(), samples)
    arrays = {name: constant(value) for name, value in small.graph.initializers.items()}
    integers = [a for a in arrays.values() if a is not None and a.dtype == np.int8 and a.ndim == 2]
    scales = [a.size for a in arrays.values() if a is not None and a.dtype == np.float32]
    assert {48, 96, onnx_house.VOCABULARY} <= set(scales)
    assert sum(a.size for a in integers) == 2 * (4 * 48 * 48 + 2 * 48 * 96) + onnx_house.VOCABULARY * 48


def test_smoothing_keeps_float32_outputs(house_text_graph: ir.Model, samples: list[Feeds]) -> None:
    smooth = house_text_graph.clone()
    _shout(smooth)
    loud = smooth.clone()
    assert smoothing.smooth(smooth, samples) > 0
    run, reference = agreement.open_graph(smooth), agreement.open_graph(loud)
    for feeds in samples[:6]:
        for before, after in zip(reference(dict(feeds)), run(dict(feeds)), strict=True):
            np.testing.assert_allclose(before, after, atol=5e-6)


def test_smoothing_saves_what_a_loud_channel_drowns(
    house_text_graph: ir.Model, samples: list[Feeds], monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = house_text_graph.clone()
    _shout(loud)
    evened, _ = agreement.cosines(loud, quantise.quantise_text(loud.clone(), samples), samples)
    monkeypatch.setattr(smoothing, "UNEVEN", np.inf)
    plain, _ = agreement.cosines(loud, quantise.quantise_text(loud.clone(), samples), samples)
    assert 1 - evened.mean() < 0.75 * (1 - plain.mean())


def _shout(model: ir.Model) -> None:
    """Make one channel of every normalised activation far louder, as trained encoders have it."""
    for node in nodes(model, "LayerNormalization"):
        scale = np.array(constant(node.inputs[1]), np.float32)
        scale[7] *= 100
        value = node.inputs[1]
        assert value is not None
        value.const_value = ir.tensor(scale, name=value.name)


def test_divisors_lower_loud_channels_and_have_mean_one() -> None:
    divisors = channel_divisors(np.array([1, 1, 16], np.float32), np.ones(3, np.float32))
    assert divisors[2] == pytest.approx(8 * divisors[0])
    assert np.prod(divisors) == pytest.approx(1)


def test_linear_layers_are_grouped_by_what_they_read(house_text_graph: ir.Model) -> None:
    sizes = [len(readers) for readers in linear_readers(house_text_graph).values()]
    assert sizes == [3, 1, 1, 1] * onnx_house.TEXT.num_hidden_layers


def test_int8_rounding_is_symmetric_and_survives_empty_channels() -> None:
    array = np.array([[1.0, -2.0], [0.0, 0.0], [0.5, 0.25]], np.float32)
    integers, scales = quantise.to_int8(array, axis=0)
    assert integers.tolist() == [[64, -127], [0, 0], [127, 64]]
    np.testing.assert_allclose(integers * scales, array, atol=1 / 127)


def test_small_image_weights_stay_close_and_shrink(
    house: HouseCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantise, "FLOAT32_BELOW", 64)
    monkeypatch.setattr(quantise, "HALF_BELOW", 400)
    graph = image_graph(house.model, onnx_house.SIZE)
    small = quantise.quantise_weights(graph.clone())
    pixels = np.random.default_rng(0).normal(size=(4, 2, onnx_house.SIZE, onnx_house.SIZE, 3))
    rows, _ = agreement.cosines(graph, small, [{"pixel_values": pixels.astype(np.float32)}])
    assert rows.min() > 0.995
    assert _bytes(small) < 0.5 * _bytes(graph)


def _bytes(model: ir.Model) -> int:
    return sum(
        array.nbytes for array in map(constant, model.graph.initializers.values()) if array is not None
    )
