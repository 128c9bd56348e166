"""The optimiser and the learning rates that Hybrid CLIP was trained with."""

import jax
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
