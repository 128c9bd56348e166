"""Teach the small text tower what annotators and the teacher say, and pictures' names on the side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from flax import nnx
from tokenizers import Tokenizer

from export.checkpoints.safetensors import load_bert
from export.data.reactions import DataError
from export.hold_head import refit_hold_head
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP, HybridCLIPConfig
from export.models.learners import Student
from export.recipes.house_text import HouseText
from export.sentences import minilm_folder, sentence_vectors
from export.space import DIM, IdentitySpace, category_vector
from export.teacher_stage import BATCH, Opinions
from export.text_corpus import Corpus, batch_count, message_corpus, no_targets, tokenise
from export.text_messages import Messages, judged
from export.text_train import Answers, Fitted, State, train
from export.training import Run
from export.vision_data import identity_space
from inference.pack import PackGif
from inference.preprocess import clean_text
from inference.vectors import describe

Floats = npt.NDArray[np.float32]
TEXT_PARTS = frozenset({"text_model", "text_projection", "logit_scale", "hold_head"})
HELD_PREDICTIONS = "held_out.npz"
FACTS = "training.json"


def train_student(
    recipe: HouseText,
    messages: Messages,
    opinions: Opinions,
    gifs: Sequence[PackGif],
    out: Path,
    source: Path | None = None,
) -> HybridCLIP:
    """Train the text side of the house model.

    Beside checkpoints, the predictions for held-out messages and the facts of the training are written.

    Args:
        recipe: the settings.
        messages: what to read.
        opinions: the teacher's, of all of these messages.
        gifs: the pack, whose names, tags and categories are learned; may be empty.
        out: folder of the run; an interrupted one goes on.
        source: folder of the published MiniLM, fetched if not given.

    Returns:
        The model with a trained text side; its vision side is untrained.
    """
    source = source or minilm_folder()
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    corpus, training = text_corpora(tokenizer, messages, opinions, gifs, recipe, source)
    bench = corpus.blank(tokenise(tokenizer, [m.text for m in messages.bench]))
    held = corpus.subset(messages.held_out)
    fitted = Fitted(make_student(source, recipe), is_text)

    def answer(params: State, part: Corpus) -> Answers:
        return fitted.answer(params, part, batch_size=BATCH, pad_id=0)

    def judge(params: State) -> dict[str, float]:
        return judged(messages, answer(params, bench), answer(params, held) if len(held) else None)

    schedule = recipe.schedule
    steps = batch_count(training, schedule.batch_size) * schedule.epochs
    facts = training_facts(recipe, messages, len(training), steps)
    with Run(out, total_steps=steps, patience=schedule.patience, identity=json.dumps(facts)) as run:
        params = train(fitted, training, schedule, recipe.weights, run, pad_id=0, judge=judge)
    student = fitted.merged(params)
    refit_hold_head(student.clip, training.subset(np.arange(len(messages.training))), messages, recipe)
    fitted = Fitted(student, is_text)
    if len(held):
        params = fitted.params
        np.savez(out / HELD_PREDICTIONS, rows=messages.held_out, **answer(params, held)._asdict())
    (out / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    return student.clip


def training_facts(recipe: HouseText, messages: Messages, rows: int, steps: int) -> dict[str, Any]:
    """Return what was trained on, for the model card and to tell runs apart."""
    ids = "\n".join(message.id for message in messages.rows)
    return {
        "annotated_messages": messages.annotated - len(messages.held_out),
        "held_out_messages": len(messages.held_out),
        "held_out_fold": messages.fold,
        "messages_labelled_by_the_teacher": len(messages.rows) - messages.annotated,
        "rows_an_epoch": rows,
        "steps": steps,
        "messages_sha256": hashlib.sha256(ids.encode()).hexdigest(),
        "recipe": {name: value for name, value in asdict(recipe).items() if value is not None},
    }


def text_corpora(
    tokenizer: Tokenizer,
    messages: Messages,
    opinions: Opinions,
    gifs: Sequence[PackGif],
    recipe: HouseText,
    source: Path,
) -> tuple[Corpus, Corpus]:
    """Return all messages with their targets, and what is trained on: names too, held-out ones not."""
    space, table, identities = identity_space()
    corpus = taught_corpus(tokenizer, messages, opinions, recipe)
    corpus = corpus.updated(
        identity=space(sentence_vectors([clean_text(m.text) for m in messages.rows], source)),
        identity_weight=np.ones(len(corpus), np.float32),
        share=np.full(len(corpus), recipe.message_share, np.float32),
    )
    names = name_corpus(tokenizer, [e.text for e in table], identities, recipe.name_share)
    named = [names, *gif_corpus(tokenizer, gifs, messages.categories, space, source, recipe)]
    training = corpus.subset(messages.training)
    for part in named * recipe.name_copies:
        training = training.join(part)
    return corpus, training


def make_student(source: Path, recipe: HouseText) -> Student:
    """Return the house model with MiniLM as published in its text tower, and the auxiliary heads."""
    bert = load_bert(source)
    config = HybridCLIPConfig(
        text=bert.config,
        vision=EfficientNetConfig(),
        projection_dim=DIM,
        text_pooling="mean",
        hold_head=True,
        logit_scale_init_value=recipe.logit_scale,
    )
    rngs = nnx.Rngs(recipe.schedule.seed)
    clip = HybridCLIP(config, rngs)
    clip.text_model = bert
    return Student(clip, rngs)


def is_text(path: tuple[object, ...], value: object) -> bool:
    """Say whether a parameter of a `Student` belongs to its text side; the unused pooler does not."""
    if not isinstance(value, nnx.Param) or "pooler" in path:
        return False
    return path[0] != "clip" or path[1] in TEXT_PARTS


def taught_corpus(tokenizer: Tokenizer, messages: Messages, opinions: Opinions, recipe: HouseText) -> Corpus:
    """Return all messages with targets mixed of annotations and opinions.

    Raises:
        DataError: the opinions are of other messages, or the teacher did not hold out the same ones.
    """
    rows = messages.rows
    if opinions.fold != messages.fold:
        raise DataError(
            f"the teacher held out fold {opinions.fold}, this training {messages.fold} (-1 is none): its "
            "opinions would give held-out labels away; train it with the same --fold"
        )
    place = {name: index for index, name in enumerate(opinions.ids.tolist())}
    if any(message.id not in place for message in rows):
        raise DataError("the teacher has no opinion of some messages; train it on the same data")
    order = [place[message.id] for message in rows]
    corpus = message_corpus(tokenizer, rows, messages.categories, great=recipe.great, ok=recipe.ok)
    said, said_hold = opinions.category[order], opinions.hold[order]
    # Held-out rows are never trained on, so mixing their annotation in does no harm.
    gold = recipe.gold * np.asarray(corpus.targets["category_weight"])
    gold_hold = recipe.gold * np.asarray(corpus.targets["hold_weight"])
    category = gold[:, None] * np.asarray(corpus.targets["category"], np.float32) + (1 - gold[:, None]) * said
    hold = gold_hold * np.asarray(corpus.targets["hold"], np.float32) + (1 - gold_hold) * said_hold
    weight = np.where(np.arange(len(rows)) < messages.annotated, recipe.emphasis, 1.0).astype(np.float32)
    return corpus.updated(
        category=category.astype(np.float32),
        category_weight=weight,
        hold=hold.astype(np.float32),
        hold_weight=weight,
    )


def name_corpus(tokenizer: Tokenizer, texts: Sequence[str], identities: Floats, share: float) -> Corpus:
    """Return names and keywords of pictures with their identity vectors (n, 208) as target."""
    targets = no_targets(len(texts))
    targets |= {
        "identity": identities,
        "identity_weight": np.ones(len(texts), np.float32),
        "share": np.full(len(texts), share, np.float32),
    }
    return Corpus(tokenise(tokenizer, texts), targets)


def gif_corpus(
    tokenizer: Tokenizer,
    gifs: Sequence[PackGif],
    categories: Sequence[str],
    space: IdentitySpace,
    source: Path,
    recipe: HouseText,
) -> list[Corpus]:
    """Return the categories by name, and the pack's GIFs by name and tags, with categories as target."""
    parts: list[tuple[str, tuple[str, ...]]] = [(name.replace("_", " "), (name,)) for name in categories]
    parts += [(describe(gif), tuple(gif.categories)) for gif in gifs]
    texts = [text for text, _ in parts]
    corpus = name_corpus(tokenizer, texts, space(sentence_vectors(texts, source)), recipe.name_share)
    target = np.stack([category_vector(names, categories) for _, names in parts])
    target /= target.sum(1, keepdims=True)
    return [corpus.updated(category=target, category_weight=np.ones(len(parts), np.float32))]
