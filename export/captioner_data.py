"""What the house captioner is trained on: drawings of emoji and frames of a pack, with what they show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from export.data.drawings import drawings
from export.data.emoji import Emoji
from export.data.styles import Style
from export.nothings import nothings
from export.vision_data import GifFrames, is_mirrorable

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]
Pixels = npt.NDArray[np.uint8]

MOST_TOKENS = 28
"""Of a caption, the stop token included; the longest of our descriptions has 25."""
PAD, STOP = "<pad>", "<|endoftext|>"
"""The first has id 0, which the loss leaves out; the second ends a caption, and alone it is silence."""


@dataclass(frozen=True)
class Thing:
    """Something that is drawn.

    Attributes:
        key: Code point of an emoji, id of a composed GIF, or empty for what cannot be named.
        descriptions: What is seen, in our own words.
        name: What it is called; empty where it has no name that is used as a caption.
        is_mirrorable: Whether its mirror image means the same.
    """

    key: str
    descriptions: tuple[str, ...]
    name: str = ""
    is_mirrorable: bool = False

    @property
    def references(self) -> tuple[str, ...]:
        """Return everything that a caption of it may be compared with."""
        return (*self.descriptions, self.name) if self.name else self.descriptions


NOTHING = Thing("", ("",), is_mirrorable=True)


@dataclass(frozen=True)
class Captioned:
    """Pictures of things.

    Attributes:
        pictures: (edge, edge, 4) uint8 RGBA each.
        labels: (pictures,) int32, rows of ``things``.
        things: What is drawn.
    """

    pictures: Sequence[Pixels]
    labels: Ids
    things: Sequence[Thing]

    @cached_property
    def is_mirrorable(self) -> npt.NDArray[np.bool_]:
        """Say of each thing whether its mirror image means the same, (things,) bool."""
        return np.array([thing.is_mirrorable for thing in self.things])


def emoji_things(table: Sequence[Emoji], descriptions: Mapping[str, Sequence[str]]) -> list[Thing]:
    """Return the emoji of a table with their descriptions.

    Raises:
        KeyError: an emoji has no description.
    """
    return [
        Thing(emoji.code_point, tuple(descriptions[emoji.code_point]), emoji.name, is_mirrorable(emoji))
        for emoji in table
    ]


def captioned(
    things: Sequence[Thing], styles: Sequence[Style], table: Sequence[Emoji], gifs: Sequence[GifFrames]
) -> Captioned:
    """Join the drawings of some styles and the frames of GIFs.

    A GIF of an emoji is one more drawing of it; a composed GIF is a thing of its own, described by the part
    of its alternative text that says what is seen.
    """
    rows = {thing.key: row for row, thing in enumerate(things)}
    composed = [item for item in gifs if item.code_point not in rows]
    every = [*things, *(Thing(item.gif.id, (seen_part(item.gif.alt_text),)) for item in composed)]
    rows |= {item.gif.id: len(things) + row for row, item in enumerate(composed)}
    pairs = [(rows[code], pixels) for style in styles for code, pixels in drawings(style, table).items()]
    pairs += [
        (rows[item.code_point if item.code_point in rows else item.gif.id], frame)
        for item in gifs
        for frame in item.frames
    ]
    return Captioned([pixels for _, pixels in pairs], np.array([row for row, _ in pairs], np.int32), every)


def with_nothings(data: Captioned, count: int, seed: int) -> Captioned:
    """Add pictures that cannot be named."""
    labels = np.full(count, len(data.things), np.int32)
    return Captioned(
        [*data.pictures, *nothings(count, data.pictures, seed)],
        np.concatenate((data.labels, labels)),
        [*data.things, NOTHING],
    )


def seen_part(alt_text: str) -> str:
    """Return an alternative text without what it adds about the meaning, behind a colon."""
    return alt_text.split(": ", 1)[0].rstrip(".")


def make_tokenizer(texts: Sequence[str], size: int) -> Tokenizer:
    """Learn a byte-level BPE vocabulary from texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, STOP],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def stop_id(tokenizer: Tokenizer) -> int:
    """Return the token that ends a caption."""
    return int(tokenizer.token_to_id(STOP) or 0)


def token_rows(tokenizer: Tokenizer, texts: Sequence[str], length: int) -> Ids:
    """Return the tokens of texts with the one that ends them, (texts, length) int32, padded with 0.

    Raises:
        ValueError: a text is longer; cut, it would teach captions that stop in the middle of a word.
    """
    stop = stop_id(tokenizer)
    rows = np.zeros((len(texts), length), np.int32)
    for row, text, encoding in zip(rows, texts, tokenizer.encode_batch(list(texts)), strict=True):
        ids = [*encoding.ids, stop]
        if len(ids) > length:
            raise ValueError(f'"{text}" has {len(ids)} tokens, more than {length}')
        row[: len(ids)] = ids
    return rows
