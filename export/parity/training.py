"""Repeats the recorded training runs of a Hybrid CLIP model."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from flax import nnx

from export.checkpoints.msgpack import parameter_arrays
from export.losses import contrastive_loss
from export.models.hybrid_clip import HybridCLIP
from export.optim import adamw, warmup_decay
from export.parity.files import CaseError
from export.parity.report import Comparison, compare, unlike

Array = npt.NDArray[Any]

LOSS_TOLERANCE = 1e-4
RATE_TOLERANCE = 1e-6
"""Relative to the highest rate of the run."""
SCALE_TOLERANCE = 1e-4
LOGIT_TOLERANCE = 1e-3

PARAMETER_TOLERANCE = 1e-5
PARAMETER_SHARE = 0.999
PARAMETER_LIMIT = 3e-3
"""Adam divides by the gradient's size: a parameter with hardly any gradient may end up elsewhere."""

KEY_BIASES = ("/key/bias", "/k_proj/bias")
"""Their true gradient is zero, so that what Adam does to them is rounding noise."""


def fitted_schedule(rates: Sequence[float]) -> optax.Schedule:
    """Find the warm-up/decay schedule, in whole steps, that recorded rates come from.

    Only its numbers are taken from the record: rates of another form are not reproduced by any such schedule.
    """
    top = int(np.argmax(rates))
    peak = float(rates[top])
    if min(rates) == peak:
        return optax.constant_schedule(peak)
    falls = [rates[step] - rates[step + 1] for step in range(top, len(rates) - 1)]
    length = round(peak / falls[0]) if falls and falls[0] > 0 else len(rates)
    return warmup_decay(peak, top, top + length)


class Batch(NamedTuple):
    """What every step of a run sees: (n, tokens) int32 twice, (n, height, width, channels) float32."""

    input_ids: jax.Array
    attention_mask: jax.Array
    pixels: jax.Array


def _loss(params: Any, graph: Any, batch: Batch) -> tuple[jax.Array, jax.Array]:
    model: HybridCLIP = nnx.merge(graph, params)
    logits = model(batch.input_ids, batch.pixels, batch.attention_mask).logits_per_image
    return contrastive_loss(logits), logits


@partial(jax.jit, static_argnames="graph")
def train_step(
    params: Any, state: Any, batch: Batch, rate: jax.Array, decay: jax.Array, *, graph: Any
) -> tuple[Any, ...]:
    """Make one step of the original training.

    Returns:
        The new parameters and optimiser state, the loss and the logits per picture before the update.
    """
    (loss, logits), gradients = jax.value_and_grad(_loss, has_aux=True)(params, graph, batch)
    updates, state = adamw(rate, decay).update(gradients, state, params)
    return optax.apply_updates(params, updates), state, loss, logits


class Trainer:
    """Repeats runs that start from the same parameters on the same batch."""

    def __init__(self, model: HybridCLIP, arrays: Mapping[str, Array], size: int) -> None:
        self._graph, self._start = nnx.split(model)
        missing = [n for n in ("input_ids", "attention_mask", "pixel_values") if n not in arrays]
        if missing:
            raise CaseError(f"io.npz lacks {missing[0]}, so that nothing can be trained")
        self._batch = Batch(
            jnp.asarray(arrays["input_ids"][:size], jnp.int32),
            jnp.asarray(arrays["attention_mask"][:size], jnp.int32),
            jnp.asarray(arrays["pixel_values"][:size], jnp.float32),
        )
        if not len(self._batch.input_ids) == len(self._batch.pixels) == size:
            raise CaseError(f"the recorded batch of {size} is larger than the inputs in io.npz")

    def _step(self, params: Any, state: Any, rate: float, decay: float) -> tuple[Any, ...]:
        rates = np.float32(rate), np.float32(decay)
        done: tuple[Any, ...] = train_step(params, state, self._batch, *rates, graph=self._graph)
        return done

    def _fresh_state(self) -> Any:
        """Return the optimiser's state before the first step, which is all zeros."""
        shapes = jax.eval_shape(adamw(0.0, 0.0).init, self._start)
        return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)

    def run(self, rates: Sequence[float], decay: float) -> tuple[list[float], Array, HybridCLIP]:
        """Train one step a rate.

        Returns:
            The loss before each update and after the last, the last logits per picture, the trained model.
        """
        params, state = self._start, self._fresh_state()
        losses: list[float] = []
        for rate in rates:
            params, state, loss, _ = self._step(params, state, rate, decay)
            losses.append(float(loss))
        *_, loss, logits = self._step(params, state, 0.0, 0.0)
        return [*losses, float(loss)], np.asarray(logits), nnx.merge(self._graph, params)


