"""The training loop of learners: compiled steps, batches of similar length, averaged weights, resuming."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from flax import nnx

from export.models.learners import Learner, Signals
from export.text_corpus import Corpus, batch_count, batches
from export.text_objective import LossWeights, objective
from export.training import Run

LearnerT = TypeVar("LearnerT", bound=nnx.Module)
Floats = npt.NDArray[np.float32]
State = Any
NEW_PARTS = frozenset({"category", "hold", "hold_head", "emotion", "emoji", "text_projection", "logit_scale"})


@dataclass(frozen=True)
class Schedule:
    """How a learner is trained.

    Attributes:
        epochs: passes over the corpus.
        batch_size: messages a step.
        learning_rate: peak for the pretrained part, reached after ``warmup`` of all steps, then a cosine.
        head_factor: the new parts learn so many times as fast.
        weight_decay: AdamW's.
        average: decay of the moving average of the weights (Polyak and Juditsky 1992); it is what is kept.
        seed: of shuffling and dropout.
        patience: stop after so many epochs without a better dev score; None never does.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    head_factor: float
    warmup: float = 0.06
    weight_decay: float = 0.01
    average: float = 0.999
    seed: int = 0
    patience: int | None = 2


class Trained(NamedTuple):
    """What a checkpoint holds."""

    params: State
    optimiser: State
    average: State


class Answers(NamedTuple):
    """Predictions for n messages: category logits (n, 48) and hold logits (n,), float32."""

    category: Floats
    hold: Floats


class Fitted(Generic[LearnerT]):
    """A learner's graph and the functions compiled for it."""

    def __init__(self, learner: LearnerT, trainable: nnx.filterlib.Filter) -> None:
        self.graph, self.params, self._frozen = split(learner, trainable)
        self._forward = jax.jit(self._signals)

    def merged(self, params: State) -> LearnerT:
        """Return the learner with these weights."""
        learner: LearnerT = nnx.merge(self.graph, params, self._frozen)
        return learner

    def _signals(self, params: State, frozen: State, inputs: jax.Array, mask: jax.Array) -> Signals:
        learner: Learner = nnx.merge(self.graph, params, frozen)
        return learner(inputs, mask)

    def answer(self, params: State, corpus: Corpus, *, batch_size: int, pad_id: int) -> Answers:
        """Predict without dropout; rows come in the order of the corpus."""
        category = np.zeros((len(corpus), 0), np.float32)
        hold = np.zeros(len(corpus), np.float32)
        for rows, batch in batches(corpus, batch_size, pad_id, None):
            signals = self._forward(params, self._frozen, batch["inputs"], batch["mask"])
            if not category.size:
                category = np.zeros((len(corpus), signals.category.shape[1]), np.float32)
            category[rows] = np.asarray(signals.category)[: len(rows)]
            hold[rows] = np.asarray(signals.hold)[: len(rows)]
        return Answers(category, hold)

    def step(
        self, optimiser: optax.GradientTransformation, weights: LossWeights
    ) -> Callable[[Trained, Any, jax.Array, float], tuple[Trained, jax.Array]]:
        """Return the compiled training step: (state, batch, key, decay of the average) → (state, loss)."""
        frozen = self._frozen

        def loss(params: State, frozen: State, batch: Any, key: jax.Array) -> jax.Array:
            learner: Learner = nnx.merge(self.graph, params, frozen)
            return objective(learner(batch["inputs"], batch["mask"], nnx.Rngs(dropout=key)), batch, weights)

        @jax.jit
        def update(
            state: Trained, frozen: State, batch: Any, key: jax.Array, decay: jax.Array
        ) -> tuple[Trained, jax.Array]:
            value, gradient = jax.value_and_grad(loss)(state.params, frozen, batch, key)
            change, memory = optimiser.update(gradient, state.optimiser, state.params)
            params = optax.apply_updates(state.params, change)
            mean = optax.incremental_update(params, state.average, 1 - decay)
            return Trained(params, memory, mean), value

        return lambda state, batch, key, decay: update(state, frozen, batch, key, jnp.float32(decay))


def split(learner: nnx.Module, trainable: nnx.filterlib.Filter) -> tuple[Any, State, State]:
    """Return graph, trainable parameters and the rest of a learner."""
    graph, *states = nnx.split(learner, trainable, ...)
    return graph, states[0], states[1]


def optimiser(params: State, schedule: Schedule, steps: int) -> optax.GradientTransformation:
    """Return clipped AdamW whose new parts learn faster than the pretrained ones."""
    warmup = max(1, round(schedule.warmup * steps))
    rate = optax.warmup_cosine_decay_schedule(0.0, schedule.learning_rate, warmup, max(steps, warmup + 1))

    def adamw(factor: float) -> optax.GradientTransformation:
        return optax.adamw(lambda step: rate(step) * factor, weight_decay=schedule.weight_decay)

    def label(path: Any, _: Any) -> str:
        return "new" if any(getattr(key, "key", None) in NEW_PARTS for key in path) else "pretrained"

    labels = jax.tree_util.tree_map_with_path(label, params)
    parts = {"new": adamw(schedule.head_factor), "pretrained": adamw(1.0)}
    return optax.chain(optax.clip_by_global_norm(1.0), optax.multi_transform(parts, labels))


def train(
    fitted: Fitted[LearnerT],
    corpus: Corpus,
    schedule: Schedule,
    weights: LossWeights,
    run: Run,
    *,
    pad_id: int,
    judge: Callable[[State], dict[str, float]],
) -> State:
    """Train and return the averaged weights, the best judged ones where the schedule has patience.

    After every epoch ``judge`` scores the averaged weights (its ``score`` decides) and a checkpoint is
    written; an interrupted run goes on from the last whole epoch.
    """
    per_epoch = batch_count(corpus, schedule.batch_size)
    method = optimiser(fitted.params, schedule, per_epoch * schedule.epochs)
    state = run.resume(Trained(fitted.params, method.init(fitted.params), fitted.params))
    step = fitted.step(method, weights)
    while run.step < run.total_steps and not run.is_exhausted:
        epoch = run.step // per_epoch
        for _, batch in batches(corpus, schedule.batch_size, pad_id, schedule.seed + epoch):
            key = jax.random.fold_in(jax.random.key(schedule.seed), run.step)
            # A young average forgets faster, so that the first weights leave it.
            decay = min(schedule.average, (1 + run.step) / (10 + run.step))
            state, loss = step(state, jax.tree.map(jnp.asarray, batch), key, decay)
            run.advance(loss)
        scores = judge(state.average)
        run.judge(scores.pop("score"), state.average, **scores)
        run.save(state)
    return run.best(state.average) if schedule.patience is not None else state.average
