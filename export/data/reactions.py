"""Labelled, unlabelled and weakly labelled messages, read from a folder of reaction data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.errors import ReparteeError

Floats = npt.NDArray[np.float32]

EMOTIONS = 28
EMOJI = 20
# What annotators read instead of the data set's placeholders.
PLACEHOLDERS = {"[NAME]": "Alex", "[RELIGION]": "religion"}


class DataError(ReparteeError):
    """Training data is missing or not of the expected form."""


@dataclass(frozen=True)
class Message:
    """A chat message with what is known of it; empty tuples where nothing is.

    Attributes:
        great: categories that land very well, best first.
        ok: categories nobody would be puzzled by.
        hold: no playful GIF should be sent; None where nobody said.
        emotions: indexes of GoEmotions' 27 emotions and neutral.
        emoji: index of the emoji that the author of a tweet used; -1 where unknown.
    """

    id: str
    text: str
    great: tuple[str, ...] = ()
    ok: tuple[str, ...] = ()
    hold: bool | None = None
    emotions: tuple[int, ...] = ()
    emoji: int = -1


def reactions_dir(chosen: Path | None = None) -> Path:
    """Return the given folder of reaction data, else ``reactions`` in REPARTEE_SHARED or in ``../shared``.

    Raises:
        DataError: there is no such folder.
    """
    shared = os.environ.get("REPARTEE_SHARED")
    beside = Path(__file__).resolve().parents[3] / "shared"
    folder = chosen or (Path(shared) if shared else beside) / "reactions"
    if not (folder / "categories.txt").is_file():
        raise DataError(f"{folder} holds no reaction data (categories.txt); name its folder with --data")
    return folder


def read_categories(folder: Path) -> tuple[str, ...]:
    """Return the category names in their fixed order."""
    return tuple((folder / "categories.txt").read_text().split())


def read_goemotions(folder: Path) -> list[Message]:
    """Return the GoEmotions TRAIN split; dev and test belong to the benchmark and are never read."""
    return [_goemotion(line) for line in _lines(folder / "goemotions" / "train.tsv")]


def _goemotion(line: str) -> Message:
    text, emotions, comment = line.split("\t")
    for placeholder, word in PLACEHOLDERS.items():
        text = text.replace(placeholder, word)
    return Message(comment, text, emotions=tuple(int(e) for e in emotions.split(",")))


def read_labelled(folder: Path) -> list[Message]:
    """Return the annotated messages: those of GoEmotions with their emotions, then the chat messages."""
    texts = {message.id: message for message in read_goemotions(folder)}
    rows = [json.loads(line) for file in ("labels.jsonl", "chat.jsonl") for line in _lines(folder / file)]
    return [_annotated(row, texts.get(row["id"])) for row in rows]


def read_own() -> list[Message]:
    """Return the annotated messages that were written for this project."""
    path = Path(__file__).with_name("messages") / "house.jsonl"
    return [_annotated(json.loads(line)) for line in _lines(path)]


def _annotated(row: dict[str, Any], known: Message | None = None) -> Message:
    text, emotions = (known.text, known.emotions) if known else (row["text"], ())
    return Message(row["id"], text, tuple(row["great"]), tuple(row["ok"]), row["hold"], emotions)


def read_emoji_tweets(folder: Path) -> list[Message]:
    """Return the TweetEval emoji train tweets with the emoji their author chose (weak labels)."""
    texts = _lines(folder / "tweeteval_emoji" / "train_text.txt")
    labels = _lines(folder / "tweeteval_emoji" / "train_labels.txt")
    return [
        Message(f"tweet-{number}", text, emoji=int(label))
        for number, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]


def read_unlabelled(folder: Path, *, tweets: int) -> list[Message]:
    """Return the GoEmotions messages nobody annotated and the first ``tweets`` emoji tweets."""
    annotated = {message.id for message in read_labelled(folder)}
    rest = [message for message in read_goemotions(folder) if message.id not in annotated]
    return rest + read_emoji_tweets(folder)[:tweets]


def soft_targets(
    messages: Sequence[Message], categories: Sequence[str], *, great: float = 0.7, ok: float = 0.2
) -> tuple[Floats, Floats]:
    """Turn annotations into distributions over categories.

    Args:
        messages: n messages.
        categories: the category names in order.
        great: weight of the second and third "great" category; the first has 1.
        ok: weight of an "ok" category.

    Returns:
        (n, categories) float32 whose rows sum to 1, and (n,) float32 that is 0 where nothing is annotated.
    """
    column = {name: number for number, name in enumerate(categories)}
    targets = np.zeros((len(messages), len(categories)), np.float32)
    for row, message in zip(targets, messages, strict=True):
        row[[column[c] for c in message.ok]] = ok
        row[[column[c] for c in message.great]] = great
        row[[column[c] for c in message.great[:1]]] = 1.0
    total = targets.sum(1)
    return targets / np.maximum(total, 1e-9)[:, None], (total > 0).astype(np.float32)


def folds(count: int, parts: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the fold number of each of ``count`` rows, balanced and seeded."""
    return np.random.default_rng(seed).permutation(count) % parts


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise DataError(f"{path} is missing; it is part of the reaction data")
    # Splitting at "\n" only: tweets hold other characters that count as line ends.
    return (line for line in path.read_text(encoding="utf-8").split("\n") if line)
