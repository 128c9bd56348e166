"""Train the teacher and write down what it thinks of every message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer

from export.data.mpnet import mpnet_folder
from export.hold_probe import fit_hold_probe
from export.models.hybrid_clip import mean_pool, unit_norm
from export.models.learners import Teacher
from export.models.mpnet import MPNet, load_mpnet
from export.recipes.house_teacher import HouseTeacher
from export.text_corpus import Corpus, batch_count, batches, message_corpus, tokenise
from export.text_messages import Messages, judged
from export.text_train import Fitted, State, train
from export.training import Run

Floats = npt.NDArray[np.float32]
BATCH = 64
OPINIONS = "opinions.npz"
# Brings the entries of unit-norm sentence vectors to about the size that the penalty is meant for.
UNIT_SCALE = 10.0


class Opinions(NamedTuple):
    """A teacher's view of n messages by id: probabilities of categories (n, 48) and of hold (n,), float32.

    ``fold`` is the fifth of the labels that it was not trained on, -1 where it saw all.
    """

    ids: npt.NDArray[np.str_]
    category: Floats
    hold: Floats
    fold: int

    def save(self, path: Path) -> None:
        """Write an ``.npz`` of the three arrays."""
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **self._asdict())

    @classmethod
    def load(cls, path: Path) -> Opinions:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["ids"], arrays["category"], arrays["hold"], int(arrays["fold"]))


def train_teacher(
    recipe: HouseTeacher, messages: Messages, out: Path, source: Path | None = None
) -> Opinions:
    """Fine-tune the upper blocks and return the opinions of all rows, written to ``out`` as well.

    Args:
        recipe: the settings.
        messages: what to read.
        out: folder of the run; an interrupted one goes on.
        source: folder of the published encoder, fetched if not given.
    """
    source = source or mpnet_folder()
    encoder = load_mpnet(source, nnx.Rngs(recipe.schedule.seed))
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    corpus = message_corpus(tokenizer, messages.rows, messages.categories, great=recipe.great, ok=recipe.ok)
    bench = corpus.blank(tokenise(tokenizer, [m.text for m in messages.bench]))
    states, vectors = lower_states(encoder, corpus, recipe.frozen)
    bench_states, bench_vectors = lower_states(encoder, bench, recipe.frozen)
    upper, bench = Corpus(states, corpus.targets), Corpus(bench_states, bench.targets)

    known = np.setdiff1d(np.arange(messages.annotated), messages.held_out)
    probe = fit_hold_probe(
        vectors[known],
        np.asarray(corpus.targets["hold"], np.float32)[known],
        recipe.hold_strength,
        scale=UNIT_SCALE,
    )
    fitted = Fitted(Teacher(encoder, recipe.frozen, nnx.Rngs(recipe.schedule.seed)), is_upper(recipe.frozen))

    def mixed(params: State, part: Corpus, features: Floats) -> tuple[Floats, Floats]:
        answers = fitted.answer(params, part, batch_size=BATCH, pad_id=0)
        hold = recipe.hold_share * probe(features) + (1 - recipe.hold_share) * answers.hold
        return answers.category, hold

    def judge(params: State) -> dict[str, float]:
        rows = messages.held_out
        held = mixed(params, upper.subset(rows), vectors[rows]) if len(rows) else None
        return judged(messages, mixed(params, bench, bench_vectors), held)

    steps = batch_count(upper.subset(known), recipe.schedule.batch_size) * recipe.schedule.epochs
    identity = json.dumps([asdict(recipe), messages.fold, len(messages.rows)])
    with Run(out, total_steps=steps, patience=recipe.schedule.patience, identity=identity) as run:
        params = train(
            fitted, upper.subset(known), recipe.schedule, recipe.weights, run, pad_id=0, judge=judge
        )
    category, hold = mixed(params, upper, vectors)
    opinions = Opinions(
        np.asarray([m.id for m in messages.rows]), _softmax(category), _sigmoid(hold), messages.fold
    )
    opinions.save(out / OPINIONS)
    return opinions


def lower_states(
    encoder: MPNet, corpus: Corpus, blocks: int
) -> tuple[Sequence[npt.NDArray[np.float16]], Floats]:
    """Run the frozen blocks once over a corpus of token ids.

    Returns:
        Hidden states (length, width) float16 of each message, and the published encoder's sentence vectors
        (n, width) float32 of unit norm.
    """
    graph, state = nnx.split(encoder)

    @jax.jit
    def run(state: State, ids: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
        model = nnx.merge(graph, state)
        hidden = model.lower(ids, mask, blocks)
        sentence = unit_norm(mean_pool(model.upper(hidden, mask, blocks), mask))
        return hidden.astype(jnp.float16), sentence

    states: list[npt.NDArray[np.float16]] = [np.zeros((0, 0), np.float16)] * len(corpus)
    vectors = np.zeros((len(corpus), encoder.config.hidden_size), np.float32)
    plan = batches(corpus, BATCH, encoder.config.pad_token_id, None)
    for rows, batch in track(
        plan, "frozen blocks", total=batch_count(corpus, BATCH), console=Console(stderr=True)
    ):
        hidden, sentence = run(state, batch["inputs"], batch["mask"])
        vectors[rows] = np.asarray(sentence)[: len(rows)]
        for row, value in zip(rows, np.asarray(hidden), strict=False):
            states[row] = value[: len(corpus.tokens[row])].copy()
    return states, vectors


def is_upper(frozen: int) -> nnx.filterlib.Filter:
    """Return a filter of what a teacher trains: the blocks from ``frozen`` on, the distances, the heads."""

    def decide(path: tuple[object, ...], value: object) -> bool:
        if not isinstance(value, nnx.Param):
            return False
        if path[0] != "encoder":
            return True
        return path[1] == "relative" or (path[1] == "layers" and int(str(path[2])) >= frozen)

    return decide


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True), np.float32)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
