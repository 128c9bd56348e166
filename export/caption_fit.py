"""The training loop of a captioner: steps, losses of what is held out, checkpoints to go on from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from flax import nnx

from export.caption_data import Pairs
from export.caption_recipe import CaptionRecipe
from export.clipcap_train import (
    TRAINED,
    caption_loss,
    caption_optimiser,
    prefix_step,
    train_step,
    transformers_adamw,
)
from export.identity import run_identity
from export.models.clipcap import ClipCap
from export.optim import warmup_decay
from export.training import Run
from export.vision_data import batch_orders

Rows = npt.NDArray[np.int64]
Progress = Callable[[str], None]

LARGEST_WARMUP = 0.1
"""Share of all steps that the learning rate may rise for."""

_loss: Any = nnx.jit(caption_loss)


class Split(NamedTuple):
    """Rows of the captions that are learnt and of those that only judge."""

    learnt: Rows
    held_out: Rows


class State(NamedTuple):
    """What a checkpoint holds: the parameters that learn, and the optimiser's averages of their gradients."""

    params: Any
    optimiser: Any


class Learner:
    """A captioner that is being trained, in place."""

    def __init__(self, model: ClipCap, recipe: CaptionRecipe, pairs: Pairs, split: Split) -> None:
        self.model, self.recipe, self.pairs, self.split = model, recipe, pairs, split
        self.size = min(recipe.batch, len(split.learnt))
        self.per_epoch = len(split.learnt) // self.size
        self.total = self.per_epoch * recipe.epochs
        method = adamw(recipe.learning_rate, recipe.warmup_steps, self.total, recipe.weight_decay)
        self.optimiser = caption_optimiser(model, method, recipe.mode)
        self.identity = identity(recipe, pairs, model)

    def fit(self, out: Path, progress: Progress) -> dict[str, Any]:
        """Train to the end, from the run's last checkpoint where there is one.

        Returns:
            How many steps were made, and the losses of each epoch.

        Raises:
            ResumeError: the folder has a run of another recipe or of other data.
        """
        recipe, patience = self.recipe, self.recipe.patience
        with Run(out, total_steps=self.total, patience=patience, identity=self.identity) as run:
            self.restore(run.resume(self.state()))
            if run.step:
                progress(f"Going on at step {run.step} of {self.total}.")
            orders = batch_orders(self.split.learnt, self.size, recipe.seed, run.step)
            while run.step < self.total and not run.is_exhausted:
                loss = float(self.step(next(orders), run.step))
                run.advance(loss)
                run.progress.notes["sum"] = run.progress.notes.get("sum", 0.0) + loss
                if run.step % self.per_epoch == 0:
                    progress(self.finish_epoch(run))
                elif run.step % recipe.save_every == 0:
                    run.save(self.state())
            if patience is not None:
                nnx.update(self.model, run.best(self.state().params))
            return {"steps": run.step, "epochs": run.progress.notes.get("epochs", [])}

    def step(self, rows: Rows, number: int) -> jax.Array:
        """Make one step and return its loss; GPT-2 has dropout only where it learns, as in the original."""
        batch = self.pairs.batch(rows, len(rows))
        loss: jax.Array
        if self.recipe.mode == "prefix_only":
            loss = prefix_step(self.model, self.optimiser, batch)
        else:
            # A run that goes on draws what it would have drawn.
            rngs = nnx.Rngs(dropout=jax.random.fold_in(jax.random.key(self.recipe.seed), number))
            loss = train_step(self.model, self.optimiser, batch, rngs)
        return loss

    def finish_epoch(self, run: Run) -> str:
        """Judge by the held-out captions and write a checkpoint; return the losses in words."""
        notes, state = run.progress.notes, self.state()
        losses = {"loss": round(notes.pop("sum") / self.per_epoch, 4)}
        if len(self.split.held_out):
            losses["held_out_loss"] = round(self.held_out_loss(), 4)
            run.judge(-losses["held_out_loss"], None if run.patience is None else state.params)
        notes["epochs"] = [*notes.get("epochs", []), losses]
        run.save(state)
        told = ", ".join(f"{name.replace('_', ' ')} {loss:.3f}" for name, loss in losses.items())
        return f"epoch {len(notes['epochs'])} of {self.recipe.epochs}: {told}"

    def held_out_loss(self) -> float:
        """Return the mean loss of a token over the held-out captions, without dropout."""
        total, count = 0.0, 0
        rows = self.split.held_out
        for start in range(0, len(rows), self.size):
            batch = self.pairs.batch(rows[start : start + self.size], self.size)
            counted = int(jnp.sum(batch.tokens != 0))
            total, count = total + float(_loss(self.model, batch)) * counted, count + counted
        return total / max(1, count)

    def state(self) -> State:
        """Return what changes in a training."""
        return State(nnx.state(self.model, TRAINED[self.recipe.mode]), nnx.state(self.optimiser))

    def restore(self, state: State) -> None:
        """Put back what `state` gave."""
        nnx.update(self.model, state.params)
        nnx.update(self.optimiser, state.optimiser)


@functools.cache
def adamw(peak: float, warmup_steps: int, total: int, weight_decay: float) -> optax.GradientTransformation:
    """Return the original's optimiser; the very same one for the same numbers, so that steps compile once."""
    rate = warmup_decay(peak, min(warmup_steps, int(total * LARGEST_WARMUP)), total)
    return transformers_adamw(rate, weight_decay=weight_decay)


def identity(recipe: CaptionRecipe, pairs: Pairs, model: ClipCap) -> str:
    """Return recipe, data and language model in few words, by which a run refuses to go on with others."""
    words = np.asarray(model.gpt.wte.embedding[:8])  # enough to tell one GPT-2 from another
    arrays = (*pairs.tokens, pairs.rows, pairs.vectors, words)
    return run_identity(recipe, (array.tobytes() for array in arrays), places={"clip", "gpt2"})
