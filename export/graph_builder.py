"""Writes ONNX graphs node by node, for models whose graph is small and better made than traced."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from export.graph_weights import WeightFile
from export.quantise import to_int8
from export.rewrite import OPSET

Array = npt.NDArray[Any]
Precision = Literal["float32", "int8"]
IR_VERSION = 10

QUANTISED_FROM = 1 << 10
"""Kernels with fewer numbers than this stay float32."""


class GraphBuilder:
    """One graph that is being written; values are known by their names.

    Args:
        weights: where arrays are kept, shared with other graphs.
        precision: "int8" makes linear layers compute in integers, with a scale for each output channel and,
            at run time, one for the activation.
    """

    def __init__(self, weights: WeightFile, precision: Precision) -> None:
        self._weights = weights
        self._precision = precision
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}

    def nodes(self, op_type: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add a node and return the names of its outputs."""
        names = [f"{op_type}_{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(op_type, inputs, names, name=names[0], **attributes))
        return names

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its only output."""
        return self.nodes(op_type, *inputs, outputs=1, **attributes)[0]

    def weight(self, name: str, array: Array) -> str:
        """Make an array an initializer and return its name."""
        if name not in self._initializers:
            self._initializers[name] = self._weights.tensor(name, array)
        return name

    def ints(self, *numbers: int) -> str:
        """Return a constant of one axis, int64."""
        return self.weight("ints_" + "_".join(map(str, numbers)), np.asarray(numbers, np.int64))

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape; 0 keeps an axis, -1 is inferred."""
        return self.node("Reshape", x, self.ints(*shape))

    def layer_norm(self, x: str, name: str, scale: Array, bias: Array, epsilon: float) -> str:
        """Normalise over the last axis."""
        return self.node(
            "LayerNormalization",
            x,
            self.weight(f"{name}/scale", scale),
            self.weight(f"{name}/bias", bias),
            axis=-1,
            epsilon=epsilon,
        )

    def matmul(self, x: str, name: str, kernel: Array) -> str:
        """Multiply by a fixed (inputs, outputs) float32 kernel, in the precision of the graph."""
        if self._precision == "float32" or kernel.size < QUANTISED_FROM:
            return self.node("MatMul", x, self.weight(name, kernel))
        integers, scale = self.int8_weight(name, kernel)
        # onnxruntime makes one operator of these five: the pattern is that of its own tool.
        quantised, step, zero = self.nodes("DynamicQuantizeLinear", x, outputs=3)
        product = self.node("MatMulInteger", quantised, integers, zero)
        return self.node(
            "Mul", self.node("Cast", product, to=TensorProto.FLOAT), self.node("Mul", step, scale)
        )

    def int8_weight(self, name: str, kernel: Array) -> tuple[str, str]:
        """Store a kernel as int8 (inputs, outputs) with float32 scales (outputs,)."""
        if f"{name}/int8" not in self._initializers:
            integers, scales = to_int8(np.asarray(kernel, np.float32), axis=1)
            self.weight(f"{name}/int8", integers)
            self.weight(f"{name}/step", scales.reshape(-1))
        return f"{name}/int8", f"{name}/step"

    def linear(self, x: str, name: str, kernel: Array, bias: Array | None = None) -> str:
        """Apply a linear layer to the last axis."""
        product = self.matmul(x, f"{name}/kernel", kernel)
        return product if bias is None else self.node("Add", product, self.weight(f"{name}/bias", bias))

    def light_linear(self, x: str, name: str, kernel: Array, bias: Array | None = None) -> str:
        """Apply a linear layer that is small on disk but computes in float32.

        Its int8 kernel is written as Cast and Mul, which onnxruntime folds at load; it does not fold
        DequantizeLinear.
        """
        if self._precision == "float32" or kernel.size < QUANTISED_FROM:
            return self.linear(x, name, kernel, bias)
        integers, scale = self.int8_weight(f"{name}/kernel", kernel)
        number = self.node("Cast", integers, to=TensorProto.FLOAT)
        product = self.node("MatMul", x, self.node("Mul", number, scale))
        return product if bias is None else self.node("Add", product, self.weight(f"{name}/bias", bias))

    def columns(self, name: str, kernel: Array, ids: str) -> str:
        """Look up columns of a kernel by ids (batch,): (batch, inputs) float32.

        So a table of vectors that is also an output matrix is stored once.
        """
        if self._precision == "float32" or kernel.size < QUANTISED_FROM:
            picked = self.node("Gather", self.weight(name, kernel), ids, axis=1)
        else:
            integers, scale = self.int8_weight(name, kernel)
            number = self.node("Cast", self.node("Gather", integers, ids, axis=1), to=TensorProto.FLOAT)
            picked = self.node("Mul", number, self.node("Gather", scale, ids))
        return self.node("Transpose", picked, perm=[1, 0])

    def rename(self, value: str, name: str) -> None:
        """Give a value the name that it has as an output of the graph."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=name))

    def model(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> onnx.ModelProto:
        """Return the finished model; inputs and outputs are value infos."""
        graph = helper.make_graph(self._nodes, name, inputs, outputs, list(self._initializers.values()))
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="repartee")
