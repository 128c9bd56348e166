"""Half precision from an int8 text graph, for GPUs: no CUDA kernel takes its unsigned 8-bit activations.

Weights become what their integers stand for; the trained float32 weights are not needed. Pooling, projection,
norm and hold head stay in float32, as do the inputs (int32) and the outputs. The converter of
onnxruntime.transformers is not used, as it rounds to float16 between any two nodes that stay in float32.
"""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes import common

from export.graph_edit import add_initializer, constant, nodes, only_user, producer, replace
from export.graphs import ExportError

Floats = NDArray[np.float32]

LARGEST = 3e4
"""Constants are cut to this: a score may be added to the one that masks padding, and must not overflow."""


def half_text(model: ir.Model) -> ir.Model:
    """Make a text graph a float16 one, in place, and return it.

    LayerNormalization and Softmax take float16, but CUDA's kernels add up in float32. Additions before a
    LayerNormalization stay Sum: fused into one with it, they would add up in float16.

    Raises:
        ExportError: the graph is not that of a transformer.
    """
    if not nodes(model, "LayerNormalization"):
        raise ExportError("The text graph has no LayerNormalization, so it is none that can be made float16.")
    dequantise(model)
    common.ShapeInferencePass()(model)
    last = set(head(model))
    for node in [node for node in model.graph if node not in last]:
        _halve(model, node)
        for value in node.outputs:
            if value.dtype == ir.DataType.FLOAT:
                value.type = ir.TensorType(ir.DataType.FLOAT16)  # a new one, as clones share theirs
                _widen(model, value, [(user, at) for user, at in value.uses() if user in last])
    common.RemoveUnusedNodesPass()(model)
    return model


def dequantise(model: ir.Model) -> int:
    """Turn integer layers and tables back into float32 ones, in place, with exact scales.

    Factors that even out activations before an integer layer move into its weights.

    Returns:
        How many layers and tables there were.
    """
    count = sum(_layer(model, node) for node in nodes(model, "MatMulInteger"))
    count += sum(_table(model, node) for node in nodes(model, "Gather"))
    common.RemoveUnusedNodesPass()(model)
    return count


def head(model: ir.Model) -> list[ir.Node]:
    """List the nodes from which no LayerNormalization is reached: pooling and what follows it."""
    encoder: set[ir.Node] = set()
    for node in reversed(list(model.graph)):
        users = [user for output in node.outputs for user in output.consumers()]
        if node.op_type == "LayerNormalization" or any(user in encoder for user in users):
            encoder.add(node)
    return [node for node in model.graph if node not in encoder]


def _halve(model: ir.Model, node: ir.Node) -> None:
    """Give a node float16 for every float32 array that it reads, and for the type that it casts to."""
    for index, value in enumerate(node.inputs):
        array = constant(value)
        if value is not None and array is not None and array.dtype == np.float32:
            small = np.clip(array, -LARGEST, LARGEST).astype(np.float16)
            node.replace_input_with(index, add_initializer(model, f"{value.name}_half", small))
    if node.op_type == "Cast" and node.attributes["to"].as_int() == ir.DataType.FLOAT:
        node.attributes["to"] = ir.AttrInt64("to", ir.DataType.FLOAT16)


def _widen(model: ir.Model, value: ir.Value, readers: list[tuple[ir.Node, int]]) -> None:
    """Let these readers of a float16 value read it in float32."""
    made_by = value.producer()
    if not readers or made_by is None:
        return
    cast = ir.node("Cast", [value], {"to": ir.DataType.FLOAT})
    cast.outputs[0].shape, cast.outputs[0].type = value.shape, ir.TensorType(ir.DataType.FLOAT)
    model.graph.insert_after(made_by, cast)
    for node, index in readers:
        node.replace_input_with(index, cast.outputs[0])


def _layer(model: ir.Model, integer: ir.Node) -> bool:
    """MatMulInteger, Cast, Mul by both scales: MatMul by the weights that the integers stand for."""
    quantiser = producer(integer, 0, "DynamicQuantizeLinear")
    cast = only_user(integer.outputs[0])
    scaled = only_user(cast.outputs[0]) if cast is not None else None
    weight, zero = constant(integer.inputs[1]), constant(integer.inputs[3])
    if quantiser is None or scaled is None or weight is None or zero is None:
        return False
    scales = producer(scaled, 1, "Mul")
    scale = constant(scales.inputs[1]) if scales is not None else None
    if scale is None:
        return False
    numbers = (weight.astype(np.float32) - zero.astype(np.float32)) * np.asarray(scale, np.float32)
    source, factors = _unsmoothed(quantiser.inputs[0])
    if factors is not None:
        numbers = factors[:, None] * numbers
    replace(model, scaled, [ir.node("MatMul", [source, add_initializer(model, "weight", numbers)])])
    return True


def _unsmoothed(value: ir.Value | None) -> tuple[ir.Value | None, Floats | None]:
    """Look through a product with one factor a channel."""
    made_by = value.producer() if value is not None else None
    factors = constant(made_by.inputs[1]) if made_by is not None and made_by.op_type == "Mul" else None
    if made_by is None or factors is None or factors.ndim != 1:
        return value, None
    return made_by.inputs[0], np.asarray(factors, np.float32)


def _table(model: ir.Model, rows: ir.Node) -> bool:
    """Gather integers, Cast, Mul by gathered scales: one Gather of the numbers they stand for."""
    cast = only_user(rows.outputs[0])
    product = only_user(cast.outputs[0]) if cast is not None and cast.op_type == "Cast" else None
    scales = producer(product, 1, "Gather") if product is not None and product.op_type == "Mul" else None
    integers = constant(rows.inputs[0])
    scale = constant(scales.inputs[0]) if scales is not None else None
    if product is None or integers is None or integers.dtype != np.int8 or scale is None:
        return False
    table = integers.astype(np.float32) * np.asarray(scale, np.float32)
    lookup = ir.node("Gather", [add_initializer(model, "table", table), rows.inputs[1]], {"axis": 0})
    replace(model, product, [lookup])
    return True
