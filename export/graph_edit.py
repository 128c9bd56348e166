"""Small steps on ONNX graphs that the rewrites are made of: look up, walk, add, replace."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Array = NDArray[np.generic]
Dim = int | str | None


def nodes(model: ir.Model, op_type: str) -> list[ir.Node]:
    """List the nodes of one standard operator, in the order of the graph."""
    return [node for node in model.graph if node.op_type == op_type and node.domain == ""]


def constant(value: ir.Value | None) -> Array | None:
    """Give the array behind `value` when it is an initializer, else None."""
    if value is None or not value.is_initializer() or value.const_value is None:
        return None
    return np.asarray(value.const_value.numpy())


def dims(value: ir.Value | None) -> list[Dim]:
    """List the axes of a value: a number, a symbol, or None where nothing is known."""
    if value is None or value.shape is None:
        return []
    return [dim if isinstance(dim, int) else dim.value for dim in value.shape]


def add_initializer(model: ir.Model, name: str, array: Array) -> ir.Value:
    """Register `array` as an initializer called `name` (made unique) and return its value."""
    taken, unique, serial = model.graph.initializers, name, 0
    while unique in taken:
        serial += 1
        unique = f"{name}_{serial}"
    tensor = ir.tensor(np.asarray(array, order="C"), name=unique)  # keeps the rank of scalars
    value = ir.Value(name=unique, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype))
    value.const_value = tensor
    model.graph.register_initializer(value)
    return value


def replace(model: ir.Model, old: ir.Node, new: list[ir.Node]) -> None:
    """Put the chain `new` where `old` stands; the last new output takes over name, shape and uses."""
    target, result = old.outputs[0], new[-1].outputs[0]
    result.shape, result.type = target.shape, target.type
    model.graph.insert_before(old, new)
    ir.convenience.replace_all_uses_with(target, result, replace_graph_outputs=True)
    result.name, target.name = target.name, None
    model.graph.remove(old, safe=True)


def producer(node: ir.Node | None, index: int, op_type: str) -> ir.Node | None:
    """Give the node behind one input of `node` where it is of the kind `op_type`."""
    value = node.inputs[index] if node is not None else None
    made_by = value.producer() if value is not None else None
    return made_by if made_by is not None and made_by.op_type == op_type else None


def only_user(value: ir.Value) -> ir.Node | None:
    """Give the node that reads `value` where there is exactly one and the value is no output."""
    users = value.consumers()
    return users[0] if len(users) == 1 and not value.is_graph_output() else None


def optional_input(node: ir.Node, index: int) -> ir.Value | None:
    """Give an input of a node, None where it has fewer."""
    return node.inputs[index] if index < len(node.inputs) else None


def trace_up(value: ir.Value | None, through: tuple[str, ...]) -> ir.Node | None:
    """Walk up from `value` over operators of the kinds `through`; give the first other node."""
    node = value.producer() if value is not None else None
    while node is not None and node.op_type in through:
        node = node.inputs[0].producer() if node.inputs[0] is not None else None
    return node
