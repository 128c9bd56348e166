"""Runs a captioner's exported graphs and says how far they are from the Flax model."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from onnxruntime import InferenceSession, SessionOptions

from export.caption_graphs import PREFILL_FILE, STEP_FILE, past_name
from export.models.clipcap import ClipCap

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

TOLERANCE = 1e-4
"""Largest difference that the logits of a float32 export may show."""


class CaptionGraphs:
    """Both graphs in onnxruntime on one CPU thread, with the cache of one batch.

    ``cache`` is (2, layers, batch, heads, room, head width) float32, keys and values, of whose room the first
    ``length`` places are used.
    """

    def __init__(self, folder: Path) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._prefill, self._step = (
            InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
            for name in (PREFILL_FILE, STEP_FILE)
        )

    def start(self, prefix: Floats, room: int) -> Floats:
        """Read the vectors (batch, prefix_size) of pictures and keep room for so many tokens of text.

        Returns:
            The logits (batch, vocabulary) of the first token.
        """
        logits, *parts = self._prefill.run(["logits", "past_key", "past_value"], {"prefix": prefix})
        self.length = parts[0].shape[3]
        self.cache = np.zeros((2, *parts[0].shape[:3], self.length + room, parts[0].shape[4]), np.float32)
        self.cache[..., : self.length, :] = parts
        return np.asarray(logits)

    def step(self, token: Ids) -> tuple[Floats, list[Floats]]:
        """Run the step graph on a token of each row: logits (batch, vocabulary), and what the cache gains."""
        feeds: dict[str, Any] = {"token": token.astype(np.int64), "length": np.array([self.length])}
        for number, (key, value) in enumerate(zip(*self.cache, strict=True)):
            feeds |= {past_name("key", number): key, past_name("value", number): value}
        logits, *new = self._step.run(["logits", "new_key", "new_value"], feeds)
        return np.asarray(logits), new

    def go_on(self, token: Ids) -> Floats:
        """Add a token to each row of the batch: the logits (batch, vocabulary) of the token after it."""
        logits, new = self.step(token)
        self.cache[..., self.length, :] = new
        self.length += 1
        return logits

    def run(self, prefix: Floats, tokens: Ids) -> Floats:
        """Return the logits (batch, 1 + tokens, vocabulary) before and after each token of given texts."""
        steps = [self.start(prefix, tokens.shape[1])]
        return np.stack([*steps, *(self.go_on(column) for column in tokens.T)], axis=1)


def caption_difference(
    model: ClipCap, folder: Path, *, batch: int = 2, tokens: int = 12, seed: int = 0
) -> float:
    """Return the largest difference of any logit from a whole run of the Flax model, on random inputs."""
    rng, config = np.random.default_rng(seed), model.config
    prefix = rng.normal(size=(batch, config.prefix_size)).astype(np.float32)
    ids = rng.integers(0, config.gpt2.vocab_size, (batch, tokens))
    expected = nnx.jit(ClipCap.__call__)(model, jnp.asarray(ids, jnp.int32), jnp.asarray(prefix))
    found = CaptionGraphs(folder).run(prefix, ids)
    return float(np.abs(found - np.asarray(expected)[:, config.prefix_length - 1 :]).max())
