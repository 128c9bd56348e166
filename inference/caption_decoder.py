"""Pictures' vectors to token ids: greedy and beam search over the two graphs of a captioner bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.bundle import REPAIR
from inference.caption_bundle import CaptionBundle, DecoderSpec
from inference.errors import BundleError
from inference.sessions import Runner, open_session

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]
Ids = NDArray[np.int64]

PAST = ("key", "value")
PADDING = 0
"""What an ended beam goes on with, as in the original."""


class Caption(NamedTuple):
    """Token ids, the stop token included where it was reached, and their mean log-probability."""

    ids: list[int]
    mean_log_probability: float


class CaptionDecoder:
    """The language model of a captioner; any thread may call it.

    Memory and time of a token do not grow with the tokens before it: the cache has its full size from the
    start and is handed over as it is.
    """

    def __init__(self, bundle: CaptionBundle, *, threads: int = 1) -> None:
        """Open both graphs.

        Args:
            bundle: a verified bundle.
            threads: CPU threads of one run.

        Raises:
            BundleError: a graph cannot be opened, or is not the one that the bundle describes.
        """
        spec = self.spec = bundle.spec.decoder
        _check_numbers(bundle)
        caches = [f"past_{what}_{layer}" for layer in range(spec.n_layer) for what in PAST]
        outputs = ["logits", "past_key", "past_value"], ["logits", "new_key", "new_value"]
        self._prefill = open_graph(bundle, spec.prefill, {"prefix": spec.prefix_size}, outputs[0], threads)
        widths = {"token": None, "length": 1} | dict.fromkeys(caches, spec.n_embd // spec.n_head)
        self._step = open_graph(bundle, spec.step, widths, outputs[1], threads)

    @property
    def longest(self) -> int:
        """The most tokens that a caption can have."""
        return min(self.spec.max_tokens, self.spec.n_positions - self.spec.prefix_length)

    def start(self, prefix: Floats, tokens: int) -> tuple[Floats, CaptionRun]:
        """Read the vectors (batch, prefix_size) of pictures, with room for so many tokens to be read.

        Returns:
            The logits (batch, vocab_size) of the first token, and what reads the tokens.
        """
        logits, *past = self._prefill({"prefix": prefix})
        return logits, CaptionRun(self._step, past, tokens)

    def greedy(self, prefix: Floats, max_tokens: int) -> list[Caption]:
        """Take the likeliest token again and again: a caption for each of (batch, prefix_size) float32.

        The stop token ends a caption and is part of it. Captions that have ended cost nothing any more.
        """
        limit = self._limit(max_tokens)
        logits, run = self.start(prefix, limit - 1)
        ids: list[list[int]] = [[] for _ in prefix]
        totals = np.zeros(len(prefix))
        open_rows = np.arange(len(prefix))
        while True:
            tokens = logits.argmax(axis=-1)
            totals[open_rows] += log_softmax(logits).max(axis=-1)
            for row, token in zip(open_rows, tokens, strict=True):
                ids[row].append(int(token))
            going = np.flatnonzero(tokens != self.spec.stop_id)
            if not len(going) or len(ids[open_rows[going[0]]]) >= limit:
                return [Caption(row, float(total / len(row))) for row, total in zip(ids, totals, strict=True)]
            open_rows = open_rows[going]
            run.keep(going)
            logits = run.read(tokens[going])

    def beam(self, prefix: Floats, beam_size: int, max_tokens: int) -> list[list[Caption]]:
        """Search with ClipCap's scoring: captions, best first, for each of (batch, prefix_size) float32."""
        limit, stop = self._limit(max_tokens), self.spec.stop_id
        logits, run = self.start(prefix, limit - 1)
        searches = [BeamSearch(row, beam_size, stop) for row in log_softmax(logits)]
        run.keep(np.repeat(np.arange(len(prefix)), [len(search.tokens) for search in searches]))
        going = searches
        for _ in range(limit - 1):
            rows = np.repeat([not search.is_over for search in going], [len(s.tokens) for s in going])
            run.keep(np.flatnonzero(rows))
            going = [search for search in going if not search.is_over]
            if not going:
                break
            following = log_softmax(run.read(np.concatenate([search.tokens[:, -1] for search in going])))
            parents, first = [], 0
            for search in going:
                last = first + len(search.tokens)
                parents.append(first + search.advance(following[first:last]))
                first = last
            run.keep(np.concatenate(parents))
        return [search.captions() for search in searches]

    def _limit(self, max_tokens: int) -> int:
        return max(1, min(max_tokens, self.longest))


