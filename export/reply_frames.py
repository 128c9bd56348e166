"""The GIFs of a training on replies: which files are the same, and their frames, decoded once, on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from export.data.reactions import DataError
from export.pictures import UNREADABLE, Pixels, read_frames
from export.reply_data import Pair
from inference.preprocess import Framing, sample_frames

FRAMING: Framing = "crop-2021"
"""How pictures are cut: as `python -m export import` lets them be served."""

SHOWN = 5

Tell = Callable[[str], None]


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


class Decoded(NamedTuple):
    """Frames of GIFs.

    Attributes:
        pixels: (GIFs, frames, size, size, 3) uint8, black where a GIF cannot be read.
        unreadable: number of such a GIF to what is wrong with it.
    """

    pixels: Pixels
    unreadable: dict[int, str]


def decode_gifs(gifs: Gifs, folder: Path, *, frames: int, size: int) -> Decoded:
    """Return the frames of all GIFs out of a file that is read as needed; it is made where it is missing.

    Args:
        gifs: of `find_gifs`.
        folder: where the file lies, ``frames-KEY.npy``: frames * size * size * 3 bytes a GIF. Other GIFs,
            numbers of frames and sizes have other keys. ``frames-KEY.json`` says what cannot be read.
        frames: 1 for the first frame, or how many are picked evenly.
        size: edge in pixels.

    Raises:
        OSError: a file has gone, or the disk fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"frames": frames, "size": size, "cut": FRAMING, "gifs": gifs.digests})
    kept = folder / f"frames-{hashlib.sha256(content.encode()).hexdigest()[:16]}.npy"
    told = kept.with_suffix(".json")
    if not (kept.is_file() and told.is_file()):
        _write(gifs, kept, frames, size)
    problems = json.loads(told.read_text(encoding="utf-8"))
    return Decoded(np.load(kept, mmap_mode="r"), {int(gif): problem for gif, problem in problems.items()})


def _write(gifs: Gifs, path: Path, frames: int, size: int) -> None:
    part = path.with_name(f"{path.name}.part")  # one name, so that the next try replaces what a kill left
    shape = (len(gifs.files), frames, size, size, 3)
    problems: dict[int, str] = {}
    try:
        pixels = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        bar = track(gifs.files, "decoding GIFs", console=Console(stderr=True))
        for number, (file, _) in enumerate(bar):
            try:
                pixels[number] = read_gif(file, frames, size)
            except UNREADABLE as error:
                if getattr(error, "errno", None) is not None:
                    raise  # the system failed, not the file: another try may read it
                problems[number] = str(error)
        pixels.flush()
        path.with_suffix(".json").write_text(json.dumps(problems), encoding="utf-8")
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def read_gif(path: Path, frames: int, size: int) -> Pixels:
    """Decode the first frame of a GIF, or several evenly picked ones: (frames, size, size, 3) uint8.

    Raises:
        OSError: the file cannot be read; of a damaged one any of `UNREADABLE`.
    """
    return read_frames(
        path, lambda numbers: numbers[:1] if frames == 1 else sample_frames(numbers, frames), size, FRAMING
    )


def without_unreadable(
    pairs: Sequence[Pair], gifs: Gifs, unreadable: Mapping[int, str], tell: Tell
) -> tuple[list[Pair], Gifs]:
    """Leave the pairs out whose GIFs cannot be read, and say how many and what is wrong with the first few.

    Raises:
        DataError: no GIF can be read.
    """
    if not unreadable:
        return list(pairs), gifs
    problems = [
        f"{place}: {file} ({unreadable[gif]})"
        for gif, (file, place) in enumerate(gifs.files)
        if gif in unreadable
    ]
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    first = "; ".join(problems[:SHOWN]) + more
    if len(unreadable) == len(gifs.files):
        raise DataError(f"No GIF can be read; wanted are GIF, WebP, PNG or JPEG: {first}")
    known = ~np.isin(gifs.of_pair, list(unreadable))
    kept = [pair for pair, is_known in zip(pairs, known, strict=True) if is_known]
    tell(
        f"{len(unreadable)} of {len(gifs.files)} GIFs cannot be read, {len(pairs) - len(kept)} pairs "
        f"with them are left out: {first}."
    )
    return kept, gifs._replace(of_pair=gifs.of_pair[known])