def check_training(
    model: HybridCLIP,
    arrays: Mapping[str, Array],
    runs: Mapping[str, Any],
    parameters_after: Mapping[str, Mapping[str, Array]],
) -> dict[str, Comparison]:
    """Repeat every run of ``train.json``.

    Args:
        model: the parameters that every run starts from.
        arrays: the case's ``io.npz``.
        runs: the content of ``train.json``.
        parameters_after: run name to the parameters recorded after it.

    Raises:
        CaseError: a run lacks what is needed to repeat it.
    """
    found: dict[str, Comparison] = {}
    for name, run in runs.items():
        rates, decay, batch = _settings(name, run, arrays)
        trainer = Trainer(model, arrays, batch)
        schedule = fitted_schedule(rates)
        repeated = [float(schedule(step)) for step in range(len(rates))]
        losses, logits, trained = trainer.run(repeated, decay)
        found[f"train/{name}/learning_rates"] = compare(repeated, rates, RATE_TOLERANCE * max(rates))
        found[f"train/{name}/losses"] = compare(losses, run["losses"], LOSS_TOLERANCE)
        if "logit_scale_after" in run:
            scale = float(trained.logit_scale[...])
            key = f"train/{name}/logit_scale_after"
            found[key] = compare(scale, run["logit_scale_after"], SCALE_TOLERANCE)
        if "logits_per_image_after" in run:
            key = f"train/{name}/logits_per_image_after"
            found[key] = compare(logits, run["logits_per_image_after"], LOGIT_TOLERANCE)
        if name in parameters_after:
            found[f"params_after_{name}"] = compare_trained(parameter_arrays(trained), parameters_after[name])
    return found


def _settings(name: str, run: Any, arrays: Mapping[str, Array]) -> tuple[list[float], float, int]:
    """Return a run's learning rates, weight decay and batch size."""
    try:
        rates = [float(rate) for rate in run["learning_rates"]]
        decay, steps = float(run["weight_decay"]), len(run["losses"]) - 1
        after = run.get("logits_per_image_after")
        batch = (
            len(after) if after is not None else min(len(arrays[n]) for n in ("input_ids", "pixel_values"))
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CaseError(f"train.json: run {name} lacks or garbles {error}") from error
    if not rates or len(rates) != steps:
        raise CaseError(f"train.json: run {name} has {len(rates)} learning rates and {steps + 1} losses")
    return rates, decay, batch


def compare_trained(actual: Mapping[str, Array], recorded: Mapping[str, Array]) -> Comparison:
    """Compare trained parameters but the key biases: nearly all closely, the rest within a limit."""
    shapes = {name: array.shape for name, array in actual.items()}
    differing = sorted(n for n in shapes.keys() | recorded.keys() if n not in shapes or n not in recorded)
    differing += [n for n in shapes if n in recorded and shapes[n] != recorded[n].shape]
    if differing:
        return unlike(f"{len(differing)} parameters have no counterpart of their shape ({differing[0]})")
    names = [name for name in actual if not name.endswith(KEY_BIASES)]
    differences = np.concatenate([np.abs(actual[n] - recorded[n]).ravel() for n in names])
    if not np.isfinite(differences).all():
        return unlike("not every number is finite", PARAMETER_LIMIT)
    share = float(np.mean(differences <= PARAMETER_TOLERANCE))
    largest = float(differences.max())
    message = (
        f"{share:.5%} of the elements within {PARAMETER_TOLERANCE}, at least {PARAMETER_SHARE:.1%} wanted"
    )
    is_ok = share >= PARAMETER_SHARE and largest <= PARAMETER_LIMIT
    return Comparison(largest, PARAMETER_LIMIT, is_ok, message)
