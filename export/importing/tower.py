"""The graphs of a bundle that is being written, used as serving will use them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnxruntime import InferenceSession, SessionOptions
from PIL import Image, ImageSequence
from tokenizers import Tokenizer

from inference.bundle import ImageSpec, TextSpec
from inference.pack import PackGif
from inference.preprocess import clean_text, frame_square, normalise, plain_text, sample_frames
from inference.vectors import describe

Floats = npt.NDArray[np.float32]
Step = Callable[[int, int], None]


def open_graph(path: Path) -> InferenceSession:
    """Open a graph on the CPU."""
    options = SessionOptions()
    options.log_severity_level = 3
    return InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class TextReader:
    """Messages to vectors, one at a time, as serving reads them."""

    def __init__(self, folder: Path, spec: TextSpec, tokenizer: Tokenizer) -> None:
        self._session = open_graph(folder / spec.file)
        self._read = clean_text if spec.spells_emoji else plain_text
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.enable_truncation(max_length=spec.max_tokens)

    def __call__(self, texts: Sequence[str], step: Step | None = None) -> Floats:
        """Return (texts, dim) float32, unit norm."""
        rows = []
        for text in texts:
            ids = np.array([self._tokenizer.encode(self._read(text)).ids], np.int32)
            feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            rows.append(self._session.run(["embedding"], feeds)[0][0])
            if step is not None:
                step(len(rows), len(texts))
        return np.stack(rows)


class PictureReader:
    """GIFs to vectors, as serving looks at them."""

    def __init__(self, folder: Path, spec: ImageSpec) -> None:
        self._session = open_graph(folder / spec.file)
        self._spec = spec

    def __call__(self, paths: Sequence[Path], step: Step | None = None) -> Floats:
        """Return (GIFs, dim) float32, unit norm."""
        rows = []
        for path in paths:
            pixels = normalise(self._frames(path), self._spec.mean, self._spec.std)
            rows.append(self._session.run(None, {"pixel_values": pixels[None]})[0][0])
            if step is not None:
                step(len(rows), len(paths))
        return np.stack(rows)

    def _frames(self, path: Path) -> npt.NDArray[np.uint8]:
        spec = self._spec
        with Image.open(path) as image:
            numbers = range(getattr(image, "n_frames", 1))
            wanted = set(sample_frames(numbers, spec.frames, first=spec.first_frame))
            shown = [
                frame_square(frame.convert("RGBA"), spec.size, spec.background, spec.framing)
                for number, frame in enumerate(ImageSequence.Iterator(image))
                if number in wanted
            ]
        return np.stack(sample_frames(shown, spec.frames))


def words_of(gifs: Sequence[PackGif]) -> list[str]:
    """Return what a text tower reads of each GIF."""
    return [describe(gif) or gif.name for gif in gifs]
