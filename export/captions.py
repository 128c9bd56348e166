"""Reference decoding of captions: greedy, beam and nucleus, over a function that gives the next logits.

Plain and exact rather than fast: every step runs the model over the whole text again, so it also checks what
decodes with a cache. Serving decodes in `inference.captioner`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx

from export.models.clipcap import ClipCap

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
NextLogits = Callable[[Ids], Floats]
"""(sequences, tokens) ids to the logits (sequences, vocabulary) of the token after them."""

PADDING = 0
"""What the original goes on with after the end of a caption."""


class Caption(NamedTuple):
    """Token ids, the stop token included where it was reached, and their mean log-probability."""

    ids: list[int]
    mean_log_probability: float


class _Parts(NamedTuple):
    """A model taken apart, once: nested as it is, handing it over costs more than a small model's step."""

    arrays: list[jax.Array]
    kind: tuple[Any, Any]

    @classmethod
    def of(cls, model: ClipCap) -> "_Parts":
        graph, state = nnx.split(model)
        arrays, tree = jax.tree.flatten(state)
        return cls(arrays, (graph, tree))


def _joined(arrays: list[jax.Array], kind: tuple[Any, Any]) -> ClipCap:
    graph, tree = kind
    model: ClipCap = nnx.merge(graph, jax.tree.unflatten(tree, arrays))
    return model


@partial(jax.jit, static_argnames="kind")
def _rows_of(arrays: list[jax.Array], prefix: jax.Array, *, kind: Any) -> jax.Array:
    """Return the prefix (1, prefix_length, n_embd) of one picture."""
    return _joined(arrays, kind).project(prefix[None])


@partial(jax.jit, static_argnames="kind")
def _logits_at(
    arrays: list[jax.Array], prefix: jax.Array, tokens: jax.Array, position: jax.Array, *, kind: Any
) -> jax.Array:
    """Return the logits (sequences, vocabulary) at one position of prefix and tokens."""
    model = _joined(arrays, kind)
    rows = jnp.broadcast_to(prefix, (tokens.shape[0], *prefix.shape[1:]))
    inputs = jnp.concatenate([rows, model.gpt.embed(tokens)], axis=1)
    hidden = model.gpt.encode(inputs).hidden
    return model.gpt.head(jax.lax.dynamic_index_in_dim(hidden, position, axis=1, keepdims=False))


def next_logits(model: ClipCap, prefix: npt.ArrayLike | None, max_tokens: int) -> NextLogits:
    """Return what the decoders here ask, for one picture or, without one, for text alone.

    Args:
        model: the captioner.
        prefix: (prefix_size,) float32 of one picture, None for none.
        max_tokens: the longest text that will be asked about; one compilation serves all shorter ones.

    Raises:
        ValueError: prefix and text together are longer than the position table.
    """
    width = model.config.gpt2.n_embd
    before = 0 if prefix is None else model.config.prefix_length
    if before + max_tokens > model.config.gpt2.n_positions:
        raise ValueError(
            f"{before} positions of prefix and {max_tokens} of text are more than the model's "
            f"{model.config.gpt2.n_positions}"
        )
    parts = _Parts.of(model)
    rows = jnp.zeros((1, 0, width))
    if prefix is not None:
        rows = _rows_of(parts.arrays, jnp.asarray(prefix, jnp.float32), kind=parts.kind)

    def ask(tokens: Ids) -> Floats:
        count, length = tokens.shape
        padded = np.full((count, max_tokens), PADDING, np.int32)
        padded[:, :length] = tokens
        position = jnp.asarray(before + length - 1, jnp.int32)
        logits = _logits_at(parts.arrays, rows, jnp.asarray(padded), position, kind=parts.kind)
        return np.asarray(logits)

    return ask


