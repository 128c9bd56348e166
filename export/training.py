"""What every training wants around its steps: a progress bar, TensorBoard files, checkpoints, early stop."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import jax
import numpy as np
from flax import serialization
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tensorboardX import SummaryWriter

from inference.errors import ReparteeError

TreeT = TypeVar("TreeT")
CHECKPOINT = "last.msgpack"
BEST = "best.msgpack"
LOSS_MEMORY = 0.95


class ResumeError(ReparteeError):
    """A checkpoint that does not fit the training that wants to go on from it."""


@dataclass
class Progressed:
    """How far a run has come; kept inside its checkpoint."""

    step: int = 0
    best_score: float | None = None
    best_step: int = 0
    worse_in_a_row: int = 0
    identity: str = ""
    notes: dict[str, Any] = field(default_factory=dict)


class Run:
    """One training run in one folder.

    Use as a context manager::

        with Run(folder, total_steps=100, patience=3) as run:
            state = run.resume(state)
            while run.step < run.total_steps and not run.is_exhausted:
                state, loss = update(state, batch(run.step))
                run.advance(loss)
                if run.step % 10 == 0:
                    run.judge(evaluate(state), state)
                    run.save(state)

    Attributes:
        progress: Steps done and the best score so far; ``progress.notes`` is free for the caller and is kept
            in checkpoints (JSON values only).
    """

    def __init__(
        self,
        folder: Path,
        *,
        total_steps: int,
        patience: int | None = None,
        identity: str = "",
        console: Console | None = None,
    ) -> None:
        """Open a run.

        Args:
            folder: Where event files and checkpoints go; made if missing.
            total_steps: Length of the progress bar.
            identity: Recipe and data in words; `resume` refuses a checkpoint of another identity.
            patience: How many judgements in a row may be no better than the best before `is_exhausted`.
            console: Where the bar is drawn, standard error by default.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.total_steps = total_steps
        self.patience = patience
        self.progress = Progressed(identity=identity)
        self._loss: float | None = None
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console or Console(stderr=True))
        self._task = self._bar.add_task("training", total=total_steps)
        self._writer: Any = SummaryWriter(str(folder / "events"))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._writer.close()

    @property
    def step(self) -> int:
        """Return how many steps are done."""
        return self.progress.step

    @property
    def is_exhausted(self) -> bool:
        """Say whether the score has not risen for as many judgements as patience allows."""
        return self.patience is not None and self.progress.worse_in_a_row >= self.patience

    def advance(self, loss: float | jax.Array, **scalars: float | jax.Array) -> None:
        """Count one step and log its loss and further scalars."""
        value = float(loss)
        if not np.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {self.step}")
        self.progress.step += 1
        self._loss = value if self._loss is None else LOSS_MEMORY * self._loss + (1 - LOSS_MEMORY) * value
        self.log(loss=value, **scalars)
        self._draw()

    def log(self, **scalars: float | jax.Array) -> None:
        """Write scalars at the current step to the TensorBoard file."""
        for name, value in scalars.items():
            self._writer.add_scalar(name.replace("__", "/"), float(value), self.step)

    def judge(self, score: float, state: Any = None, **scalars: float) -> bool:
        """Compare a dev score (higher is better) with the best; a new best state is written to disk.

        Returns:
            Whether it is the best so far.
        """
        self.log(score=score, **scalars)
        best = self.progress.best_score
        is_best = best is None or score > best
        if is_best:
            self.progress.best_score, self.progress.best_step = float(score), self.step
            self.progress.worse_in_a_row = 0
            if state is not None:
                self._write(BEST, state)
        else:
            self.progress.worse_in_a_row += 1
        self._draw()
        return is_best

    def save(self, state: Any) -> None:
        """Write a checkpoint that `resume` goes on from; a kill while writing leaves the old one whole."""
        self._write(CHECKPOINT, state)

    def resume(self, template: TreeT) -> TreeT:
        """Return the state of the last checkpoint and take over its progress; without one, the template.

        Raises:
            ResumeError: The checkpoint is of another model or optimiser.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return template
        state, meta = read_state(path, template)
        found = Progressed(**meta)
        if found.identity != self.progress.identity:
            raise ResumeError(
                f"{path} is of another recipe or other data; remove it or choose another folder"
            )
        self.progress = found
        self._draw()
        return state

    def best(self, template: TreeT) -> TreeT:
        """Return the best judged state, or the template where none was judged."""
        path = self.folder / BEST
        return read_state(path, template)[0] if path.exists() else template

    def _write(self, name: str, state: Any) -> None:
        write_state(self.folder / name, state, asdict(self.progress))

    def _draw(self) -> None:
        loss = "" if self._loss is None else f" loss {self._loss:.3f}"
        best = self.progress.best_score
        score = "" if best is None else f" best {best:.4f} @ {self.progress.best_step}"
        self._bar.update(self._task, completed=self.step, description=f"training{loss}{score}")


def write_state(path: Path, state: Any, meta: Mapping[str, Any]) -> None:
    """Write a tree of arrays and JSON-able facts as MessagePack, atomically."""
    leaves = {str(i): _plain(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    content = serialization.msgpack_serialize({"leaves": leaves, "meta": json.dumps(dict(meta))})
    part = path.with_name(f"{path.name}.part")  # one name, so that the next write replaces what a kill left
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def read_state(path: Path, template: TreeT) -> tuple[TreeT, dict[str, Any]]:
    """Read what `write_state` wrote into the structure of a template.

    Raises:
        ResumeError: Number, shape or dtype of the arrays differ from the template's.
    """
    content = serialization.msgpack_restore(path.read_bytes())
    old, structure = jax.tree.flatten(template)
    new = [content["leaves"].get(str(i)) for i in range(len(old))]
    same = len(content["leaves"]) == len(old) and all(map(_is_like, new, old))
    if not same:
        raise ResumeError(f"{path} is of another model or optimiser; remove it or choose another folder")
    state = jax.tree.unflatten(structure, [_restored(*pair) for pair in zip(new, old, strict=True)])
    return state, json.loads(content["meta"])


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and bool(jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def _plain(leaf: Any) -> np.ndarray[Any, Any]:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _is_like(new: Any, old: Any) -> bool:
    plain = _plain(old)
    return new is not None and np.shape(new) == plain.shape and np.asarray(new).dtype == plain.dtype


def _restored(new: Any, old: Any) -> Any:
    if _is_key(old):
        return jax.random.wrap_key_data(new, impl=jax.random.key_impl(old))
    return (
        jax.numpy.asarray(new) if isinstance(old, jax.Array) else type(old)(new) if np.ndim(old) == 0 else new
    )