class CaptionRun:
    """Captions of one batch that are being written: the cache, and the step that extends it.

    The cache is (2, layers, batch, heads, room, head width) float32, of whose room `length` places are used.
    """

    def __init__(self, step: Runner, past: Sequence[Floats], tokens: int) -> None:
        layers, batch, heads, self.length, width = past[0].shape
        self._step = step
        self._cache = np.zeros((2, layers, batch, heads, self.length + tokens, width), np.float32)
        self._cache[..., : self.length, :] = past

    def read(self, tokens: Ids) -> Floats:
        """Go on by a token (batch,) of each caption: the logits (batch, vocab_size) of the next one."""
        feed: dict[str, NDArray[Any]] = {
            f"past_{what}_{layer}": part
            for what, parts in zip(PAST, self._cache, strict=True)
            for layer, part in enumerate(parts)
        }
        feed |= {"token": tokens.astype(np.int64), "length": np.array([self.length], np.int64)}
        logits, *new = self._step(feed)
        self._cache[..., self.length, :] = new
        self.length += 1
        return logits

    def keep(self, rows: Ids) -> None:
        """Go on with these captions of the batch, some of them perhaps several times."""
        if not np.array_equal(rows, np.arange(self._cache.shape[2])):
            self._cache = np.take(self._cache, rows, axis=2)  # contiguous, so that no run has to copy it


class BeamSearch:
    """ClipCap's beam search for one picture (Mokady et al. 2021, `generate_beam`).

    Candidates are ranked by total log-probability over length. A beam that has ended competes as it is: it
    goes on with id 0 at no cost and grows no longer. `tokens` is (beams, steps).
    """

    def __init__(self, log_probabilities: Scores, beam_size: int, stop: int) -> None:
        """Take the likeliest first tokens from (vocab_size,) log-probabilities."""
        first = best(log_probabilities, beam_size)
        self.tokens: Ids = first[:, None]
        self._stop = stop
        self._totals = log_probabilities[first]
        self._lengths = np.ones(len(first), np.int64)
        self._has_ended = first == stop

    @property
    def is_over(self) -> bool:
        """Whether every beam has ended."""
        return bool(self._has_ended.all())

    def advance(self, log_probabilities: Scores) -> Ids:
        """Make a step from (beams, vocab_size) log-probabilities; return which beam each one came from."""
        costs = log_probabilities.copy()
        costs[self._has_ended] = -np.inf
        costs[self._has_ended, PADDING] = 0.0
        lengths = self._lengths + ~self._has_ended
        totals = self._totals[:, None] + costs
        chosen = best((totals / lengths[:, None]).ravel(), len(self.tokens))
        parents, tokens = np.divmod(chosen, costs.shape[1])
        self.tokens = np.concatenate([self.tokens[parents], tokens[:, None]], axis=1)
        self._totals, self._lengths = totals.ravel()[chosen], lengths[parents]
        self._has_ended = self._has_ended[parents] | (tokens == self._stop)
        return parents

    def captions(self) -> list[Caption]:
        """Return what was found, best mean log-probability first."""
        scores = self._totals / self._lengths
        return [
            Caption(self.tokens[row, : self._lengths[row]].tolist(), float(scores[row]))
            for row in best(scores, len(scores))
        ]


def best(scores: Scores, count: int) -> Ids:
    """Return the indices of the highest scores (n,), best first, the lower index first among equals."""
    if count < len(scores):
        bound = np.partition(scores, len(scores) - count)[len(scores) - count]
        likely = np.flatnonzero(scores >= bound)
    else:
        likely = np.arange(len(scores))
    chosen: Ids = likely[np.argsort(-scores[likely], kind="stable")[:count]]
    return chosen


def log_softmax(logits: Floats) -> Scores:
    """Return log-probabilities over the last axis, float64: candidates are often near to one another."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    result: Scores = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def open_graph(
    bundle: CaptionBundle, file: str, inputs: dict[str, int | None], outputs: Sequence[str], threads: int
) -> Runner:
    """Open a graph of the bundle and compare it with the description.

    Args:
        bundle: a verified bundle.
        file: name of the graph.
        inputs: names of its inputs, and the size of the last axis where it matters.
        outputs: names of what a run returns, in their order.
        threads: CPU threads of one run.

    Raises:
        BundleError: the graph cannot be opened or is another one.
    """
    path = bundle.path(file)
    session = open_session(path, threads=threads)
    found = {node.name: node.shape for node in session.get_inputs()}
    given = {node.name for node in session.get_outputs()}
    missing = sorted((inputs.keys() - found.keys()) | (set(outputs) - given))
    if missing:
        raise BundleError(f"The graph {path} has no {', '.join(missing)}: {REPAIR}.")
    if extra := sorted(found.keys() - inputs.keys()):
        raise BundleError(f"The graph {path} wants {', '.join(extra)} too: {REPAIR}.")
    for name, width in inputs.items():
        if width is not None and found[name][-1] != width:
            raise BundleError(
                f"The graph {path} takes {found[name][-1]} numbers as {name} instead of {width}: {REPAIR}."
            )
    return Runner(session, outputs)


def _check_numbers(bundle: CaptionBundle) -> None:
    spec: DecoderSpec = bundle.spec.decoder
    if spec.n_embd % spec.n_head:
        problem = f"{spec.n_head} heads do not share {spec.n_embd} numbers evenly"
    elif spec.stop_id >= spec.vocab_size:
        problem = f"the stop token {spec.stop_id} is none of {spec.vocab_size} tokens"
    elif spec.prefix_length >= spec.n_positions:
        problem = f"a prefix of {spec.prefix_length} leaves no room in {spec.n_positions} positions"
    else:
        return
    raise BundleError(f"The captioner bundle {bundle.folder} contradicts itself, {problem}: {REPAIR}.")
