"""A captioner as two ONNX graphs: one reads the picture's vector, one goes on by a token, with a cache.

They are written by hand rather than traced: so both name the same weights, which lie in one file, and the
step has a dozen operators a layer fewer. Tests hold them to the Flax model.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from export.caption_smoothing import CaptionSamples, caption_ranges, smooth_parameters
from export.checkpoints.paths import parameters
from export.graph_builder import GraphBuilder, Precision
from export.graph_weights import WeightFile
from export.graphs import ExportError
from export.mapper_graphs import MAPPER_GRAPHS
from export.models.clipcap import ClipCap, ClipCapConfig
from export.models.gpt2 import GPT2Config
from export.models.layers import MASKED_SCORE

Array = npt.NDArray[Any]
Weights = Mapping[str, Array]

PREFILL_FILE, STEP_FILE, WEIGHTS_FILE = "prefill.onnx", "step.onnx", "weights.bin"

ACTIVATIONS: Mapping[str, Callable[[GraphBuilder, str], str]] = {
    "gelu_new": lambda graph, x: graph.node("Gelu", x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda graph, x: graph.node("Gelu", x, approximate="tanh"),
    "gelu": lambda graph, x: graph.node("Gelu", x),
    "relu": lambda graph, x: graph.node("Relu", x),
}


def export_captioner(
    model: ClipCap,
    folder: Path,
    *,
    precision: Precision = "float32",
    samples: CaptionSamples | None = None,
) -> None:
    """Write ``prefill.onnx`` and ``step.onnx`` with the weights of both, once, in ``weights.bin``.

    prefill: ``prefix`` (batch, prefix_size) float32 to ``logits`` (batch, vocabulary) of the first token, and
    ``past_key`` and ``past_value`` (layers, batch, heads, prefix_length, head width), all float32.

    step: ``token`` (batch,) int64, ``length`` (1,) int64, the number of positions before the token, and
    ``past_key_0``, ``past_value_0``, ... (batch, heads, room, head width) float32, of which the first
    ``length`` places count and the rest are any finite numbers; to ``logits`` (batch, vocabulary) of the next
    token, ``new_key`` and ``new_value`` (layers, batch, heads, head width), to be kept at place ``length``.

    Args:
        model: the captioner.
        folder: made where it is missing.
        precision: "int8" computes the language model in integers; the mapper's weights are int8 too, but it
            computes in float32, since it runs once a picture.
        samples: show the ranges of activations, which are evened out for "int8"; not needed, but the integers
            are nearer with them.

    Raises:
        ExportError: the model has an activation function that is not written here.
    """
    if model.config.gpt2.activation_function not in ACTIVATIONS:
        raise ExportError(f"The activation {model.config.gpt2.activation_function!r} cannot be exported.")
    folder.mkdir(parents=True, exist_ok=True)
    arrays = _prepared(model)
    if samples is not None and precision == "int8":
        smooth_parameters(arrays, caption_ranges(model, samples), model.config.gpt2.n_layer)
    with WeightFile(folder / WEIGHTS_FILE) as file:
        prefill = _Prefill(model.config, arrays, GraphBuilder(file, precision)).build()
        step = _Step(model.config.gpt2, arrays, GraphBuilder(file, precision)).build()
    for name, graph in ((PREFILL_FILE, prefill), (STEP_FILE, step)):
        (folder / name).write_bytes(graph.SerializeToString())


def _prepared(model: ClipCap) -> dict[str, Array]:
    """Return the arrays that the graphs need: the scale of the scores is part of the queries' weights."""
    arrays = {path: np.asarray(value.get_value()) for path, value in parameters(model)}
    gpt2 = model.config.gpt2
    for number in range(gpt2.n_layer):
        for leaf in ("kernel", "bias"):
            name = f"gpt/layers/{number}/attn/c_attn/{leaf}"
            arrays[name] = arrays[name].copy()
            arrays[name][..., : gpt2.n_embd] *= np.float32(gpt2.head_dim**-0.5)
    arrays["head"] = np.ascontiguousarray(arrays.pop("gpt/wte/embedding").T)
    return arrays


