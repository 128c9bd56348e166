"""The mappers of a captioner as ONNX nodes: a picture's vector (batch, prefix_size) to its prefix."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from export.graph_builder import GraphBuilder
from export.models.clipcap import MAPPER_EPSILON, ClipCapConfig

Array = npt.NDArray[Any]
Weights = Mapping[str, Array]


def _linear(graph: GraphBuilder, arrays: Weights, x: str, name: str) -> str:
    return graph.light_linear(x, name, arrays[f"{name}/kernel"], arrays.get(f"{name}/bias"))


def _mlp(graph: GraphBuilder, config: ClipCapConfig, arrays: Weights, x: str) -> str:
    hidden = graph.node("Tanh", _linear(graph, arrays, x, "mapper/up"))
    return graph.reshape(
        _linear(graph, arrays, hidden, "mapper/down"), -1, config.prefix_length, config.gpt2.n_embd
    )


def _single(graph: GraphBuilder, config: ClipCapConfig, arrays: Weights, x: str) -> str:
    rows = _linear(graph, arrays, x, "mapper/only")
    return graph.reshape(rows, -1, config.prefix_length, config.gpt2.n_embd)


def _transformer(graph: GraphBuilder, config: ClipCapConfig, arrays: Weights, x: str) -> str:
    width, clip, length = config.gpt2.n_embd, config.clip_length, config.prefix_length
    batch = graph.node("Shape", x, start=0, end=1)
    rows = graph.reshape(_linear(graph, arrays, x, "mapper/linear"), -1, clip, width)
    learnt = graph.weight("mapper/prefix_const", arrays["mapper/prefix_const"])
    shape = graph.node("Concat", batch, graph.ints(length, width), axis=0)
    x = graph.node("Concat", rows, graph.node("Expand", learnt, shape), axis=1)
    for number in range(config.mapper_layers):
        x = _layer(graph, config, arrays, x, f"mapper/layers/{number}")
    return graph.node("Slice", x, graph.ints(clip), graph.ints(clip + length), graph.ints(1))


def _layer(graph: GraphBuilder, config: ClipCapConfig, arrays: Weights, x: str, name: str) -> str:
    def norm(x: str, leaf: str) -> str:
        scale, bias = arrays[f"{name}/{leaf}/scale"], arrays[f"{name}/{leaf}/bias"]
        return graph.layer_norm(x, f"{name}/{leaf}", scale, bias, MAPPER_EPSILON)

    attended = _attend(graph, config, arrays, norm(x, "norm1"), f"{name}/attn")
    x = graph.node("Sum", x, attended)
    widened = graph.node("Relu", _linear(graph, arrays, norm(x, "norm2"), f"{name}/fc1"))
    return graph.node("Sum", x, _linear(graph, arrays, widened, f"{name}/fc2"))


def _attend(graph: GraphBuilder, config: ClipCapConfig, arrays: Weights, x: str, name: str) -> str:
    width, heads = config.gpt2.n_embd, config.mapper_heads
    query = _linear(graph, arrays, x, f"{name}/to_queries")
    both = _linear(graph, arrays, x, f"{name}/to_keys_values")
    key, value = graph.nodes("Split", both, outputs=2, axis=-1, num_outputs=2)
    split = [graph.reshape(part, 0, 0, heads, width // heads) for part in (query, key, value)]
    turned = [
        graph.node("Transpose", part, perm=perm)
        for part, perm in zip(split, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
    ]
    scale = graph.weight("mapper/scale", np.asarray((width // heads) ** -0.5, np.float32))
    scores = graph.node("Mul", graph.node("MatMul", turned[0], turned[1]), scale)
    mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), turned[2])
    rows = graph.reshape(graph.node("Transpose", mixed, perm=[0, 2, 1, 3]), 0, 0, width)
    return _linear(graph, arrays, rows, f"{name}/project")


MAPPER_GRAPHS: Mapping[str, Callable[[GraphBuilder, ClipCapConfig, Weights, str], str]] = {
    "mlp": _mlp,
    "linear": _single,
    "transformer": _transformer,
}
