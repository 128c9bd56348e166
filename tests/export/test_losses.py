"""The contrastive loss: its value by hand, and that ignored pairs are not pushed apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from export.losses import contrastive_loss, same_group
from export.optim import adamw, epoch_schedule

LOGITS = jnp.asarray([[2.0, 1.0, 0.5], [0.3, 1.5, 0.2], [0.9, 0.1, 3.0]])


def by_hand(logits: np.ndarray) -> float:
    def half(rows: np.ndarray) -> float:
        return float(np.mean([np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(rows)]))

    return (half(logits) + half(logits.T)) / 2


def test_it_is_the_mean_of_both_cross_entropies() -> None:
    assert float(contrastive_loss(LOGITS)) == pytest.approx(by_hand(np.asarray(LOGITS)), abs=1e-6)


def test_an_ignored_pair_has_no_gradient_and_the_others_keep_theirs() -> None:
    ignored = same_group(jnp.asarray([0, 0, 1]))
    gradient = np.asarray(jax.grad(contrastive_loss)(LOGITS, ignored))
    assert gradient[0, 1] == gradient[1, 0] == 0
    assert (gradient[[0, 1, 2, 2], [2, 2, 0, 1]] > 0).all()
    assert (np.diagonal(gradient) < 0).all()
    assert float(contrastive_loss(LOGITS, ignored)) < float(contrastive_loss(LOGITS))


def test_nothing_is_left_to_learn_where_all_pairs_are_alike() -> None:
    assert float(contrastive_loss(LOGITS, jnp.ones((3, 3), bool))) == pytest.approx(0.0, abs=1e-6)


def test_pairs_are_alike_by_gif_or_by_category_but_not_for_having_neither() -> None:
    gifs, categories = jnp.asarray([4, 4, -1, -1]), jnp.asarray([-1, 2, 2, 7])
    expected = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    assert same_group(gifs, categories).astype(int).tolist() == expected


def test_rates_rise_then_fall_to_zero_and_stay_there() -> None:
    schedule = epoch_schedule(examples=43, batch_size=4, epochs=1, warmup_steps=2, learning_rate=1e-3)
    rates = [float(schedule(step)) for step in (0, 1, 2, 6, 10, 12)]
    assert rates == pytest.approx([0, 5e-4, 1e-3, 5e-4, 0, 0], abs=1e-9)


def test_weight_decay_falls_on_every_parameter() -> None:
    params = {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2), "logit_scale": jnp.ones(())}
    optimiser = adamw(0.1, 0.5)
    updates, _ = optimiser.update(jax.tree.map(jnp.zeros_like, params), optimiser.init(params), params)
    assert all(np.allclose(update, -0.05) for update in jax.tree.leaves(updates))
