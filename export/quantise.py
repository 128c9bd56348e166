"""Integer forms of the exported graphs: fast for the text tower, small for the vision tower.

The text tower computes in int8 (weights per output channel, activations by their range at run time). The
vision tower runs seldom, so only its stored weights shrink; onnxruntime turns them into float32 at load.
"""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes import common
from onnxruntime.quantization import QuantType, quantize_dynamic

from export.graph_edit import add_initializer, constant, nodes, replace
from export.smoothing import Feeds, linear_readers, smooth

Floats = NDArray[np.float32]
INT8_MAX = 127
HALF_BELOW = 1 << 16
"""Arrays of the vision tower with fewer numbers are kept in float16: they cost little and matter much."""

FLOAT32_BELOW = 1 << 10
"""Arrays with fewer numbers than this stay as they are."""


def quantise_text(model: ir.Model, batches: Sequence[Feeds]) -> ir.Model:
    """Return the int8 form of a simplified text graph; the projection and the head stay float32.

    Args:
        model: the float32 graph; it is changed by smoothing and must not be used afterwards.
        batches: sample inputs that show the ranges of activations.
    """
    smooth(model, batches)
    quantise_tables(model)
    common.RemoveUnusedNodesPass()(model)
    return _dynamic(model)


def quantise_tables(model: ir.Model) -> int:
    """Store tables of vectors that are looked up by id as int8 with one scale a row, in place."""
    count = 0
    for node in nodes(model, "Gather"):
        table = constant(node.inputs[0])
        if table is None or table.ndim != 2 or table.dtype != np.float32 or table.size < FLOAT32_BELOW:
            continue
        rows, scales = to_int8(np.asarray(table, np.float32), axis=0)
        ids = node.inputs[1]
        row = ir.node("Gather", [add_initializer(model, "table_int8", rows), ids], {"axis": 0})
        scale = ir.node("Gather", [add_initializer(model, "table_scale", scales), ids], {"axis": 0})
        number = ir.node("Cast", [row.outputs[0]], {"to": ir.DataType.FLOAT})
        product = ir.node("Mul", [number.outputs[0], scale.outputs[0]])
        replace(model, node, [row, scale, number, product])
        count += 1
    return count


def quantise_weights(model: ir.Model) -> ir.Model:
    """Store the weights of convolutions and linear layers smaller, in place; arithmetic stays float32.

    Large ones become int8 per output channel, middling ones float16. Both are written as Cast (and Mul) of
    fixed arrays, which onnxruntime folds at load; it does not fold DequantizeLinear.
    """
    for op_type, axis in (("Conv", 0), ("Gemm", 1), ("MatMul", 1)):
        for node in nodes(model, op_type):
            weight = constant(node.inputs[1])
            if weight is None or weight.size < FLOAT32_BELOW:
                continue
            chain = _small_weight(model, np.asarray(weight, np.float32), axis)
            model.graph.insert_before(node, chain)
            node.replace_input_with(1, chain[-1].outputs[0])
    common.RemoveUnusedNodesPass()(model)
    return model


def to_int8(array: Floats, axis: int) -> tuple[NDArray[np.int8], Floats]:
    """Round to symmetric int8 with one scale for each index of `axis`.

    Returns:
        The integers, and the scales with the other axes kept as 1, so that their product is the array.
    """
    others = tuple(i for i in range(array.ndim) if i != axis)
    scales = np.maximum(np.abs(array).max(axis=others, keepdims=True), 1e-12) / INT8_MAX
    integers = np.clip(np.round(array / scales), -INT8_MAX, INT8_MAX).astype(np.int8)
    return integers, scales.astype(np.float32)


def _small_weight(model: ir.Model, weight: Floats, axis: int) -> list[ir.Node]:
    to_float = {"to": ir.DataType.FLOAT}
    if weight.size < HALF_BELOW:
        return [ir.node("Cast", [add_initializer(model, "weight_half", weight.astype(np.float16))], to_float)]
    integers, scales = to_int8(weight, axis)
    number = ir.node("Cast", [add_initializer(model, "weight_int8", integers)], to_float)
    return [number, ir.node("Mul", [number.outputs[0], add_initializer(model, "weight_scale", scales)])]


def _dynamic(model: ir.Model) -> ir.Model:
    """Let onnxruntime's tool replace the linear layers over tokens by integer ones."""
    common.NameFixPass()(model)
    layers = [node.name for readers in linear_readers(model).values() for node in readers]
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a preprocessing that the rewrite has done already
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "int8.onnx"
            quantize_dynamic(
                ir.to_proto(model),
                path,
                op_types_to_quantize=["MatMul"],
                nodes_to_quantize=layers,
                per_channel=True,
                weight_type=QuantType.QInt8,
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
            return ir.from_proto(onnx.load(path))
    finally:
        root.setLevel(level)
