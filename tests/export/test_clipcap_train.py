"""Training a captioner: it learns its captions in both modes, and only what the mode says."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from export.captions import greedy, next_logits
from export.checkpoints.clipcap import published_state
from export.clipcap_train import (
    CaptionBatch,
    caption_loss,
    caption_optimiser,
    prefix_step,
    text_loss,
    train_step,
    transformers_adamw,
)
from tests.export import tiny_clipcap

CONFIG = tiny_clipcap.config("transformer", gpt2=tiny_clipcap.gpt2(n_layer=1), mapper_layers=1)
STOP = 49
loss_of: Any = nnx.jit(caption_loss)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with tiny_clipcap.quick_compilation():
        yield


def batch() -> CaptionBatch:
    """Return three captions of 5, 3 and 4 tokens with the stop token, padded to 6."""
    tokens = np.zeros((3, 6), np.int32)
    for row, length in enumerate((5, 3, 4)):
        tokens[row, :length] = [*tiny_clipcap.texts(CONFIG, 3, length)[row][:-1] % STOP + 0, STOP]
    mask = np.concatenate([np.ones((3, CONFIG.prefix_length)), tokens != 0], axis=1).astype(np.float32)
    return CaptionBatch(*map(jnp.asarray, (tokens, mask, tiny_clipcap.prefixes(CONFIG, 3))))


def test_the_whole_model_learns_to_say_its_captions() -> None:
    model, given = tiny_clipcap.model(CONFIG), batch()
    optimiser = caption_optimiser(model, transformers_adamw(1e-2), "full")
    losses = [float(train_step(model, optimiser, given)) for _ in range(60)]
    assert losses[-1] < 0.1 < losses[0]
    for row in range(3):
        caption = greedy(next_logits(model, given.prefix[row], 6), STOP, 6)
        expected = [int(i) for i in given.tokens[row] if i]
        assert caption.ids == expected


def test_the_mapper_alone_learns_and_the_language_model_stays() -> None:
    model, given = tiny_clipcap.model(CONFIG), batch()
    before = published_state(model)
    optimiser = caption_optimiser(model, transformers_adamw(1e-2), "prefix_only")
    losses = [float(prefix_step(model, optimiser, given)) for _ in range(40)]
    assert losses[-1] < losses[0] * 0.7
    after = published_state(model)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith("clip_project.")}


def test_padding_and_tokens_of_id_0_teach_nothing() -> None:
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(1, 7, 5)), jnp.float32)
    tokens = jnp.asarray([[2, 0, 4, 0]])
    each = -np.asarray(nnx.log_softmax(logits))[0]
    assert float(text_loss(logits, tokens, 3)) == pytest.approx((each[2, 2] + each[4, 4]) / 2, rel=1e-6)
    assert float(text_loss(logits, jnp.zeros((1, 4), jnp.int32), 3)) == 0.0


def test_dropout_acts_only_where_streams_are_given() -> None:
    sizes = tiny_clipcap.gpt2(n_layer=1, resid_pdrop=0.4)
    model = tiny_clipcap.model(tiny_clipcap.config("transformer", gpt2=sizes, mapper_layers=1))
    rngs = nnx.Rngs(dropout=0)
    assert len({float(loss_of(model, batch(), rngs)) for _ in range(3)}) == 3
    assert len({float(loss_of(model, batch())) for _ in range(2)}) == 1


def adam_by_hand(gradients: list[float], start: float, *, decay: float, correct: bool) -> float:
    """Follow the transformers library's AdamW in plain numbers: rate 0.1, betas 0.9 and 0.999, eps 0.01."""
    mean = square = 0.0
    value = start
    for step, gradient in enumerate(gradients, 1):
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        size = 0.1 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step) if correct else 0.1
        value -= size * mean / (square**0.5 + 0.01)
        value -= 0.1 * decay * value
    return value


@pytest.mark.parametrize(("decay", "correct"), [(0.0, True), (0.3, True), (0.3, False)])
def test_the_optimiser_is_that_of_the_transformers_library(decay: float, correct: bool) -> None:
    gradients = [0.5, -0.2, 0.05, 0.3]
    adamw = transformers_adamw(0.1, eps=0.01, weight_decay=decay, correct_bias=correct)
    value = {"a": jnp.asarray(2.0)}
    state = adamw.init(value)
    for gradient in gradients:
        updates, state = adamw.update({"a": jnp.asarray(gradient)}, state, value)
        value = optax.apply_updates(value, updates)
    expected = adam_by_hand(gradients, 2.0, decay=decay, correct=correct)
    assert float(value["a"]) == pytest.approx(expected, rel=1e-5)


def test_a_schedule_gives_each_step_its_rate() -> None:
    adamw = transformers_adamw(optax.linear_schedule(0.0, 1.0, 2))
    value = {"a": jnp.asarray(1.0)}
    state = adamw.init(value)
    moves = []
    for _ in range(3):
        updates, state = adamw.update({"a": jnp.asarray(3.0)}, state, value)
        moves.append(float(updates["a"]))
    assert moves == pytest.approx([0.0, -0.5, -1.0], rel=1e-3)
