"""Which GIFs of a pack are held out of training, so that there are unseen ones to measure with."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import numpy as np

from export.data.emoji import canonical
from inference.errors import PackError
from inference.pack import PackGif

HELD_OUT_FILE = "held_out.json"


def choose_held_out(gifs: Sequence[PackGif], count: int, seed: int = 0) -> frozenset[str]:
    """Choose GIFs of which a training sees neither a frame nor, of single emoji, any other drawing.

    An emoji is held out only together with all compositions that show it. Singles and compositions, and the
    primary categories, keep their shares as far as that allows; a category keeps a GIF where it has two.
    The choice depends on ids and seed alone, not on the order of the manifest.

    Returns:
        The ids of the chosen GIFs, ``count`` of them.

    Raises:
        PackError: So many cannot be held out.
    """
    singles = sorted((gif for gif in gifs if gif.source.code_point), key=lambda gif: gif.id)
    composed = sorted((gif for gif in gifs if not gif.source.code_point), key=lambda gif: gif.id)
    sizes = Counter(gif.categories[0] for gif in gifs)
    chosen: dict[str, PackGif] = {}
    rng = np.random.default_rng(seed)
    share = round(count * len(singles) / max(1, len(gifs)))
    rounds = ((singles, share), (composed, count), (singles, count))
    for slack in (0, 1, max(sizes.values(), default=0)):
        room = {name: min(size - 1, size * count // len(gifs) + slack) for name, size in sizes.items()}
        for group, limit in rounds:
            for index in rng.permutation(len(group)):
                more = _together(group[index], composed)
                if len(chosen) + len(more.keys() - chosen.keys()) <= limit and _fits(more, chosen, room):
                    chosen |= more
    if len(chosen) < count:
        raise PackError(f"Of {len(gifs)} GIFs only {len(chosen)} can be held out, not {count}.")
    return frozenset(chosen)


def _together(gif: PackGif, composed: Sequence[PackGif]) -> dict[str, PackGif]:
    """Return a GIF, and where it is of an emoji, the compositions that show it, by id."""
    code = code_point_of(gif)
    others = (other for other in composed if code and code in map(canonical, other.source.composed_from))
    return {gif.id: gif} | {other.id: other for other in others}


def _fits(more: Mapping[str, PackGif], chosen: Mapping[str, PackGif], room: Mapping[str, int]) -> bool:
    after = Counter(gif.categories[0] for gif in {**chosen, **more}.values())
    return all(after[gif.categories[0]] <= room[gif.categories[0]] for gif in more.values())


def code_point_of(gif: PackGif) -> str:
    """Return the key of a GIF's emoji, empty for a composed GIF."""
    return canonical(gif.source.code_point) if gif.source.code_point else ""


def held_out_codes(gifs: Iterable[PackGif], held_out: AbstractSet[str]) -> frozenset[str]:
    """Return the emoji of which no drawing in any style may be seen."""
    return frozenset(code for gif in gifs if gif.id in held_out and (code := code_point_of(gif)))


def write_held_out(folder: Path, held_out: AbstractSet[str]) -> None:
    """Write the ids to the file of a run that `read_held_out` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"held_out": sorted(held_out)}, indent=2)
    (folder / HELD_OUT_FILE).write_text(text + "\n", encoding="utf-8")


def read_held_out(path: Path) -> frozenset[str]:
    """Read the ids that a training held out.

    Raises:
        PackError: The file is missing or of another form.
    """
    try:
        return frozenset(json.loads(path.read_text(encoding="utf-8"))["held_out"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackError(f"{path} does not say which GIFs were held out of training: {error!r}") from error
