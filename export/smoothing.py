"""Evens out activations before integer layers, because one loud channel costs all others their precision.

Dynamic quantisation gives a whole activation one step size. Dividing loud channels and multiplying the rows
of the weights that read them leaves the product as it was and moves the range into the weights, which have a
step size per output channel (Xiao et al., 2022, "SmoothQuant").
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

from export.graph_edit import add_initializer, constant, nodes

Feeds = Mapping[str, NDArray[np.int32]]
Floats = NDArray[np.float32]

MIGRATION = 0.75
"""How much of a channel's range moves into the weights: 0 nothing, 1 all of it."""

UNEVEN = 3.0
"""Activations are left alone where the widest channel has less than this many times the median range."""

TINY = 1e-5


def smooth(model: ir.Model, batches: Sequence[Feeds]) -> int:
    """Even out the inputs of the linear layers in place, by the ranges seen on sample inputs.

    Args:
        model: a float32 graph with MatMul nodes whose second input is fixed.
        batches: inputs of the graph to observe.

    Returns:
        How many activations were changed.
    """
    readers = linear_readers(model)
    ranges = channel_ranges(model, list(readers), batches)
    uneven = [name for name, r in ranges.items() if r.max() > UNEVEN * np.median(r)]
    for name in uneven:
        _divide(model, readers[name], ranges[name])
    return len(uneven)


def linear_readers(model: ir.Model) -> dict[str, list[ir.Node]]:
    """Group the linear layers by the name of the activation that they read."""
    readers: dict[str, list[ir.Node]] = {}
    for node in nodes(model, "MatMul"):
        if node.inputs[0] is not None and constant(node.inputs[1]) is not None:
            readers.setdefault(str(node.inputs[0].name), []).append(node)
    return readers


def channel_ranges(model: ir.Model, names: Sequence[str], batches: Sequence[Feeds]) -> dict[str, Floats]:
    """Return the largest magnitude in each channel (last axis) of the named activations."""
    proto = ir.to_proto(model)
    known = {output.name for output in proto.graph.output}
    for name in set(names) - known:
        proto.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    session = InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ranges: dict[str, Floats] = {}
    for feeds in batches:
        for name, array in zip(names, session.run(list(names), dict(feeds)), strict=True):
            peak = np.abs(array).reshape(-1, array.shape[-1]).max(axis=0)
            ranges[name] = np.maximum(ranges.get(name, peak), peak)
    return ranges


def channel_divisors(activation: Floats, weight: Floats) -> Floats:
    """Balance the ranges of an activation's channels and of the weight rows that read them.

    Args:
        activation: (channels,) largest magnitudes.
        weight: (channels,) largest magnitudes.

    Returns:
        (channels,) float32 with geometric mean 1.
    """
    loud = np.log(np.maximum(activation, TINY)) * MIGRATION - np.log(np.maximum(weight, TINY)) * (
        1 - MIGRATION
    )
    divisors: Floats = np.exp(loud - loud.mean()).astype(np.float32)
    return divisors


def _divide(model: ir.Model, readers: list[ir.Node], ranges: Floats) -> None:
    weights = [np.asarray(constant(node.inputs[1])) for node in readers]
    divisors = channel_divisors(ranges, np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0))
    activation = readers[0].inputs[0]
    factors = add_initializer(model, "smoothing", (1 / divisors).astype(np.float32))
    product = ir.node("Mul", [activation, factors])
    product.outputs[0].type, product.outputs[0].shape = activation.type, activation.shape  # type: ignore[union-attr]
    model.graph.insert_before(readers[0], product)
    for node, weight in zip(readers, weights, strict=True):
        scaled = (weight * divisors[:, None]).astype(np.float32)
        node.replace_input_with(0, product.outputs[0])
        node.replace_input_with(1, add_initializer(model, "smoothed_weight", scaled))
