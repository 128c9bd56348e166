"""The optimisers and learning rates of Hybrid CLIP and of the house models."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


def adamw(
    learning_rate: optax.ScalarOrSchedule, weight_decay: float | jax.Array
) -> optax.GradientTransformation:
    """Return AdamW (Loshchilov and Hutter, 2017) as the original uses it.

    Weight decay falls on every parameter: biases, normalisation and temperature included.
    """
    return optax.adamw(learning_rate, b1=0.9, b2=0.999, eps=1e-8, weight_decay=weight_decay)


def warmup_decay(peak: float, warmup_steps: int, total_steps: int) -> optax.Schedule:
    """Return learning rates that rise from 0 to the peak and fall to 0, both in a straight line.

    Args:
        peak: the rate at step ``warmup_steps``.
        warmup_steps: how long it rises; the very first step has rate 0 unless this is 0.
        total_steps: the step at which the rate reaches 0 and stays there.
    """
    rise = optax.linear_schedule(0.0, peak, warmup_steps)
    fall = optax.linear_schedule(peak, 0.0, total_steps - warmup_steps)
    return optax.join_schedules([rise, fall], [warmup_steps])


def epoch_schedule(
    *, examples: int, batch_size: int, epochs: int, warmup_steps: int, learning_rate: float
) -> optax.Schedule:
    """Return `warmup_decay` over whole epochs; a last incomplete batch of an epoch is dropped."""
    return warmup_decay(learning_rate, warmup_steps, examples // batch_size * epochs)


class Learned(NamedTuple):
    """Everything of a house model's training that changes from step to step."""

    weights: Any
    average: Any
    optimiser: Any


def level_adamw(
    peak: float, *, steps: int, warmup: float, cooldown: float, weight_decay: float
) -> optax.GradientTransformation:
    """Return AdamW behind a clipped gradient, whose rate rises, stays level and falls to a hundredth.

    Level in between: a run can be lengthened or cut short without having been scheduled for it.

    Args:
        peak: the level rate.
        steps: of the whole training.
        warmup: share of the steps in which the rate rises.
        cooldown: share of the steps in which it falls.
        weight_decay: AdamW's.
    """
    rising, falling = int(warmup * steps), int(cooldown * steps)
    schedule = optax.join_schedules(
        [
            optax.linear_schedule(0.0, peak, max(1, rising)),
            optax.constant_schedule(peak),
            optax.linear_schedule(peak, peak / 100, max(1, falling)),
        ],
        [rising, steps - falling],
    )
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=weight_decay))


def moving_average(average: Any, weights: Any, decay: float, step: int | jax.Array) -> Any:
    """Return the moving average of weights after a step; early on a long memory would be of the start."""
    kept = jnp.minimum(decay, (1 + step) / (10 + step))
    return jax.tree.map(lambda old, new: kept * old + (1 - kept) * new, average, weights)
