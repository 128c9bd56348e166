"""Captions out of JSON of COCO's form or of ClipCap's own list, their pictures and their tokens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import msgspec
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from export.clipcap_train import CaptionBatch
from export.data.reactions import DataError

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Progress = Callable[[str], None]
Id = int | str

STOP = "."
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
COCO_NAMES = ("COCO_train2014_{:012d}.jpg", "COCO_val2014_{:012d}.jpg", "{:012d}.jpg")
LONGEST_NUMBER = 19
"""Digits; no picture is called after a longer number, and Python refuses to read very long ones."""

SHOWN = 100
COCO_FOLDERS = ("", "train2014", "val2014", "train2017", "val2017")

WANTED = (
    '{path} is not caption JSON ({why}): wanted is {{"images": [{{"id", "file_name"}}], "annotations": '
    '[{{"image_id", "caption"}}]}} as COCO has it, or a list of {{"image_id", "caption"}}'
)
ABSENT = "None of the {count} pictures that {path} names is in {folder}; the first one is {first}"


class _Image(msgspec.Struct):
    id: Id
    file_name: str


class _Annotation(msgspec.Struct):
    image_id: Id
    caption: str
    file_name: str | None = None


class _Coco(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


class Captions(NamedTuple):
    """Captions and their pictures; `rows` (captions,) int32 says which picture a caption is of."""

    pictures: tuple[Path, ...]
    rows: Ints
    texts: tuple[str, ...]

    def of_known(self, is_known: npt.NDArray[np.bool_]) -> Captions:
        """Leave out the captions of pictures that are False in (pictures,)."""
        kept = is_known[self.rows]
        texts = tuple(text for text, keep in zip(self.texts, kept, strict=True) if keep)
        return Captions(self.pictures, self.rows[kept], texts)


def read_captions(path: Path, folder: Path, *, progress: Progress = print) -> Captions:
    """Read captions and find their pictures.

    What is blank and what has no picture is left out, and told in a line with its count.

    Args:
        path: the JSON file. A list may lack file names: they are then made of the numbers as COCO makes them.
        folder: where the pictures are, or COCO's folders with them.
        progress: told what is left out.

    Raises:
        DataError: the file is not of that form, or nothing of it can be used.
    """
    annotations, names = _parsed(path)
    spoken = [note for note in annotations if note.caption.strip()]
    if not spoken:
        raise DataError(f"{path} has {len(annotations)} captions, and none that is not blank")
    found: dict[Id, Path | None] = {}
    for note in spoken:
        if note.image_id not in found:
            found[note.image_id] = _find(folder, note, names)
    here = {key: picture for key, picture in found.items() if picture is not None}
    if not here:
        first = next(_candidates(spoken[0], names))
        shown = first if len(first) <= SHOWN else f"{first[:SHOWN]}..."
        raise DataError(ABSENT.format(count=len(found), path=path, folder=folder, first=shown))
    if blank := len(annotations) - len(spoken):
        progress(f"{path}: {blank} of {len(annotations)} captions are blank; they are left out.")
    if missing := len(found) - len(here):
        progress(f"{path}: {missing} of {len(found)} pictures are not in {folder}; they are left out.")
    numbers = {key: row for row, key in enumerate(here)}
    pairs = [(numbers[note.image_id], note.caption) for note in spoken if note.image_id in here]
    rows = np.array([row for row, _ in pairs], np.int32)
    return Captions(tuple(here.values()), rows, tuple(sentence(text) for _, text in pairs))


def _parsed(path: Path) -> tuple[list[_Annotation], Mapping[Id, str]]:
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_Coco | list[_Annotation])
    except msgspec.DecodeError as error:  # of which a wrong type is one kind
        raise DataError(WANTED.format(path=path, why=str(error).rstrip("."))) from error
    annotations = content if isinstance(content, list) else content.annotations
    if not annotations:
        raise DataError(f"{path} has no captions")
    if isinstance(content, list):
        return annotations, {}
    names: dict[Id, str] = {image.id: image.file_name for image in content.images}
    strangers = sorted({str(note.image_id) for note in annotations if note.image_id not in names})
    if strangers:
        raise DataError(
            f"{path} has captions of {len(strangers)} pictures that its images do not list, "
            f"such as image_id {strangers[0]}"
        )
    return annotations, names


def _candidates(note: _Annotation, names: Mapping[Id, str]) -> Iterator[str]:
    """Yield what a picture may be called, likeliest first."""
    if name := note.file_name or names.get(note.image_id):
        yield name
        return
    number = str(note.image_id)
    if number.isdecimal() and len(number) <= LONGEST_NUMBER:
        yield from (name.format(int(number)) for name in COCO_NAMES)
    yield from (f"{number}{suffix}" for suffix in SUFFIXES)


def _find(folder: Path, note: _Annotation, names: Mapping[Id, str]) -> Path | None:
    places = (folder / inner / name for name in _candidates(note, names) for inner in COCO_FOLDERS)
    # Path.is_file raises an error of a name that is too long
    return next((place for place in places if os.path.isfile(place)), None)


def sentence(text: str) -> str:
    """Return a caption on one line with a full stop at its end, no space before it.

    Serving ends a caption at the first full stop, so a model must have learnt to make one. The original takes
    captions as they are, most of which have it; Flickr30k's have a space before it, which is another token.
    What ends in "!" or "?" stays as it is: nothing teaches a model to end there, but such captions are few.
    """
    line = " ".join(text.split())
    bare = line.rstrip(STOP).rstrip()
    return line if line.endswith(("!", "?")) or not bare else f"{bare}{STOP}"


class Tokens(NamedTuple):
    """Captions as `ids` (captions, tokens) int32, padded with 0, of which `lengths` (captions,) are real."""

    ids: Ints
    lengths: Ints


def encode(tokenizer: Tokenizer, texts: Sequence[str], limit: int, *, progress: Progress = print) -> Tokens:
    """Turn captions into GPT-2's tokens as the original does: none is added, very long ones are cut.

    The longest kept is ten standard deviations above the mean length.

    Args:
        tokenizer: GPT-2's.
        texts: captions.
        limit: how many tokens the model has room for.
        progress: told how many captions are longer than that.
    """
    each = [found.ids for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    lengths = np.array([len(ids) for ids in each])
    if over := int((lengths > limit).sum()):
        progress(
            f"{over} of {len(each)} captions are longer than the {limit} tokens that GPT-2 has room for "
            "after the prefix; they are cut."
        )
    spread = float(lengths.std(ddof=1)) if len(lengths) > 1 else 0.0
    longest = min(int(lengths.mean() + 10 * spread), int(lengths.max()), limit)
    ids = np.zeros((len(each), longest), np.int32)
    for row, caption in enumerate(each):
        ids[row, : min(len(caption), longest)] = caption[:longest]
    return Tokens(ids, np.minimum(lengths, longest).astype(np.int32))


@dataclass(frozen=True)
class Pairs:
    """Everything that batches are made of.

    Attributes:
        tokens: of the captions.
        rows: (captions,) int32, rows of `vectors`.
        vectors: (pictures, prefix_size) float32.
        prefix_length: of the model.
    """

    tokens: Tokens
    rows: Ints
    vectors: Floats
    prefix_length: int

    def batch(self, chosen: npt.NDArray[np.int64], size: int) -> CaptionBatch:
        """Return captions with their vectors; after them come rows of padding up to `size`."""
        count, longest = len(chosen), self.tokens.ids.shape[1]
        tokens = np.zeros((size, longest), np.int32)
        mask = np.zeros((size, self.prefix_length + longest), np.float32)
        prefix = np.zeros((size, self.vectors.shape[1]), np.float32)
        tokens[:count] = self.tokens.ids[chosen]
        prefix[:count] = self.vectors[self.rows[chosen]]
        mask[:count, : self.prefix_length] = 1
        mask[:count, self.prefix_length :] = np.arange(longest) < self.tokens.lengths[chosen, None]
        return CaptionBatch(jnp.asarray(tokens), jnp.asarray(mask), jnp.asarray(prefix))
