"""The training loop of the vision tower."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from flax import nnx

from export.optim import Learned, level_adamw, moving_average
from export.training import Run
from export.vision_data import Corpus, batch_orders, epoch_pictures
from export.vision_eval import Embed
from export.vision_model import Sight, alignment_loss
from export.vision_views import Views, view_batch

Floats = npt.NDArray[np.float32]
Judge = Callable[[Embed], float]


@dataclass(frozen=True)
class Stage:
    """One stretch of training with its own size of pictures.

    Attributes:
        size: Edge in pixels.
        steps: Batches.
        batch: Pictures a batch.
        learning_rate: Of AdamW, reached after ``warmup`` of the steps, falling over the last ``cooldown``.
        known_copies: How often pictures of known categories come in an epoch.
        first_block: Blocks before this one, and the stem, stay as they are, as do all depthwise kernels,
            whose gradient would cost a third of a step.
        warmup: Share of the steps.
        cooldown: Share of the steps.
        weight_decay: AdamW's.
        average_decay: Of the moving average of the weights, which is what is judged and kept.
        temperature: Of the contrast between emoji.
        category_weight: Weight of the distance to the whole target where categories are known.
        judge_every: Steps between two judgements on the dev style.
        patience: Judgements without a better score before the stage ends.
        seed: Of order, views and dropout.
        views: How far views may go from the picture.
    """

    size: int
    steps: int
    batch: int = 96
    learning_rate: float = 1e-3
    known_copies: int = 3
    first_block: int = 3
    warmup: float = 0.05
    cooldown: float = 0.3
    weight_decay: float = 0.02
    average_decay: float = 0.99
    temperature: float = 0.05
    category_weight: float = 2.0
    judge_every: int = 100
    patience: int = 4
    seed: int = 0
    views: Views = field(default_factory=Views)


def train(model: Sight, corpus: Corpus, stage: Stage, folder: Path, judge: Judge) -> float:
    """Train a model in place, from the stage's last checkpoint in ``folder`` where there is one.

    Args:
        model: Afterwards it has the best averaged weights.
        corpus: Pictures and targets.
        stage: How to train.
        folder: Checkpoints and event files.
        judge: Gives a dev score, higher is better, of a function from pixels to vectors.

    Returns:
        The best dev score.
    """
    parts: Any = nnx.split(model, _is_trained(stage), ...)
    graph, weights, fixed = parts
    optimiser = _optimiser(stage)
    state = Learned(weights, weights, optimiser.init(weights))
    update = _update(graph, fixed, corpus, stage, optimiser)
    forward = _forward(graph, fixed)
    with Run(folder, total_steps=stage.steps, patience=stage.patience) as run:
        state = run.resume(state)
        for pixels, labels in _prefetched(corpus, stage, run.step, stage.steps):
            state, loss = update(state, pixels, labels, run.step)
            run.advance(loss)
            if run.step % stage.judge_every == 0 or run.step == stage.steps:
                average = state.average
                run.judge(judge(lambda batch: np.asarray(forward(average, batch))), average)  # noqa: B023
                run.save(state)
            if run.is_exhausted:
                break
        nnx.update(model, run.best(state.average))
        return run.progress.best_score or 0.0


def embedder(model: Sight) -> Embed:
    """Return the compiled function from normalised pixels to raw vectors of a trained model."""
    graph, weights = nnx.split(model)
    forward = jax.jit(lambda weights, pixels: nnx.merge(graph, weights)(pixels))
    return lambda pixels: np.asarray(forward(weights, pixels))


def _is_trained(stage: Stage) -> Callable[[tuple[Any, ...], Any], bool]:
    def decide(path: tuple[Any, ...], value: Any) -> bool:
        if not isinstance(value, nnx.Param) or "stem" in path or path[-2:] == ("depthwise", "kernel"):
            return False
        return "blocks" not in path or int(path[path.index("blocks") + 1]) >= stage.first_block

    return decide


def _optimiser(stage: Stage) -> optax.GradientTransformation:
    return level_adamw(
        stage.learning_rate,
        steps=stage.steps,
        warmup=stage.warmup,
        cooldown=stage.cooldown,
        weight_decay=stage.weight_decay,
    )


def _update(
    graph: Any, fixed: Any, corpus: Corpus, stage: Stage, optimiser: optax.GradientTransformation
) -> Callable[[Learned, Floats, npt.NDArray[np.int32], int], tuple[Learned, jax.Array]]:
    targets, known = jnp.asarray(corpus.targets), jnp.asarray(corpus.is_known)

    def loss_of(weights: Any, pixels: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        vectors = nnx.merge(graph, weights, fixed)(pixels, rngs=nnx.Rngs(dropout=key))
        return alignment_loss(
            vectors,
            labels,
            known[labels],
            targets,
            temperature=stage.temperature,
            category_weight=stage.category_weight,
        )

    @jax.jit
    def update(state: Learned, pixels: jax.Array, labels: jax.Array, step: int) -> tuple[Learned, jax.Array]:
        key = jax.random.fold_in(jax.random.key(stage.seed), step)
        loss, gradients = jax.value_and_grad(loss_of)(state.weights, pixels, labels, key)
        changes, moments = optimiser.update(gradients, state.optimiser, state.weights)
        weights = optax.apply_updates(state.weights, changes)
        average = moving_average(state.average, weights, stage.average_decay, step)
        return Learned(weights, average, moments), loss

    return update


def _forward(graph: Any, fixed: Any) -> Callable[[Any, Floats], jax.Array]:
    return jax.jit(lambda weights, pixels: nnx.merge(graph, weights, fixed)(pixels))


def _prefetched(
    corpus: Corpus, stage: Stage, start: int, stop: int
) -> Iterator[tuple[Floats, npt.NDArray[np.int32]]]:
    """Yield the batches from step ``start`` on, the next ones drawn while the present one is learned."""
    pictures = epoch_pictures(corpus, stage.known_copies)
    orders = batch_orders(pictures, stage.batch, stage.seed, start)
    with ThreadPoolExecutor(1) as pool:
        pending: list[Future[tuple[Floats, npt.NDArray[np.int32]]]] = []
        for step in range(start, stop):
            pending.append(pool.submit(_batch, corpus, stage, next(orders), step))
            if len(pending) > 2:
                yield pending.pop(0).result()
        for future in pending:
            yield future.result()


def _batch(
    corpus: Corpus, stage: Stage, order: npt.NDArray[np.int64], step: int
) -> tuple[Floats, npt.NDArray[np.int32]]:
    rng = np.random.default_rng((stage.seed, 1, step))
    return view_batch(corpus, order, stage.size, stage.views, rng), corpus.labels[order]