def log_softmax(logits: Floats) -> npt.NDArray[np.float64]:
    """Return log-probabilities over the last axis, float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    result: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def _grown(ask: NextLogits, stop: int, max_tokens: int, prompt: Sequence[int], choose: Any) -> Caption:
    """Add one chosen token after the other until the stop token or the limit."""
    ids = list(prompt)
    total = 0.0
    for _ in range(max_tokens):
        logits = ask(np.asarray([ids], np.int64))[0]
        token = choose(logits)
        ids.append(token)
        total += float(log_softmax(logits)[token])
        if token == stop:
            break
    return Caption(ids, total / max(1, len(ids) - len(prompt)))


def greedy(ask: NextLogits, stop: int, max_tokens: int, prompt: Sequence[int] = ()) -> Caption:
    """Take the likeliest token again and again, at most ``max_tokens`` times.

    Args:
        ask: of `next_logits`, for as many tokens as prompt and limit together.
        stop: the id after which a caption ends; it is kept. A negative one never comes.
        max_tokens: the limit.
        prompt: ids before the first new one; they are part of the result.
    """
    return _grown(ask, stop, max_tokens, prompt, lambda logits: int(np.argmax(logits)))


def nucleus(
    ask: NextLogits,
    stop: int,
    max_tokens: int,
    *,
    rng: np.random.Generator,
    top_p: float = 0.9,
    temperature: float = 1.0,
    prompt: Sequence[int] = (),
) -> Caption:
    """Draw each token among the likeliest that together have the probability ``top_p``.

    The way is that of Holtzman et al., 2019; other arguments as `greedy`.
    """

    def draw(logits: Floats) -> int:
        chances = nucleus_probabilities(logits / temperature, top_p)
        return int(rng.choice(len(chances), p=chances))

    return _grown(ask, stop, max_tokens, prompt, draw)


def nucleus_probabilities(logits: Floats, top_p: float) -> npt.NDArray[np.float64]:
    """Return (vocabulary,) float64: 0 outside the smallest set of likeliest tokens that reaches ``top_p``."""
    chances = np.exp(log_softmax(logits))
    order = np.argsort(-chances, kind="stable")
    before = np.cumsum(chances[order]) - chances[order]
    chances[order[1:][before[1:] >= top_p]] = 0.0
    result: npt.NDArray[np.float64] = chances / chances.sum()
    return result


class Beams(NamedTuple):
    """The sequences of a beam search after a step.

    ``tokens`` (beams, steps), ``totals`` (beams,) sums of log-probabilities, ``lengths`` (beams,) up to and
    with the stop token, ``ended`` (beams,) whether it was reached.
    """

    tokens: Ids
    totals: npt.NDArray[np.float64]
    lengths: Ids
    ended: npt.NDArray[np.bool_]


def start_beams(log_probabilities: Floats, beam_size: int, stop: int) -> Beams:
    """Take the likeliest first tokens from (vocabulary,) log-probabilities."""
    tokens = _best(log_probabilities, beam_size)
    count = np.ones(len(tokens), np.int64)
    return Beams(tokens[:, None], log_probabilities[tokens].astype(np.float64), count, tokens == stop)


def advance_beams(beams: Beams, log_probabilities: Floats, stop: int) -> Beams:
    """Make one step of ClipCap's beam search.

    Candidates are ranked by total log-probability over length. A beam that has ended competes as it is: it
    goes on with id 0 at no cost and grows no longer.

    Args:
        beams: so far.
        log_probabilities: (beams, vocabulary), of the token after each.
        stop: the id that ends a beam.
    """
    costs = np.where(beams.ended[:, None], -np.inf, log_probabilities)
    costs[beams.ended, PADDING] = 0.0
    lengths = beams.lengths + ~beams.ended
    totals = beams.totals[:, None] + costs
    chosen = _best((totals / lengths[:, None]).ravel(), len(beams.tokens))
    parents, tokens = np.divmod(chosen, costs.shape[1])
    return Beams(
        np.concatenate([beams.tokens[parents], tokens[:, None]], axis=1),
        totals.ravel()[chosen],
        lengths[parents],
        beams.ended[parents] | (tokens == stop),
    )


def _best(scores: Floats, count: int) -> Ids:
    """Return the indices of the highest scores, best first, the lower index first among equals."""
    order: Ids = np.argsort(-scores, kind="stable")[:count].astype(np.int64)
    return order


def beam(
    ask: NextLogits,
    stop: int,
    max_tokens: int,
    *,
    beam_size: int = 5,
    temperature: float = 1.0,
    prompt: Sequence[int] = (),
) -> list[Caption]:
    """Search with ClipCap's own scoring.

    Args:
        ask: of `next_logits`, for as many tokens as prompt and limit together.
        stop: the id that ends a caption; it is kept. A negative one never comes.
        max_tokens: how many steps there are at most; a caption may end without the stop token.
        beam_size: how many captions are kept and returned.
        temperature: logits are divided by it before they become log-probabilities.
        prompt: ids before the first new one; they are part of the results but not of their scores.

    Returns:
        The captions, best mean log-probability first.
    """
    front = np.asarray([prompt], np.int64).reshape(1, -1)
    beams = start_beams(log_softmax(ask(front) / temperature)[0], beam_size, stop)
    for _ in range(max_tokens - 1):
        if beams.ended.all():
            break
        tokens = np.concatenate([np.repeat(front, len(beams.tokens), axis=0), beams.tokens], axis=1)
        beams = advance_beams(beams, log_softmax(ask(tokens) / temperature), stop)
    scores = beams.totals / beams.lengths
    return [
        Caption([*prompt, *beams.tokens[i, : beams.lengths[i]].tolist()], float(scores[i]))
        for i in _best(scores, len(scores))
    ]
