"""Recomputes the recorded outputs of a Hybrid CLIP model.

The arrays of ``io.npz`` are inputs, outputs ``<tag>/<output>``, and further input sets ``<set>/<input>`` with
outputs ``<set>/<output>`` or ``<set>/<output>_<tag>``. A tag says which inputs the original was called with.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx

from export.models.hybrid_clip import HybridCLIP, ImageOutput, TextOutput
from export.models.roberta import offset_position_ids
from export.parity.files import CaseError
from export.parity.report import Comparison, compare, unlike

Array = npt.NDArray[Any]

INPUTS = ("input_ids", "attention_mask", "pixel_values", "position_ids_offset", "token_type_ids")
TAGS = ("default", "no_mask", "offset", "token_types")

TOLERANCES: Mapping[str, float] = {
    "text_features": 1e-5,
    "image_features": 1e-5,
    "text_embeds": 1e-5,
    "image_embeds": 1e-5,
    "text_pooler_output": 1e-5,
    "image_pooler_output": 1e-5,
    "text_last_hidden_state": 2e-5,
    "image_last_hidden_state": 2e-5,
    "logits_per_image": 2e-5,
    "logits_per_text": 2e-5,
}
"""Largest allowed absolute difference of two float32 runs, several times what was seen between libraries."""


encode_text = nnx.jit(HybridCLIP.encode_text)
encode_image = nnx.jit(HybridCLIP.encode_image)


class OutputName(NamedTuple):
    """A recorded output: the prefix of its inputs' names, the tag of the call, what it is."""

    inputs: str
    tag: str
    name: str


def output_names(arrays: Mapping[str, Array]) -> Iterator[tuple[str, OutputName]]:
    """Yield the arrays that are outputs, taken apart."""
    for key in arrays:
        group, _, name = key.rpartition("/")
        if name in INPUTS:
            continue
        if group in TAGS:
            yield key, OutputName("", group, name)
            continue
        tag = next((tag for tag in TAGS if name.endswith(f"_{tag}")), "default")
        yield key, OutputName(f"{group}/" if group else "", tag, name.removesuffix(f"_{tag}"))


class Forward:
    """One model and one set of arrays; each distinct call is made once."""

    def __init__(self, model: HybridCLIP, arrays: Mapping[str, Array]) -> None:
        self._model = model
        self._arrays = arrays
        self._texts: dict[tuple[str, str], TextOutput] = {}
        self._images: dict[str, ImageOutput] = {}

    def _input(self, prefix: str, name: str) -> jax.Array:
        key = prefix + name
        if key not in self._arrays:
            raise CaseError(f"io.npz lacks {key}")
        array = self._arrays[key]
        wanted = np.floating if name == "pixel_values" else np.integer
        if not np.issubdtype(array.dtype, wanted):
            raise CaseError(f"io.npz: {key} is {array.dtype}, not {wanted.__name__}")
        return jnp.asarray(array, jnp.float32 if name == "pixel_values" else jnp.int32)

    def text(self, inputs: str, tag: str) -> TextOutput:
        """Run the text tower the way a tag says."""
        if (inputs, tag) not in self._texts:
            self._texts[inputs, tag] = self._run_text(inputs, tag)
        return self._texts[inputs, tag]

    def _run_text(self, inputs: str, tag: str) -> TextOutput:
        ids = self._input(inputs, "input_ids")
        # What a call leaves out is spelt out, so that all calls of one shape are compiled once.
        mask = jnp.ones_like(ids) if tag == "no_mask" else self._input(inputs, "attention_mask")
        counted = jnp.broadcast_to(jnp.arange(ids.shape[1], dtype=jnp.int32), ids.shape)
        positions = self._offset(inputs, ids) if tag == "offset" else counted
        types = self._input(inputs, "token_type_ids") if tag == "token_types" else jnp.zeros_like(ids)
        output: TextOutput = encode_text(self._model, ids, mask, positions, types)
        return output

    def _offset(self, inputs: str, ids: jax.Array) -> jax.Array:
        if f"{inputs}position_ids_offset" in self._arrays:
            return self._input(inputs, "position_ids_offset")
        return offset_position_ids(ids, self._model.config.text.pad_token_id)

    def image(self, inputs: str) -> ImageOutput:
        """Run the vision tower; an input set without pictures has those of the case."""
        inputs = inputs if f"{inputs}pixel_values" in self._arrays else ""
        if inputs not in self._images:
            self._images[inputs] = encode_image(self._model, self._input(inputs, "pixel_values"))
        return self._images[inputs]

    def logits_per_text(self, inputs: str, tag: str) -> jax.Array:
        """Return (texts, pictures) float32."""
        return self._model.logits_per_text(self.text(inputs, tag).embeds, self.image(inputs).embeds)

    def output(self, wanted: OutputName) -> jax.Array | None:
        """Return one output; None for an output that the tower does not have.

        Raises:
            CaseError: the output is of no known name, or an input it needs is missing.
        """
        inputs, tag, name = wanted
        makers: dict[str, Callable[[], jax.Array | None]] = {
            "text_features": lambda: self.text(inputs, tag).features,
            "text_embeds": lambda: self.text(inputs, tag).embeds,
            "text_pooler_output": lambda: self.text(inputs, tag).tower.pooler_output,
            "text_last_hidden_state": lambda: self.text(inputs, tag).tower.last_hidden_state,
            "image_features": lambda: self.image(inputs).features,
            "image_embeds": lambda: self.image(inputs).embeds,
            "image_pooler_output": lambda: self.image(inputs).pooler_output,
            "image_last_hidden_state": lambda: self.image(inputs).last_hidden_state,
            "logits_per_text": lambda: self.logits_per_text(inputs, tag),
            "logits_per_image": lambda: self.logits_per_text(inputs, tag).T,
        }
        if name not in makers:
            raise CaseError(f"no output is known by the name {name}")
        return makers[name]()


def check_forward(model: HybridCLIP, arrays: Mapping[str, Array]) -> dict[str, Comparison]:
    """Recompute and compare every output of ``io.npz``."""
    forward = Forward(model, arrays)
    return {key: _checked(forward, wanted, arrays[key]) for key, wanted in output_names(arrays)}


def _checked(forward: Forward, wanted: OutputName, recorded: Array) -> Comparison:
    tolerance = TOLERANCES.get(wanted.name, 0.0)
    try:
        output = forward.output(wanted)
    except (CaseError, ValueError, TypeError) as error:
        return unlike(str(error), tolerance)
    return unlike("this tower has no such output") if output is None else compare(output, recorded, tolerance)
