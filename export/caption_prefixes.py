"""What CLIP sees in each picture, computed once a run and kept beside its checkpoints."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from rich.console import Console
from rich.progress import track

from export.importing.clip_vision import ClipImage
from export.pictures import UNREADABLE, Pixels, read_frames
from inference.bundle import sha256_of
from inference.preprocess import CLIP_MEAN, CLIP_STD, normalise, sample_frames

Floats = npt.NDArray[np.float32]

BATCH = 32


def vectors_file(folder: Path, pictures: Sequence[Path], weights: Path) -> Path:
    """Return where the vectors of these pictures by this CLIP are kept: changed pictures, another file."""
    key = hashlib.sha256(sha256_of(weights).encode())
    for picture in pictures:
        found = picture.stat()
        key.update(f"{picture.name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return folder / f"prefixes-{key.hexdigest()[:16]}.f32"


def picture_vectors(
    pictures: Sequence[Path], open_clip: Callable[[], ClipImage], width: int, path: Path
) -> Floats:
    """Return CLIP's vectors, out of a file that is only lengthened: what is in it is not computed again.

    Args:
        pictures: JPEG, PNG, GIF or WebP; of an animation the frame in the middle is looked at.
        open_clip: gives the vision tower; not called where the file is complete.
        width: of a vector.
        path: the file, bare rows of float32.

    Returns:
        (pictures, width) float32, not normalised; a row of NaN for a picture that cannot be read.
    """
    row_bytes = 4 * width
    done = path.stat().st_size // row_bytes if path.exists() else 0
    if done < len(pictures):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            os.truncate(path, done * row_bytes)  # a kill may have left half a row
            for rows in _computed(pictures[done:], open_clip()):
                file.write(rows.tobytes())
                file.flush()
    return np.fromfile(path, np.float32).reshape(-1, width)


def _computed(pictures: Sequence[Path], clip: ClipImage) -> Iterator[Floats]:
    """Yield the vectors of a batch after the other; the next pictures are decoded meanwhile."""
    size = min(BATCH, len(pictures))
    batches = [pictures[start : start + size] for start in range(0, len(pictures), size)]
    see = nnx.jit(ClipImage.__call__)
    with ThreadPoolExecutor() as pool:

        def decode(batch: Sequence[Path]) -> list[Future[Pixels | None]]:
            return [pool.submit(read_picture, path, clip.image_size) for path in batch]

        waiting = decode(batches[0])
        console = Console(stderr=True)
        for following in track([*batches[1:], []], "looking at the pictures", console=console):
            squares, waiting = [future.result() for future in waiting], decode(following)
            pixels = np.zeros((size, clip.image_size, clip.image_size, 3), np.uint8)
            for row, square in enumerate(squares):
                pixels[row] = 0 if square is None else square
            rows = np.array(see(clip, jnp.asarray(normalise(pixels, CLIP_MEAN, CLIP_STD)[:, None])))
            rows[[row for row, square in enumerate(squares) if square is None]] = np.nan
            yield rows[: len(squares)]


def read_picture(path: Path, size: int) -> Pixels | None:
    """Return a picture as a served captioner looks at it, (size, size, 3) uint8, None where it is damaged."""
    try:
        found: Pixels = read_frames(path, lambda numbers: sample_frames(numbers, 1), size, "crop")[0]
    except UNREADABLE:
        return None
    return found
