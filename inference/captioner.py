"""Says in a sentence what a picture or an animation shows, with a captioner bundle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.bundle import REPAIR
from inference.caption_bundle import CaptionBundle, load_caption_bundle
from inference.caption_decoder import Caption, CaptionDecoder, open_graph
from inference.errors import BundleError
from inference.legible import legible, tidy
from inference.preprocess import frame_square, normalise
from inference.wording import ELLIPSIS, shortened

if TYPE_CHECKING:
    from PIL import Image

Floats = NDArray[np.float32]

BATCH = 8
PICTURE = "pixel_values"

CAPTION_CHARACTERS = 300

_ABBREVIATIONS = ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Jr", "Sr", "Mt", "vs", "[a-z]")  # or an initial
_UNENDED = "".join(rf"(?<!\b{word}\.)" for word in _ABBREVIATIONS)
_SENTENCE_END = re.compile(rf"(?<=[.!?]){_UNENDED}\s+(?=\S)", re.IGNORECASE)
_TORN = "\N{REPLACEMENT CHARACTER}"  # of a character whose last token did not come


class Captioner:
    """Pictures to words; any thread may call it.

    Of an animation it looks at the frames in the middle of as many equal shares as its image graph takes: at
    the one in the middle where that is one. First frames are often blank or a title, and the mean of several
    is a picture that the model has never seen.
    """

    def __init__(self, bundle: CaptionBundle, *, threads: int = 1) -> None:
        """Open the graphs and the tokenizer.

        Args:
            bundle: a verified bundle.
            threads: CPU threads of one run.

        Raises:
            BundleError: one of them cannot be used.
        """
        self._image, self._label = bundle.spec.image, bundle.label
        self._see = open_graph(bundle, self._image.file, {PICTURE: 3}, ["prefix"], threads)
        self._decoder = CaptionDecoder(bundle, threads=threads)
        self._least = bundle.spec.decoder.least_log_probability
        self._tokenizer = _open_tokenizer(bundle.path(bundle.spec.tokenizer))

    @classmethod
    def open(cls, folder: Path, *, threads: int = 1) -> Captioner:
        """Open the bundle in a folder.

        Raises:
            BundleError: names what is wrong and what to do.
        """
        return cls(load_caption_bundle(folder), threads=threads)

    @property
    def label(self) -> str:
        """Name and version of the model, as shown to people."""
        return self._label

    @property
    def decoder(self) -> CaptionDecoder:
        """What turns vectors into tokens."""
        return self._decoder

    @property
    def frames(self) -> int:
        """How many frames of an animation it looks at."""
        return self._image.frames

    def describe(
        self, frames: Sequence[Image.Image], *, beam_size: int = 1, max_tokens: int | None = None
    ) -> str:
        """Return a sentence about one picture or animation, empty where the model is too unsure of it.

        Args:
            frames: of the animation in their order, evenly picked or all; any mode of Pillow.
            beam_size: 1 takes the likeliest token each time, more searches with so many beams.
            max_tokens: the longest caption; None for, and never more than, what the bundle says.
        """
        return self.describe_many([frames], beam_size=beam_size, max_tokens=max_tokens)[0]

    def describe_many(
        self,
        animations: Sequence[Sequence[Image.Image]],
        *,
        beam_size: int = 1,
        max_tokens: int | None = None,
        batch: int = BATCH,
    ) -> list[str]:
        """Return a sentence for each animation; so many are decoded together.

        With an int8 bundle a caption may differ by a word from the one that it gets alone: rounding depends
        on what is in the batch.
        """
        captions: list[str] = []
        for start in range(0, len(animations), batch):
            # One by one: a large vision tower needs as much time either way, but memory for each picture.
            prefixes = [self.encode(frames) for frames in animations[start : start + batch]]
            captions += self.say(np.stack(prefixes), beam_size=beam_size, max_tokens=max_tokens)
        return captions

    def say(self, prefix: Floats, *, beam_size: int = 1, max_tokens: int | None = None) -> list[str]:
        """Return a sentence for each of the vectors (batch, prefix_size) float32, empty where unsure."""
        found = self.decode(prefix, beam_size=beam_size, max_tokens=max_tokens)
        return [self.words(caption.ids) if self.is_sure(caption) else "" for caption in found]

    def encode(self, frames: Sequence[Image.Image]) -> Floats:
        """Return the vector (prefix_size,) float32 that the language model reads of a picture."""
        spec = self._image
        squares = [
            frame_square(frame, spec.size, spec.background, spec.framing)
            for frame in pick_frames(frames, spec.frames)
        ]
        pixels = normalise(np.stack(squares), spec.mean, spec.std)
        prefix: Floats = self._see({PICTURE: pixels[None]})[0][0]
        return prefix

    def decode(self, prefix: Floats, *, beam_size: int = 1, max_tokens: int | None = None) -> list[Caption]:
        """Return the caption of each of the vectors (batch, prefix_size) float32, however unsure it is."""
        limit = self._decoder.longest if max_tokens is None else max_tokens
        if beam_size <= 1:
            return self._decoder.greedy(prefix, limit)
        return [found[0] for found in self._decoder.beam(prefix, beam_size, limit)]

    def is_sure(self, caption: Caption) -> bool:
        """Say whether a caption is likely enough to be said."""
        return self._least is None or caption.mean_log_probability >= self._least

    def words(self, ids: Sequence[int]) -> str:
        """Return the first sentence that token ids spell, empty where it says nothing.

        At most `CAPTION_CHARACTERS` characters, none of which steers a terminal or turns the text around.
        """
        sentence = first_sentence(tidy(self._tokenizer.decode(list(ids), skip_special_tokens=True)))
        return legible(shortened(sentence, CAPTION_CHARACTERS, ELLIPSIS))


def pick_frames(frames: Sequence[Image.Image], count: int) -> list[Image.Image]:
    """Return the frames in the middle of `count` equal shares; of few frames some come several times."""
    return [frames[(2 * share + 1) * len(frames) // (2 * count)] for share in range(count)]


def first_sentence(text: str) -> str:
    """Return the first sentence of a text on one line, without spaces around and characters torn in two."""
    return _SENTENCE_END.split(" ".join(text.replace(_TORN, " ").split()), maxsplit=1)[0]


def _open_tokenizer(path: Path) -> Any:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise BundleError(f"The tokenizer {path} cannot be read ({error}): {REPAIR}.") from error
