"""Decoding: greedy takes the likeliest, a beam ranks by mean log-probability, a nucleus has its bounds."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st

from export.captions import (
    beam,
    greedy,
    log_softmax,
    next_logits,
    nucleus,
    nucleus_probabilities,
)
from export.models.clipcap import ClipCap
from tests.export import tiny_clipcap

call: Any = nnx.jit(ClipCap.__call__)

WORDS = 4
STOP = 3


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with tiny_clipcap.quick_compilation():
        yield


def chain(seed: int = 0, spread: float = 1.0) -> Any:
    """Return next logits that depend on the last two tokens, as random as the seed."""
    table = np.random.default_rng(seed).normal(size=(WORDS + 1, WORDS + 1, WORDS)) * spread

    def ask(tokens: Any) -> Any:
        before = np.concatenate([np.full((len(tokens), 2), WORDS), tokens], axis=1)
        return table[before[:, -2], before[:, -1]]

    return ask


def mean_log_probability(ask: Any, ids: tuple[int, ...]) -> float:
    steps = [log_softmax(ask(np.asarray([ids[:i]], int).reshape(1, i)))[0][ids[i]] for i in range(len(ids))]
    return float(np.mean(steps))


def captions_of(length: int) -> list[tuple[int, ...]]:
    """Return every text that ends with the stop token or at the limit."""
    found = set()
    for ids in product(range(WORDS), repeat=length):
        end = ids.index(STOP) + 1 if STOP in ids else length
        found.add(ids[:end])
    return sorted(found)


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_as_wide_as_the_tree_finds_the_best_mean_of_all(seed: int) -> None:
    ask = chain(seed)
    best = max(captions_of(4), key=lambda ids: mean_log_probability(ask, ids))
    found = beam(ask, STOP, 4, beam_size=WORDS**4)
    assert tuple(found[0].ids) == best
    assert found[0].mean_log_probability == pytest.approx(mean_log_probability(ask, best))


@pytest.mark.parametrize("seed", range(5))
def test_every_caption_of_a_beam_has_its_own_mean_and_they_are_in_order(seed: int) -> None:
    ask = chain(seed)
    found = beam(ask, STOP, 6, beam_size=3)
    scores = [caption.mean_log_probability for caption in found]
    assert scores == sorted(scores, reverse=True)
    assert len({tuple(caption.ids) for caption in found}) == 3
    for caption in found:
        assert caption.mean_log_probability == pytest.approx(mean_log_probability(ask, tuple(caption.ids)))
        assert len(caption.ids) == 6 or caption.ids[-1] == STOP
        assert STOP not in caption.ids[:-1]


def test_a_beam_of_one_is_greedy_and_keeps_the_prompt() -> None:
    for seed in range(5):
        ask = chain(seed)
        one, walked = beam(ask, STOP, 6, beam_size=1, prompt=(1, 2))[0], greedy(ask, STOP, 6, (1, 2))
        assert one.ids == walked.ids
        assert one.mean_log_probability == pytest.approx(walked.mean_log_probability)
        assert walked.ids[:2] == [1, 2]


def test_a_stop_token_that_never_comes_gives_the_limit() -> None:
    ask = chain()
    assert len(greedy(ask, -1, 7).ids) == 7
    assert [len(caption.ids) for caption in beam(ask, -1, 7, beam_size=3)] == [7, 7, 7]


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=12),
    st.floats(0.01, 1.0),
)
def test_a_nucleus_is_the_smallest_set_that_reaches_its_share(logits: list[float], top_p: float) -> None:
    whole = np.exp(log_softmax(np.asarray(logits)))
    kept = nucleus_probabilities(np.asarray(logits), top_p)
    inside = kept > 0
    assert kept.sum() == pytest.approx(1)
    assert whole[inside].sum() >= top_p - 1e-9
    assert whole[inside].min() >= whole[~inside].max(initial=0.0) - 1e-12
    assert whole[inside].sum() - whole[inside].min() < top_p + 1e-9
    np.testing.assert_allclose(kept[inside], whole[inside] / whole[inside].sum())


def test_drawing_is_the_same_for_a_seed_and_greedy_for_a_tiny_share() -> None:
    ask = chain(2)
    drawn = [nucleus(ask, -1, 12, rng=np.random.default_rng(seed)).ids for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    rng = np.random.default_rng(0)
    assert nucleus(ask, -1, 12, rng=rng, top_p=1e-6) == greedy(ask, -1, 12)
    assert nucleus(ask, -1, 12, rng=rng, temperature=1e-3, top_p=1.0) == greedy(ask, -1, 12)


def test_the_next_logits_of_a_captioner_are_those_of_a_whole_run() -> None:
    config = tiny_clipcap.config("transformer")
    model, vector = tiny_clipcap.model(config), tiny_clipcap.prefixes(config, 1)
    ids = tiny_clipcap.texts(config, 2, 6)
    whole = np.asarray(call(model, ids, np.repeat(vector, 2, axis=0)))
    ask = next_logits(model, vector[0], 6)
    for length in range(1, 7):
        np.testing.assert_allclose(
            ask(ids[:, :length]), whole[:, config.prefix_length - 1 + length], atol=2e-5
        )
    np.testing.assert_allclose(ask(ids[:1, :0])[0], whole[0, config.prefix_length - 1], atol=2e-5)


def test_more_text_than_positions_is_refused() -> None:
    config = tiny_clipcap.config()
    with pytest.raises(ValueError, match="5 positions of prefix and 20 of text are more than the model's 24"):
        next_logits(tiny_clipcap.model(config), tiny_clipcap.prefixes(config, 1)[0], 20)
