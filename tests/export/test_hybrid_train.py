"""The training step on replies: it learns, and it pushes apart only what is not alike."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from export.checkpoints.msgpack import parameter_arrays
from export.hybrid_train import ReplyBatch, pair_loss, reply_loss, reply_optimiser, train_step
from export.models.bert import BertConfig
from export.models.hybrid_clip import HybridCLIP
from tests.export import tiny_hybrid

PAIRS = 4
UNKNOWN = (-1,) * PAIRS
loss_of: Any = nnx.jit(reply_loss)


def batch(
    gifs: tuple[int, ...] = UNKNOWN, categories: tuple[int, ...] = UNKNOWN, *, frames: int | None = None
) -> ReplyBatch:
    given = tiny_hybrid.inputs(tiny_hybrid.config(), texts=PAIRS, pictures=PAIRS * (frames or 1))
    pixels = given["pixel_values"]
    if frames is not None:
        pixels = pixels.reshape(PAIRS, frames, *pixels.shape[1:])
    ids = given["input_ids"], given["attention_mask"]
    return ReplyBatch(*map(jnp.asarray, (*ids, pixels, gifs, categories)))


def model(dropout: float) -> HybridCLIP:
    text = BertConfig(**tiny_hybrid.TEXT_SIZES, hidden_dropout_prob=dropout)
    return tiny_hybrid.model(tiny_hybrid.config(text=text))


def falls(losses: list[float]) -> bool:
    return max(losses[-5:]) < losses[0] / 2


def test_the_loss_falls_with_four_frames_and_dropout() -> None:
    trained, given = model(dropout=0.1), batch(frames=4)
    optimiser, rngs = reply_optimiser(trained, 1e-2, 0.01), nnx.Rngs(dropout=0)
    assert falls([float(train_step(trained, optimiser, given, rngs)) for _ in range(40)])


def test_one_frame_is_as_good_as_the_same_frame_four_times() -> None:
    single = batch()
    four = single._replace(pixels=jnp.repeat(single.pixels[:, None], 4, axis=1))
    whole = model(dropout=0.3)
    assert float(loss_of(whole, four)) == pytest.approx(float(loss_of(whole, single)), abs=1e-5)


def test_dropout_draws_anew_in_each_call_and_not_at_all_without_streams() -> None:
    whole, given, rngs = model(dropout=0.3), batch(), nnx.Rngs(dropout=0)
    assert len({float(loss_of(whole, given, rngs)) for _ in range(3)}) == 3
    assert len({float(loss_of(whole, given)) for _ in range(2)}) == 1


def test_no_gradient_flows_through_pairs_of_one_gif_or_one_category() -> None:
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(PAIRS, PAIRS)), jnp.float32)
    gradient = np.asarray(jax.grad(pair_loss)(logits, batch((7, 7, 8, -1), (-1, 3, 3, -1))))
    alike = np.zeros((PAIRS, PAIRS), bool)
    alike[[0, 1, 1, 2], [1, 0, 2, 1]] = True
    apart = ~alike & ~np.eye(PAIRS, dtype=bool)
    assert (gradient[alike] == 0).all()
    assert (gradient[apart] > 0).all()
    assert (np.diagonal(gradient) < 0).all()


def test_a_batch_of_one_category_teaches_nothing_and_any_other_every_part_until_the_loss_falls() -> None:
    trained = model(dropout=0.0)
    optimiser, rngs = reply_optimiser(trained, 1e-2, 0.0), nnx.Rngs(dropout=0)
    before = parameter_arrays(trained)
    assert float(train_step(trained, optimiser, batch(categories=(5,) * PAIRS), rngs)) < 1e-6
    after = parameter_arrays(trained)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    train_step(trained, optimiser, batch(), rngs)
    after = parameter_arrays(trained)
    still = {name for name in before if np.array_equal(before[name], after[name])}
    assert still <= {name for name in before if name.endswith(("key/bias", "k_proj/bias"))}
    assert falls([float(train_step(trained, optimiser, batch(), rngs)) for _ in range(40)])
