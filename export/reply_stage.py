"""The stage clip-reply from pairs to a checkpoint that can be imported, with its scores."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx

from export.checkpoints.msgpack import save_hybrid_clip
from export.hybrid_train import train_step
from export.identity import run_identity
from export.importing.plain_clip import save_plain_clip
from export.models.hybrid_clip import HybridCLIP
from export.optim import adamw, warmup_decay
from export.pictures import Pixels
from export.recipes.clip_reply import ClipReply
from export.reply_batches import Corpus, Parts, batches, reply_batch, split, tokenise
from export.reply_data import Pair
from export.reply_frames import Gifs, decode_gifs, find_gifs, without_unreadable
from export.reply_scores import Judge, Scores
from export.reply_towers import Start
from export.training import Run

MODEL = "model"
SCORES_FILE = "scores.json"
LONGEST_WARMUP = 0.2
"""Share of all steps: a small set of pairs would else end before the rate is reached."""

Tell = Callable[[str], None]


def train_replies(
    recipe: ClipReply, start: Start, pairs: Sequence[Pair], out: Path, tell: Tell = print
) -> dict[str, Any]:
    """Train a model on pairs and write it, its tokenizer and its scores; a run that was cut short goes on.

    Args:
        recipe: all settings.
        start: what is trained, in place.
        pairs: of `read_pairs`.
        out: folder of the run. The checkpoint is its folder ``model``, the scores are ``scores.json``.
        tell: told what is done, a line at a time.

    Returns:
        The scores before and after, on held-out GIFs.

    Raises:
        DataError: no GIF can be decoded, or there are too few pairs.
        ResumeError: the folder has a run of another recipe or other data.
    """
    found = find_gifs(pairs)
    decoded = decode_gifs(found, out, frames=recipe.frames, size=start.model.config.vision.image_size)
    pairs, gifs = without_unreadable(pairs, found, decoded.unreadable, tell)
    parts = split(pairs, gifs, share=recipe.eval_share, batch=recipe.batch, seed=recipe.seed)
    corpus = corpus_of(recipe, start, pairs, gifs, decoded.pixels)
    left_out = len(pairs) - len(parts.train) - len(parts.held_out)
    tell(
        f"{len(parts.train)} pairs to learn, {len(parts.held_out)} held out with their GIFs, {left_out} left "
        f"out as their texts are held out; {len(np.unique(gifs.of_pair))} distinct GIFs."
    )
    scores = fit(start.model, recipe, corpus, parts, out, identity_of(recipe, start, pairs, gifs))
    scores["started_from"] = start.origin
    save = save_plain_clip if start.is_plain else save_hybrid_clip
    save(start.model, out / MODEL)
    start.tokenizer.save(str(out / MODEL / "tokenizer.json"))
    (out / SCORES_FILE).write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    return scores


def fit(
    model: HybridCLIP, recipe: ClipReply, corpus: Corpus, parts: Parts, out: Path, identity: str
) -> dict[str, Any]:
    """Train a model in place, from the last checkpoint where there is one; keep the best judged weights.

    Returns:
        Scores before and after, the step of the best weights, and the loss of each epoch's judgement.
    """
    per_epoch = len(parts.train) // recipe.batch
    total = per_epoch * recipe.epochs
    warmup = min(recipe.warmup_steps, int(LONGEST_WARMUP * total))
    method = reply_adamw(recipe.learning_rate, warmup, total, recipe.weight_decay)
    optimiser = nnx.Optimizer(model, method, wrt=nnx.Param)
    judge = Judge(corpus, parts.held_out, recipe.batch)
    with Run(out, total_steps=total, patience=recipe.patience, identity=identity) as run:
        _restore(model, optimiser, run.resume(_state(model, optimiser)))
        notes = run.progress.notes
        if "before" not in notes:
            notes |= {"before": asdict(judge(model)), "losses": []}
        for rows in batches(parts.train, recipe.batch, recipe.seed, run.step, total):
            if run.is_exhausted:
                break
            key = jax.random.fold_in(jax.random.key(recipe.seed), run.step)
            run.advance(train_step(model, optimiser, reply_batch(corpus, rows), nnx.Rngs(dropout=key)))
            is_epoch = run.step % per_epoch == 0
            if is_epoch:
                _judge(run, judge(model), model)
            if is_epoch or run.step % recipe.save_every == 0:
                run.save(_state(model, optimiser))
        nnx.update(model, run.best(nnx.state(model, nnx.Param)))
        return {
            **notes,
            "after": asdict(judge(model)),
            "steps": run.step,
            "best_step": run.progress.best_step,
        }


@functools.cache
def reply_adamw(peak: float, warmup: int, total: int, weight_decay: float) -> optax.GradientTransformation:
    """Return the original's optimiser; the very same one for the same numbers, so that steps compile once."""
    return adamw(warmup_decay(peak, warmup, total), weight_decay)


def _judge(run: Run, scores: Scores, model: HybridCLIP) -> None:
    run.progress.notes["losses"].append(scores.loss)
    recall = {f"eval__recall{depth.replace('@', '_at_')}": value for depth, value in scores.recall.items()}
    run.judge(-scores.loss, nnx.state(model, nnx.Param), eval__loss=scores.loss, **recall)


def _state(model: HybridCLIP, optimiser: nnx.Optimizer[Any]) -> tuple[Any, Any]:
    return nnx.state(model, nnx.Param), nnx.state(optimiser)


def _restore(model: HybridCLIP, optimiser: nnx.Optimizer[Any], state: tuple[Any, Any]) -> None:
    nnx.update(model, state[0])
    nnx.update(optimiser, state[1])


def corpus_of(recipe: ClipReply, start: Start, pairs: Sequence[Pair], gifs: Gifs, pixels: Pixels) -> Corpus:
    """Return texts and GIFs as the model takes them; arguments as those of `train_replies` and `Corpus`."""
    text = start.model.config.text
    sequence = min(recipe.sequence, text.max_position_embeddings)
    tokens = tokenise(start.tokenizer, [pair.text for pair in pairs], sequence)
    return Corpus(tokens, gifs.of_pair, pixels, text.pad_token_id, sequence)


def identity_of(recipe: ClipReply, start: Start, pairs: Sequence[Pair], gifs: Gifs) -> str:
    """Return what tells a run from those of other recipes, towers, tokenizers and data."""
    content = [[pair.text, gifs.digests[gif]] for pair, gif in zip(pairs, gifs.of_pair, strict=True)]
    words = (json.dumps(content), start.weights, start.tokenizer.to_str())
    return run_identity(recipe, map(str.encode, words), places={"text", "vision", "clip"})