class _Decoder:
    """What both graphs have in common: everything but the attention."""

    def __init__(self, config: GPT2Config, arrays: Weights, graph: GraphBuilder) -> None:
        self.config, self.arrays, self.graph = config, arrays, graph

    def linear(self, x: str, name: str) -> str:
        return self.graph.linear(x, name, self.arrays[f"{name}/kernel"], self.arrays[f"{name}/bias"])

    def norm(self, x: str, name: str) -> str:
        arrays = self.arrays[f"{name}/scale"], self.arrays[f"{name}/bias"]
        return self.graph.layer_norm(x, name, *arrays, self.config.layer_norm_epsilon)

    def add(self, x: str, y: str) -> str:
        # Sum, because onnxruntime fuses Add and LayerNormalization into a slower operator.
        return self.graph.node("Sum", x, y)

    def layer(self, x: str, number: int, attend: Callable[[list[str], int], str]) -> str:
        """Write one layer; ``attend`` maps query, key and value to what the output layer reads."""
        name = f"gpt/layers/{number}"
        packed = self.linear(self.norm(x, f"{name}/ln_1"), f"{name}/attn/c_attn")
        parts = self.graph.nodes("Split", packed, outputs=3, axis=-1, num_outputs=3)
        x = self.add(x, self.linear(attend(parts, number), f"{name}/attn/c_proj"))
        widened = self.linear(self.norm(x, f"{name}/ln_2"), f"{name}/c_fc")
        activated = ACTIVATIONS[self.config.activation_function](self.graph, widened)
        evening = self.arrays.get(f"{name}/c_proj/smoothing")
        if evening is not None and np.any(evening != 1):
            factors = self.graph.weight(f"{name}/c_proj/smoothing", evening)
            activated = self.graph.node("Mul", activated, factors)
        return self.add(x, self.linear(activated, f"{name}/c_proj"))

    def logits(self, x: str) -> str:
        """Write the output layer over (batch, n_embd)."""
        return self.graph.matmul(self.norm(x, "gpt/ln_f"), "head", self.arrays["head"])

    def value(self, name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    def cache(self, name: str, length: int | str) -> Any:
        gpt2 = self.config
        return self.value(name, gpt2.n_layer, "batch", gpt2.n_head, length, gpt2.head_dim)


class _Prefill(_Decoder):
    """The graph that reads a prefix."""

    def __init__(self, config: ClipCapConfig, arrays: Weights, graph: GraphBuilder) -> None:
        super().__init__(config.gpt2, arrays, graph)
        self._whole, self._length = config, config.prefix_length
        self._keys: list[str] = []
        self._values: list[str] = []

    def build(self) -> onnx.ModelProto:
        graph, length = self.graph, self._length
        x = MAPPER_GRAPHS[self._whole.kind](graph, self._whole, self.arrays, "prefix")
        table = graph.weight("gpt/wpe/embedding", self.arrays["gpt/wpe/embedding"])
        x = graph.node("Add", x, graph.node("Slice", table, graph.ints(0), graph.ints(length), graph.ints(0)))
        for number in range(self.config.n_layer):
            x = self.layer(x, number, self._attend)
        last = graph.weight("last", np.asarray(length - 1, np.int64))
        graph.rename(self.logits(graph.node("Gather", x, last, axis=1)), "logits")
        graph.rename(graph.node("Concat", *self._keys, axis=0), "past_key")
        graph.rename(graph.node("Concat", *self._values, axis=0), "past_value")
        inputs = [self.value("prefix", "batch", self._whole.prefix_size)]
        outputs = [self.value("logits", "batch", self.config.vocab_size)]
        outputs += [self.cache(name, length) for name in ("past_key", "past_value")]
        return graph.model("prefill", inputs, outputs)

    def _attend(self, parts: list[str], number: int) -> str:
        graph, gpt2 = self.graph, self.config
        split = [graph.reshape(part, 0, 0, gpt2.n_head, gpt2.head_dim) for part in parts]
        query, key, value = (graph.node("Transpose", part, perm=[0, 2, 1, 3]) for part in split)
        self._keys.append(graph.node("Unsqueeze", key, graph.ints(0)))
        self._values.append(graph.node("Unsqueeze", value, graph.ints(0)))
        scores = graph.node("MatMul", query, graph.node("Transpose", key, perm=[0, 1, 3, 2]))
        later = np.triu(np.full((self._length, self._length), MASKED_SCORE, np.float32), 1)
        masked = graph.node("Add", scores, graph.weight("later", later))
        mixed = graph.node("MatMul", graph.node("Softmax", masked, axis=-1), value)
        return graph.reshape(graph.node("Transpose", mixed, perm=[0, 2, 1, 3]), 0, 0, gpt2.n_embd)


class _Step(_Decoder):
    """The graph that goes on by one token.

    The cache is an input only, with room to spare: nothing is copied, so that a step takes as long after 100
    tokens as after 10. Scores of the past and of the token itself are computed apart.
    """

    def build(self) -> onnx.ModelProto:
        graph, gpt2 = self.graph, self.config
        self._keys: list[str] = []
        self._values: list[str] = []
        room = graph.node("Shape", past_name("key", 0), start=2, end=3)
        self._sizes = graph.node("Concat", room, graph.ints(1), axis=0)
        self._unused = self._mask(room)
        table = graph.weight("gpt/wpe/embedding", self.arrays["gpt/wpe/embedding"])
        x = graph.columns("head", self.arrays["head"], "token")
        x = graph.node("Add", x, graph.node("Gather", table, "length"))
        for number in range(gpt2.n_layer):
            x = self.layer(x, number, self._attend)
        graph.rename(self.logits(x), "logits")
        self._new("new_key", self._keys)
        self._new("new_value", self._values)
        return graph.model("step", *self._signature())

    def _signature(self) -> tuple[list[Any], list[Any]]:
        gpt2 = self.config
        inputs = [self.value("token", "batch", kind=TensorProto.INT64)]
        inputs.append(self.value("length", 1, kind=TensorProto.INT64))
        each = ("batch", gpt2.n_head, "room", gpt2.head_dim)
        names = [past_name(what, n) for n in range(gpt2.n_layer) for what in ("key", "value")]
        inputs += [self.value(name, *each) for name in names]
        outputs = [self.value("logits", "batch", gpt2.vocab_size)]
        new = (gpt2.n_layer, "batch", gpt2.n_head, gpt2.head_dim)
        return inputs, [*outputs, *(self.value(name, *new) for name in ("new_key", "new_value"))]

    def _mask(self, room: str) -> str:
        """Write what is added to the scores of the cache: very low from the used length on."""
        graph = self.graph
        zero, one = (graph.weight(f"int_{n}", np.asarray(n, np.int64)) for n in (0, 1))
        places = graph.node("Range", zero, graph.node("Squeeze", room), one)
        low, none = (
            graph.weight(f"score_{name}", np.asarray(number, np.float32))
            for name, number in (("low", MASKED_SCORE), ("kept", 0.0))
        )
        return graph.node("Where", graph.node("Less", places, "length"), none, low)

    def _attend(self, parts: list[str], number: int) -> str:
        graph, gpt2 = self.graph, self.config
        self._keys.append(parts[1])
        self._values.append(parts[2])
        query, key, value = (graph.reshape(part, 0, gpt2.n_head, 1, gpt2.head_dim) for part in parts)
        past_key, past_value = past_name("key", number), past_name("value", number)
        before, own = (
            graph.node("MatMul", query, graph.node("Transpose", keys, perm=[0, 1, 3, 2]))
            for keys in (past_key, key)
        )
        scores = graph.node("Concat", graph.node("Add", before, self._unused), own, axis=-1)
        of_past, of_own = graph.nodes(
            "Split", graph.node("Softmax", scores, axis=-1), self._sizes, outputs=2, axis=-1
        )
        mixed = graph.node("Add", graph.node("MatMul", of_past, past_value), graph.node("Mul", of_own, value))
        return graph.reshape(mixed, 0, gpt2.n_embd)

    def _new(self, name: str, each: list[str]) -> None:
        """Write the output that holds what every layer adds to the cache."""
        graph, gpt2 = self.graph, self.config
        rows = graph.node("Concat", *each, axis=1)
        split = graph.reshape(rows, 0, gpt2.n_layer, gpt2.n_head, gpt2.head_dim)
        graph.rename(graph.node("Transpose", split, perm=[1, 0, 2, 3]), name)


def past_name(what: Literal["key", "value"], layer: int) -> str:
    """Return the name of an input of the step graph that is one layer's part of the cache."""
    return f"past_{what}_{layer}"
