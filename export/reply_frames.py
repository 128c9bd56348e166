"""The GIFs of a training on replies: which files are the same, and their frames, decoded once, on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from rich.progress import track

from export.data.reactions import DataError
from export.reply_data import Pair
from inference.preprocess import Framing, frame_square, sample_frames

FRAMES_FILE = "frames.npy"
DESCRIPTION_FILE = "frames.json"
FRAMING: Framing = "crop-2021"
"""How pictures are cut: as `python -m export import` lets them be served."""

UNUSED_BACKGROUND = (255, 255, 255)
SHOWN = 5

Pixels = npt.NDArray[np.uint8]


class Gifs(NamedTuple):
    """Distinct GIFs, told by their content: tweets repeat them under many names.

    Attributes:
        files: one file a GIF, with the place that names it first.
        digests: sha256 of each.
        of_pair: (pairs,) int32, which GIF each pair has.
    """

    files: list[tuple[Path, str]]
    digests: list[str]
    of_pair: npt.NDArray[np.int32]


def find_gifs(pairs: Sequence[Pair]) -> Gifs:
    """Tell the GIFs of pairs apart.

    Raises:
        DataError: a file cannot be read.
    """
    by_path: dict[Path, int] = {}
    by_digest: dict[str, int] = {}
    files: list[tuple[Path, str]] = []
    for pair in pairs:
        if pair.gif in by_path:
            continue
        try:
            digest = hashlib.sha256(pair.gif.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(f"{pair.place}: {pair.gif} cannot be read ({error.strerror})") from error
        if digest not in by_digest:
            by_digest[digest] = len(files)
            files.append((pair.gif, pair.place))
        by_path[pair.gif] = by_digest[digest]
    return Gifs(files, list(by_digest), np.array([by_path[pair.gif] for pair in pairs], np.int32))


def decode_gifs(gifs: Gifs, folder: Path, *, frames: int, size: int) -> Pixels:
    """Return the frames of all GIFs out of a file that is read as needed; it is made where it is missing.

    Args:
        gifs: of `find_gifs`.
        folder: where the file lies, ``frames.npy``: frames * size * size * 3 bytes a GIF.
        frames: 1 for the first frame, or how many are picked evenly.
        size: edge in pixels.

    Returns:
        (GIFs, frames, size, size, 3) uint8.

    Raises:
        DataError: GIFs that cannot be decoded, the first few with the lines that name them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    description = json.dumps({"frames": frames, "size": size, "cut": FRAMING, "gifs": gifs.digests})
    told, kept = folder / DESCRIPTION_FILE, folder / FRAMES_FILE
    if not (kept.is_file() and told.is_file() and told.read_text(encoding="utf-8") == description):
        told.unlink(missing_ok=True)
        _write(gifs, kept, frames, size)
        told.write_text(description, encoding="utf-8")
    found: Pixels = np.load(kept, mmap_mode="r")
    return found


def _write(gifs: Gifs, path: Path, frames: int, size: int) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    shape = (len(gifs.files), frames, size, size, 3)
    problems = []
    try:
        pixels = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        bar = track(gifs.files, "decoding GIFs", console=Console(stderr=True))
        for row, (file, place) in zip(pixels, bar, strict=True):
            try:
                row[:] = read_gif(file, frames, size)
            except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
                problems.append(f"{place}: {file} cannot be read as a GIF ({error})")
        if problems:
            more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
            raise DataError("; ".join(problems[:SHOWN]) + more)
        pixels.flush()
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def read_gif(path: Path, frames: int, size: int) -> Pixels:
    """Decode the first frame of a GIF, or several evenly picked ones: (frames, size, size, 3) uint8."""
    with Image.open(path) as image:
        numbers = range(int(getattr(image, "n_frames", 1)))
        shown = []
        for number in numbers[:1] if frames == 1 else sample_frames(numbers, frames):
            image.seek(number)
            shown.append(frame_square(image.convert("RGBA"), size, UNUSED_BACKGROUND, FRAMING))
    return np.stack(shown)
