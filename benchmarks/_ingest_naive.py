"""What one writes first: all frames with Pillow, every model on every frame, one file after the other."""

import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from inference.bundle import load_bundle
from inference.encoders import Floats, ImageEncoder
from inference.ingest._ocr import TextReader, find_models
from inference.ingest._rating import Rater, find_model

Look = Callable[[Image.Image], object]


def take_in(bundle: str, files: Sequence[str], with_extras: bool) -> tuple[float, int]:
    """Look at all frames of files; return seconds, models loaded before, and the number of frames.

    Args:
        bundle: folder of the bundle.
        files: paths of animations.
        with_extras: look for words and rate each frame, too.
    """
    encode, further = _image(bundle), _extras() if with_extras else []
    started, count = time.perf_counter(), 0
    for file in files:
        vectors = []
        with Image.open(file) as animation:
            for number in range(getattr(animation, "n_frames", 1)):
                animation.seek(number)
                frame = animation.convert("RGBA")
                vectors.append(encode([frame]))
                for look in further:
                    look(frame)
        np.mean(vectors, axis=0)
        count += len(vectors)
    return time.perf_counter() - started, count


@cache
def _image(bundle: str) -> Callable[[Sequence[Image.Image]], Floats]:
    return ImageEncoder(load_bundle(Path(bundle))).encode


@cache
def _extras() -> list[Look]:
    looks: list[Look] = []
    if (models := find_models()) is not None:
        reader = TextReader(models)
        looks.append(lambda frame: reader([frame]))
    if (model := find_model()) is not None:
        rater = Rater(model)
        looks.append(lambda frame: rater([frame]))
    return looks
