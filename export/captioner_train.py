"""The training of the house captioner's mapper and language model, on features that were computed before."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from flax import nnx

from export.clipcap_train import CaptionBatch, caption_loss
from export.concepts import Concepts, disturbed, picked
from export.models.clipcap import ClipCap
from export.optim import Learned, level_adamw, moving_average
from export.training import Run

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast the captioner learns.

    Attributes:
        steps: Batches.
        batch: Captions a step.
        learning_rate: Of AdamW, reached after ``warmup`` of the steps, falling over the last ``cooldown``.
        warmup: Share of the steps.
        cooldown: Share of the steps.
        weight_decay: AdamW's.
        average_decay: Of the moving average of the weights, which is what is kept.
        feature_dropout: Share of a picture's features left out.
        noise: On the features, whose spread is 1.
        several: Share of captions whose picture is the mean of all its views, as a GIF's frames are.
        save_every: Steps between two checkpoints.
        seed: Of order, choice of views and captions, and dropout.
    """

    steps: int
    batch: int = 128
    learning_rate: float = 1e-3
    warmup: float = 0.05
    cooldown: float = 0.4
    weight_decay: float = 0.05
    average_decay: float = 0.995
    feature_dropout: float = 0.3
    noise: float = 0.2
    several: float = 0.3
    save_every: int = 200
    seed: int = 0


@dataclass(frozen=True)
class Lessons:
    """Pictures' features with what may be said of them.

    Attributes:
        features: (views, pictures, width) float16, of random views of each picture.
        labels: (pictures,) int32, which thing each picture shows.
        captions: for each thing its captions, (captions, tokens) int32 each, padded with 0.
        weights: for each thing how often each caption is taken, float64, sum 1.
        scale: (width,) float32, what features are multiplied with.
        concepts: Scaled features to what the mapper reads.
        sharpness: Of these.
    """

    features: Halves
    labels: Ids
    captions: Sequence[Ids]
    weights: Sequence[npt.NDArray[np.float64]]
    scale: Floats
    concepts: Concepts
    sharpness: float


def train_captioner(model: ClipCap, lessons: Lessons, schedule: Schedule, folder: Path) -> None:
    """Train a model in place, from the last checkpoint in ``folder`` where there is one.

    The schedule is run to its end: the loss on another style is no judge here, as it rises with the
    confidence of the few captions that are wrong, while more captions become right.

    Args:
        model: Afterwards it has the averaged weights.
        lessons: What is learned.
        schedule: How.
        folder: Checkpoints and event files.
    """
    parts: Any = nnx.split(model, nnx.Param, ...)
    graph, weights, rest = parts
    optimiser = _optimiser(schedule)
    state = Learned(weights, weights, optimiser.init(weights))
    concepts = partial(lessons.concepts, sharpness=lessons.sharpness)
    update = _update(graph, rest, concepts, schedule, optimiser)
    with Run(folder, total_steps=schedule.steps) as run:
        state = run.resume(state)
        for features, tokens in islice(batches(lessons, schedule, run.step), schedule.steps - run.step):
            state, loss = update(state, features, tokens, run.step)
            run.advance(loss)
            if run.step % schedule.save_every == 0 or run.step == schedule.steps:
                run.save(state)
        nnx.update(model, state.average)


def batches(lessons: Lessons, schedule: Schedule, start: int = 0) -> Iterator[tuple[Floats, Ids]]:
    """Yield scaled features (batch, width) float32 and captions (batch, tokens) int32 from a step on."""
    step = start
    while True:
        rng = np.random.default_rng((schedule.seed, 7, step))
        rows, chosen = picked(lessons.features, schedule.batch, schedule.several, rng)
        tokens = [_caption(lessons, int(lessons.labels[row]), rng) for row in chosen]
        yield rows * lessons.scale, np.stack(tokens)
        step += 1


def _caption(lessons: Lessons, label: int, rng: np.random.Generator) -> Ids:
    row: Ids = lessons.captions[label][rng.choice(len(lessons.weights[label]), p=lessons.weights[label])]
    return row


def batch_of(prefix: Any, tokens: Any, prefix_length: int) -> CaptionBatch:
    """Return a batch of captions whose padding is masked."""
    before = jnp.ones((len(tokens), prefix_length), jnp.int32)
    mask = jnp.concatenate((before, (tokens != 0).astype(jnp.int32)), axis=1)
    return CaptionBatch(tokens, mask, prefix)


def _optimiser(schedule: Schedule) -> optax.GradientTransformation:
    return level_adamw(
        schedule.learning_rate,
        steps=schedule.steps,
        warmup=schedule.warmup,
        cooldown=schedule.cooldown,
        weight_decay=schedule.weight_decay,
    )


def _update(
    graph: Any,
    rest: Any,
    concepts: Callable[[jax.Array], jax.Array],
    schedule: Schedule,
    optimiser: optax.GradientTransformation,
) -> Callable[[Learned, Floats, Ids, int], tuple[Learned, jax.Array]]:
    def loss_of(weights: Any, prefix: jax.Array, tokens: jax.Array, key: jax.Array) -> jax.Array:
        model: ClipCap = nnx.merge(graph, weights, rest)
        batch = batch_of(prefix, tokens, model.config.prefix_length)
        return caption_loss(model, batch, nnx.Rngs(dropout=key))

    @jax.jit
    def update(
        state: Learned, features: jax.Array, tokens: jax.Array, step: int
    ) -> tuple[Learned, jax.Array]:
        keys = jax.random.split(jax.random.fold_in(jax.random.key(schedule.seed), step))
        shown = disturbed(features, keys[0], dropout=schedule.feature_dropout, noise=schedule.noise)
        prefix = concepts(shown)
        loss, gradients = jax.value_and_grad(loss_of)(state.weights, prefix, tokens, keys[1])
        changes, moments = optimiser.update(gradients, state.optimiser, state.weights)
        weights = optax.apply_updates(state.weights, changes)
        average = moving_average(state.average, weights, schedule.average_decay, step)
        return Learned(weights, average, moments), loss

    return update
