"""GPT-2: the cache continues what a whole run does, nothing looks ahead, positions count on."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from export.models.config import ConfigError
from export.models.gpt2 import GPT2, GPT2Config
from tests.export import tiny_clipcap

run: Any = nnx.jit(GPT2.__call__)
step: Any = nnx.jit(GPT2.step)
drop_out: Any = nnx.jit(lambda decoder, ids, rngs: decoder(ids, deterministic=False, rngs=rngs))


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with tiny_clipcap.quick_compilation():
        yield


@pytest.fixture(scope="module")
def decoder() -> GPT2:
    return tiny_clipcap.model(tiny_clipcap.config()).gpt


@pytest.fixture(scope="module")
def ids() -> Any:
    return tiny_clipcap.texts(tiny_clipcap.config(), 3, 9)


def test_going_on_from_the_past_is_the_whole_run(decoder: GPT2, ids: Any) -> None:
    whole = run(decoder, ids)
    logits, past = step(decoder, ids[:, :6])
    np.testing.assert_allclose(logits, whole[:, :6], atol=2e-5)
    logits, past = step(decoder, ids[:, 6:8], None, None, past)
    np.testing.assert_allclose(logits, whole[:, 6:8], atol=2e-5)
    logits, past = step(decoder, ids[:, 8:], None, None, past)
    np.testing.assert_allclose(logits, whole[:, 8:], atol=2e-5)
    assert past.key.shape == past.value.shape == (2, 3, 3, 9, 8)


def test_no_token_sees_a_later_one(decoder: GPT2, ids: Any) -> None:
    changed = ids.copy()
    changed[:, 6] = (changed[:, 6] + 1) % 50
    before, after = np.asarray(run(decoder, ids)), np.asarray(run(decoder, changed))
    np.testing.assert_allclose(before[:, :6], after[:, :6], atol=1e-6)
    assert np.abs(before[:, 6:] - after[:, 6:]).max(axis=(0, 2)).min() > 1e-3


def test_masked_tokens_are_not_seen_but_keep_their_positions(decoder: GPT2, ids: Any) -> None:
    mask = np.ones(ids.shape, np.int32)
    mask[:, 2:4] = 0
    changed = ids.copy()
    changed[:, 2:4] = 7
    seen = [3, 4, 5, 6, 7, 8][1:]
    before, after = run(decoder, ids, mask), run(decoder, changed, mask)
    np.testing.assert_allclose(before[:, seen], after[:, seen], atol=1e-5)
    kept = np.array([[0, 1, 4, 5, 6, 7, 8]] * 3)
    short = run(decoder, np.take_along_axis(ids, kept, axis=1), None, kept.astype(np.int32))
    np.testing.assert_allclose(before[:, seen], short[:, 2:], atol=2e-5)


def test_vectors_in_place_of_ids_are_the_same(decoder: GPT2, ids: Any) -> None:
    np.testing.assert_allclose(run(decoder, decoder.embed(jnp.asarray(ids))), run(decoder, ids), atol=1e-6)


def test_dropout_needs_a_stream_and_acts_in_all_three_places() -> None:
    ids = np.ones((1, 4), np.int32)
    for rate in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
        sizes = tiny_clipcap.gpt2(n_layer=1, **{rate: 0.5})
        noisy = tiny_clipcap.model(tiny_clipcap.config(gpt2=sizes)).gpt
        first, second = (drop_out(noisy, ids, nnx.Rngs(dropout=seed)) for seed in (0, 1))
        assert np.abs(np.asarray(first) - np.asarray(second)).max() > 1e-2
    with pytest.raises(ValueError, match="needs rngs"):
        noisy(jnp.asarray(ids), deterministic=False)


def test_a_width_that_the_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple of n_head"):
        GPT2(tiny_clipcap.gpt2(n_head=5), nnx.Rngs(0))


def test_a_published_config_is_read_and_an_unusable_one_refused() -> None:
    values = {
        "vocab_size": 50257,
        "n_ctx": 1024,
        "n_inner": None,
        "n_layer": 24,
        "n_embd": 1024,
        "n_head": 16,
    }
    read = GPT2Config.from_dict(values)
    assert (read.n_layer, read.inner_size, read.head_dim) == (24, 4096, 64)
    with pytest.raises(ConfigError, match="n_layer is 'two'"):
        GPT2Config.from_dict({"n_layer": "two"})
