"""The exported float32 graphs compute what the Flax model computes, in operators that run fast."""

from collections import Counter

import numpy as np
import onnx_ir as ir
import pytest

from export import agreement
from export.graphs import ExportError, image_graph, text_function, text_graph
from export.house_checkpoint import HouseCheckpoint
from tests.export import onnx_house


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (4, 1), (2, onnx_house.MAX_TOKENS)])
def test_the_text_graph_agrees_with_flax(
    house: HouseCheckpoint, house_text_graph: ir.Model, shape: tuple[int, int]
) -> None:
    function = text_function(hold_slope=3.0, hold_intercept=-0.25)
    batches = agreement.random_texts(onnx_house.VOCABULARY, [shape])
    assert agreement.text_difference(house.model, function, house_text_graph, batches) < 2e-6


def test_embeddings_have_unit_norm_and_hold_is_a_probability(house_text_graph: ir.Model) -> None:
    feeds = agreement.random_texts(onnx_house.VOCABULARY, [(5, 7)])[0]
    embedding, hold = agreement.open_graph(house_text_graph)(dict(feeds))
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-6)
    assert hold.shape == (5,)
    assert np.all((hold > 0) & (hold < 1))
    assert np.ptp(hold) > 0.01


def test_padding_does_not_change_a_message(house_text_graph: ir.Model) -> None:
    run = agreement.open_graph(house_text_graph)
    ids = np.array([[2, 17, 8, 30, 3]], np.int32)
    padded = np.zeros((1, 19), np.int32)
    padded[:, :5] = ids
    plain = run({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    wide = run({"input_ids": padded, "attention_mask": (padded > 0).astype(np.int32)})
    for before, after in zip(plain, wide, strict=True):
        np.testing.assert_allclose(before, after, atol=1e-6)


def test_a_text_longer_than_the_position_table_is_refused(house_text_graph: ir.Model) -> None:
    run = agreement.open_graph(house_text_graph)
    ids = np.ones((1, onnx_house.MAX_TOKENS + 1), np.int32)
    with pytest.raises(Exception, match=r"(?i)shape|dimension|broadcast"):
        run({"input_ids": ids, "attention_mask": ids})


def test_the_text_graph_has_nothing_that_defeats_fusion(house_text_graph: ir.Model) -> None:
    found = Counter(node.op_type for node in house_text_graph.graph)
    layers = onnx_house.TEXT.num_hidden_layers
    assert found["MatMul"] == 8 * layers
    assert found["Gelu"] == layers
    assert found["LayerNormalization"] == found["Sum"] == 2 * layers + 1
    assert not {"Erf", "Expand", "Concat", "Einsum", "Range"} & set(found)
    # One shape is read for the positions; every other target shape is fixed.
    assert found["Shape"] <= 1
    assert len(list(house_text_graph.graph)) < 12 + 34 * layers + 25


def test_the_image_graph_agrees_with_flax_for_any_batch_and_frames(house: HouseCheckpoint) -> None:
    graph = image_graph(house.model, onnx_house.SIZE)
    assert agreement.image_difference(house.model, graph, onnx_house.SIZE) < 2e-6
    convolutions = [node for node in graph.graph if node.op_type == "Conv"]
    assert len(convolutions) == 1 + 2 + 3 + 3 + 1


def test_frames_are_averaged(house: HouseCheckpoint) -> None:
    still = np.random.default_rng(3).normal(size=(1, 1, onnx_house.SIZE, onnx_house.SIZE, 3))
    run = agreement.open_graph(image_graph(house.model, onnx_house.SIZE))
    one, three = (
        run({"pixel_values": np.repeat(still, frames, axis=1).astype(np.float32)})[0] for frames in (1, 3)
    )
    np.testing.assert_allclose(three, one, atol=2e-6)


def test_a_model_without_hold_head_is_refused() -> None:
    class Headless:
        hold_head = None

    with pytest.raises(ExportError, match="hold head"):
        text_graph(Headless())  # type: ignore[arg-type]


def test_exported_shapes_are_named_as_the_bundle_says(house_text_graph: ir.Model) -> None:
    graph = house_text_graph.graph
    inputs = {value.name: (str(value.shape), value.dtype) for value in graph.inputs}
    assert inputs == {
        "input_ids": ("[batch,tokens]", ir.DataType.INT32),
        "attention_mask": ("[batch,tokens]", ir.DataType.INT32),
    }
    assert [value.name for value in graph.outputs] == ["embedding", "hold"]
