"""The float16 text graph says what the int8 one says, and a bundle that has it stays the same bundle."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from typer.testing import CliRunner

from export import agreement, half
from export.__main__ import build_app
from export.float16 import LARGEST, dequantise, half_text, head
from export.graph_edit import constant, nodes, producer
from export.graphs import ExportError
from export.quantise import quantise_text
from export.smoothing import Feeds
from inference.bundle import load_bundle
from inference.encoders import TextEncoder
from inference.errors import BundleError
from tests.export import onnx_house


@pytest.fixture(scope="module")
def samples() -> list[Feeds]:
    return agreement.random_texts(onnx_house.VOCABULARY, [(1, n) for n in range(2, 26)], seed=5)


@pytest.fixture(scope="module")
def integers(house_text_graph: ir.Model, samples: list[Feeds]) -> ir.Model:
    """Return the int8 graph of a tower with a loud channel, so that smoothing has left factors in it."""
    loud = house_text_graph.clone()
    for node in nodes(loud, "LayerNormalization"):
        scale = np.array(constant(node.inputs[1]), np.float32)
        scale[7] *= 30
        value = node.inputs[1]
        assert value is not None
        value.const_value = ir.tensor(scale, name=value.name)
    return quantise_text(loud, samples)


@pytest.fixture(scope="module")
def halved(integers: ir.Model) -> ir.Model:
    return half_text(integers.clone())


@pytest.fixture(scope="module")
def half_bundle(house_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half") / "bundle"
    half.write_half(house_bundle, folder, progress=lambda line: None)
    return folder


def array(value: ir.Value | None) -> NDArray[Any]:
    found = constant(value)
    assert found is not None
    return found


def test_integers_become_the_numbers_that_they_stand_for(integers: ir.Model) -> None:
    plain = integers.clone()
    assert dequantise(plain) == 6 * onnx_house.TEXT.num_hidden_layers + 1
    assert {"MatMulInteger", "DynamicQuantizeLinear"}.isdisjoint(node.op_type for node in plain.graph)
    layer = nodes(integers, "MatMulInteger")[0]
    smoothing = producer(producer(layer, 0, "DynamicQuantizeLinear"), 0, "Mul")
    assert smoothing is not None
    weight = str(layer.inputs[1] and layer.inputs[1].name).removesuffix("_quantized")
    scales = array(integers.graph.initializers[f"{weight}_scale"])
    expected = array(smoothing.inputs[1])[:, None] * array(layer.inputs[1]) * scales
    np.testing.assert_allclose(array(nodes(plain, "MatMul")[0].inputs[1]), expected, rtol=1e-6)


def test_the_half_graph_agrees_with_the_integer_one(
    integers: ir.Model, halved: ir.Model, samples: list[Feeds]
) -> None:
    rows, hold = agreement.cosines(integers, halved, samples)
    assert rows.min() > 0.99
    assert hold < 0.1


def test_rounding_every_step_to_half_precision_changes_little(
    integers: ir.Model, halved: ir.Model, samples: list[Feeds]
) -> None:
    """onnxruntime computes float16 in float32 on a CPU; the reference implementation does not."""
    plain = integers.clone()
    dequantise(plain)
    exact, strict = agreement.open_graph(plain), ReferenceEvaluator(ir.to_proto(halved))
    for feeds in samples[::4]:
        vectors, hold = map(np.asarray, strict.run(["embedding", "hold"], dict(feeds)))
        expected = exact(dict(feeds))
        assert np.sum(vectors * expected[0], axis=1).min() > 0.9999
        np.testing.assert_allclose(hold, expected[1], atol=5e-3)


def test_padding_does_not_touch_a_row(halved: ir.Model) -> None:
    run = agreement.open_graph(halved)
    ids = np.random.default_rng(2).integers(0, onnx_house.VOCABULARY, (1, 6), dtype=np.int32)
    padded = np.zeros((2, 20), np.int32)
    padded[0, :6], padded[1] = ids, 9
    mask = np.ones_like(padded)
    mask[0, 6:] = 0
    alone = run({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    np.testing.assert_allclose(
        run({"input_ids": padded, "attention_mask": mask})[0][0], alone[0][0], atol=2e-3
    )


def test_the_encoder_is_half_and_the_head_is_not(halved: ir.Model) -> None:
    last = head(halved)
    arrays = {
        node: [a.dtype for a in map(constant, node.inputs) if a is not None and a.dtype.kind == "f"]
        for node in halved.graph
    }
    assert {dtype for node in last for dtype in arrays[node]} == {np.dtype(np.float32)}
    assert {d for node, found in arrays.items() if node not in last for d in found} == {np.dtype(np.float16)}
    assert {"Gemm", "ReduceSumSquare", "Sigmoid", "Div"} <= {node.op_type for node in last}
    assert [value.dtype for value in halved.graph.inputs] == [ir.DataType.INT32] * 2
    assert [value.dtype for value in halved.graph.outputs] == [ir.DataType.FLOAT] * 2
    onnx.checker.check_model(ir.to_proto(halved), full_check=True)


def test_nothing_can_overflow_where_padding_is_masked(integers: ir.Model, halved: ir.Model) -> None:
    before, after = (
        max(np.abs(array(value)).max() for value in nodes(graph, "Where")[0].inputs[1:])
        for graph in (integers, halved)
    )
    assert before > np.finfo(np.float16).max
    assert after == LARGEST < np.finfo(np.float16).max / 2


def test_a_bundle_with_the_graph_is_the_same_bundle_with_one_file_more(
    house_bundle: Path, half_bundle: Path
) -> None:
    before, after = load_bundle(house_bundle), load_bundle(half_bundle)
    assert after.vector_key == before.vector_key
    assert after.spec.text.file_for("cuda") == half.HALF_FILE
    assert after.spec.text.file_for("cpu") == before.spec.text.file
    assert set(after.spec.files) - set(before.spec.files) == {half.HALF_FILE}
    for name in before.spec.files:
        assert (half_bundle / name).read_bytes() == (house_bundle / name).read_bytes()
    report = after.spec.scores["export"]["text_fp16_against_int8"]
    assert 0.99 < report["cosine_min"] <= report["cosine_mean"] < 1.0001
    card = (half_bundle / "MODEL_CARD.md").read_text()
    assert after.spec.files[half.HALF_FILE].sha256 in card


def test_serving_reads_messages_alike_with_either_graph(half_bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(half_bundle, tmp_path / "bundle")
    description = (folder / "bundle.json").read_text()
    (folder / "bundle.json").write_text(description.replace('"text.onnx"', f'"{half.HALF_FILE}"', 2))
    integers, halved = TextEncoder(load_bundle(half_bundle)), TextEncoder(load_bundle(folder))
    ids = [integers.tokenise(text).ids for text in ("i miss you so", "hug", "that is so very funny !")]
    vectors, holds = halved.encode_batch(ids)
    assert (vectors.dtype, holds.dtype) == (np.dtype(np.float32), np.dtype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.sum(vectors * integers.encode_batch(ids)[0], axis=1).min() > 0.99


def test_a_bundle_can_be_extended_in_place_and_twice(house_bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(house_bundle, tmp_path / "bundle")
    first = half.write_half(folder, folder, progress=lambda line: None)
    assert half.write_half(folder, folder, progress=lambda line: None) == first
    assert load_bundle(folder).spec == first
    assert not list(folder.glob("*.tmp"))


def test_a_changed_half_graph_is_refused(half_bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(half_bundle, tmp_path / "bundle")
    content = bytearray((folder / half.HALF_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / half.HALF_FILE).write_bytes(content)
    with pytest.raises(BundleError, match=r"text\.fp16\.onnx has changed"):
        load_bundle(folder)


def test_a_graph_that_disagrees_is_not_written(
    house_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half, "ALIKE", 1.1)
    with pytest.raises(ExportError, match=r"cosine of a message's vectors is 0\.99\d+, less than 1\.1"):
        half.write_half(house_bundle, tmp_path / "out", progress=lambda line: None)
    assert not (tmp_path / "out").exists()


def test_a_graph_of_another_kind_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has no LayerNormalization"):
        half.write_half(tiny_bundle, tmp_path / "out", progress=lambda line: None)


def test_the_command_writes_a_bundle_and_names_what_is_wrong(house_bundle: Path, tmp_path: Path) -> None:
    app, out = build_app(["half"]), tmp_path / "out"
    done = CliRunner().invoke(app, ["half", str(house_bundle), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert load_bundle(out).spec.text.variants == {"cuda": "text.fp16.onnx"}
    failed = CliRunner().invoke(app, ["half", str(tmp_path / "nowhere"), "--out", str(out)])
    assert failed.exit_code == 2
    assert "No model bundle in" in failed.output
