"""Rewrite of exported graphs so that onnxruntime's own fusions and integer kernels apply to them.

The exporter wraps every linear layer in reshapes and computes every target shape at run time. Both are
undone here with the symbolic shapes that it records on each value; nothing depends on the names of nodes.
"""

from typing import Any

import numpy as np
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator
from onnx_ir.passes import common

from export.graph_edit import (
    Array,
    Dim,
    add_initializer,
    constant,
    dims,
    nodes,
    only_user,
    optional_input,
    producer,
    replace,
    trace_up,
)

OPSET = 21
"""The opset of all exported graphs."""

FOLDED = ("Slice", "Squeeze", "Cast", "Reshape", "Unsqueeze")
"""Operators that never make an array larger, so that computing them ahead costs no space."""


def simplify(model: ir.Model) -> dict[str, int]:
    """Rewrite `model` in place; outputs stay equal up to float32 rounding.

    Returns:
        How often each rewrite applied, by its name.
    """
    counts = {}
    for rewrite in (
        _linears,
        _reshapes,
        _expands,
        _constants,
        _positions,
        _embedding_sums,
        _gelus,
        _residuals,
    ):
        counts[rewrite.__name__.lstrip("_")] = rewrite(model)
        common.RemoveUnusedNodesPass()(model)
    common.IdentityEliminationPass()(model)
    common.CommonSubexpressionEliminationPass()(model)
    common.RemoveUnusedNodesPass()(model)
    return counts


def _linears(model: ir.Model) -> int:
    """Reshape - Gemm - Reshape around a linear layer over the last axis becomes MatMul + Add."""
    count = 0
    for gemm in nodes(model, "Gemm"):
        flat = gemm.inputs[0].producer() if gemm.inputs[0] is not None else None
        after = only_user(gemm.outputs[0])
        if flat is None or after is None or flat.op_type != "Reshape" or after.op_type != "Reshape":
            continue
        source, weight, bias = flat.inputs[0], gemm.inputs[1], optional_input(gemm, 2)
        if not _is_plain(gemm) or not _restores(source, weight, after.outputs[0]):
            continue
        chain = [ir.node("MatMul", [source, weight])]
        if bias is not None:
            chain.append(ir.node("Add", [chain[0].outputs[0], bias]))
            chain[0].outputs[0].shape, chain[0].outputs[0].type = (
                after.outputs[0].shape,
                after.outputs[0].type,
            )
        replace(model, after, chain)
        count += 1
    return count


def _is_plain(gemm: ir.Node) -> bool:
    numbers = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}
    return all(attr.value == numbers[name] for name, attr in gemm.attributes.items())


def _restores(source: ir.Value | None, weight: ir.Value | None, result: ir.Value) -> bool:
    """Say whether `result` has the leading axes of `source` and the columns of `weight` last."""
    if source is None or weight is None or None in (source.shape, weight.shape, result.shape):
        return False
    before, after = dims(source), dims(result)
    if len(before) != len(after) or before[-1] != dims(weight)[0] or after[-1] != dims(weight)[1]:
        return False
    return all(a is not None and a == b for a, b in zip(before[:-1], after[:-1], strict=True))


def _reshapes(model: ir.Model) -> int:
    """Target shapes computed at run time become constants: 0 copies an axis, one -1 is inferred."""
    count = 0
    for node in nodes(model, "Reshape"):
        source, wanted = node.inputs[0], node.outputs[0]
        if constant(node.inputs[1]) is not None or source is None or None in (source.shape, wanted.shape):
            continue
        before = dims(source)
        target = [_axis(dim, before[i] if i < len(before) else None) for i, dim in enumerate(dims(wanted))]
        if target.count(-1) > 1:
            continue
        shape = add_initializer(model, f"{wanted.name}_shape", np.array(target, np.int64))
        replace(model, node, [ir.node("Reshape", [source, shape])])
        count += 1
    return count


def _axis(wanted: Dim, same_place: Dim) -> int:
    if isinstance(wanted, int):
        return wanted
    return 0 if wanted is not None and wanted == same_place else -1


def _expands(model: ir.Model) -> int:
    """An Expand to the shape that its input has already goes away."""
    count = 0
    for node in nodes(model, "Expand"):
        source, result = node.inputs[0], node.outputs[0]
        if source is None or None in (source.shape, result.shape) or None in dims(source):
            continue
        if dims(source) == dims(result) and not result.is_graph_output():
            ir.convenience.replace_all_uses_with(result, source)
            count += 1
    return count


def _positions(model: ir.Model) -> int:
    """A lookup of 0, 1, 2, ... in a table becomes a slice of the table, shared by the whole batch."""
    count = 0
    for node in nodes(model, "Gather"):
        table, counter = node.inputs[0], trace_up(node.inputs[1], ("Cast", "Expand", "Unsqueeze", "Reshape"))
        if constant(table) is None or counter is None or not _counts_up(counter) or not _feeds_only_add(node):
            continue
        if dims(node.inputs[1])[-1:] != dims(counter.outputs[0]) or len(dims(node.outputs[0])) != 3:
            continue
        axis, first = (
            add_initializer(model, name, np.array([n], np.int64)) for name, n in (("any", -1), ("first", 0))
        )
        length = ir.node("Reshape", [counter.inputs[1], axis])
        rows = ir.node("Slice", [table, first, length.outputs[0], first])
        replace(model, node, [length, rows])
        rows.outputs[0].shape = ir.Shape(list(rows.outputs[0].shape or [])[1:])
        count += 1
    return count


def _counts_up(node: ir.Node | None) -> bool:
    if node is None or node.op_type != "Range":
        return False
    start, step = constant(node.inputs[0]), constant(node.inputs[2])
    return start is not None and step is not None and start.item() == 0 and step.item() == 1


def _constants(model: ir.Model) -> int:
    """Selections and casts of fixed arrays are computed now rather than at every run."""
    count = 0
    for node in [node for op_type in FOLDED for node in nodes(model, op_type)]:
        if any(constant(value) is None for value in node.inputs) or node.outputs[0].is_graph_output():
            continue
        folded = add_initializer(model, f"{node.outputs[0].name}_folded", _evaluate(node))
        ir.convenience.replace_all_uses_with(node.outputs[0], folded)
        count += 1
    return count


def _evaluate(node: ir.Node) -> Array:
    """Run one node over its fixed inputs with the reference implementation of its operator."""
    evaluator = ReferenceEvaluator(ir.to_proto(node), opsets={"": OPSET})
    inputs = {str(value.name): constant(value) for value in node.inputs if value is not None}
    outputs: Any = evaluator.run(None, inputs)
    return np.asarray(outputs[0])


def _feeds_only_add(node: ir.Node) -> bool:
    return all(user.op_type == "Add" for user in node.outputs[0].consumers())


def _embedding_sums(model: ir.Model) -> int:
    """Fixed rows that are added to a slice of positions move into the table of positions."""
    count = 0
    for norm in nodes(model, "LayerNormalization"):
        terms = _terms(norm.inputs[0])
        rows = [term for term in terms if constant(term) is not None]
        slices = [term.producer() for term in terms if _is_table_slice(term)]
        rest = [term for term in terms if term not in rows and term.producer() not in slices]
        if not rows or len(slices) != 1 or len(rest) != 1 or slices[0] is None:
            continue
        table = np.asarray(constant(slices[0].inputs[0]))
        fixed = [np.ravel(np.asarray(constant(row))) for row in rows]
        if len(slices[0].outputs[0].uses()) != 1 or any(row.size != table.shape[1] for row in fixed):
            continue
        total = table + np.sum(fixed, axis=0)
        slices[0].replace_input_with(0, add_initializer(model, "positions", total.astype(np.float32)))
        addition = ir.node("Add", [rest[0], slices[0].outputs[0]])
        addition.outputs[0].shape, addition.outputs[0].type = rest[0].shape, rest[0].type
        model.graph.insert_before(norm, addition)
        norm.replace_input_with(0, addition.outputs[0])
        count += 1
    return count


def _gelus(model: ir.Model) -> int:
    """The exact form x / 2 * (1 - erf(-x / sqrt 2)) becomes one Gelu."""
    count = 0
    for erf in nodes(model, "Erf"):
        scaled = producer(erf, 0, "Mul")
        negated = producer(scaled, 0, "Neg")
        complement = only_user(erf.outputs[0])
        product = only_user(complement.outputs[0]) if complement is not None else None
        if negated is None or complement is None or product is None or product.op_type != "Mul":
            continue
        half, source = producer(product, 0, "Mul"), negated.inputs[0]
        if half is None or source is None or source not in half.inputs or complement.op_type != "Sub":
            continue
        if not (_scales(scaled, 0.5**0.5) and _scales(half, 0.5) and _scales(complement, 1.0)):
            continue
        replace(model, product, [ir.node("Gelu", [source])])
        count += 1
    return count


def _scales(node: ir.Node | None, number: float) -> bool:
    """Say whether one input of `node` is this fixed number."""
    arrays = [constant(value) for value in node.inputs] if node is not None else []
    return any(array is not None and array.size == 1 and np.isclose(array.item(), number) for array in arrays)


def _residuals(model: ir.Model) -> int:
    """Additions before a LayerNormalization are written as Sum, which keeps the two apart.

    onnxruntime fuses Add and LayerNormalization into SkipLayerNormalization, whose CPU kernel (1.32) takes
    six times as long as the two operators: a quarter of the whole int8 encoder at 16 texts of 16 tokens.
    """
    count = 0
    for norm in nodes(model, "LayerNormalization"):
        addition = producer(norm, 0, "Add")
        if addition is not None:
            replace(model, addition, [ir.node("Sum", list(addition.inputs))])
            count += 1
    return count


def _terms(value: ir.Value | None) -> list[ir.Value]:
    """Collect the addends behind a tree of additions that nothing else reads."""
    made_by = value.producer() if value is not None else None
    if value is None:
        return []
    if made_by is None or made_by.op_type != "Add" or len(value.uses()) != 1:
        return [value]
    return [term for side in made_by.inputs for term in _terms(side)]


def _is_table_slice(value: ir.Value) -> bool:
    made_by = value.producer()
    return made_by is not None and made_by.op_type == "Slice" and constant(made_by.inputs[0]) is not None
