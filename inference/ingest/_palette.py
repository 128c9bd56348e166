"""Pictures in few colours; consecutive ones share a palette as long as it serves: what stands still stays."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

AHEAD = 8  # pictures that a palette is made for
SAMPLE = 4096  # pixels of a picture that it is made of
MOST_SAMPLED = 4 * SAMPLE
OPAQUE = 128
WORSE = 1.5  # so much larger may the square error be than for the pictures that a palette was made for
POOR = 24.0  # square error a channel from which on a palette is made for one picture only
UNSEEN = 4.0  # square error a channel that nobody sees

Pixels = NDArray[np.uint8]


def in_colours(pictures: Iterable[Image.Image], colours: int) -> Iterator[Image.Image]:
    """Reduce RGB and RGBA pictures to `colours` colours, a clear one among them; the same size and order.

    What is half transparent is made either. All pictures say of the same index that it is clear, whether or
    not it occurs.
    """
    rest, palette = iter(pictures), None
    while ahead := list(itertools.islice(rest, AHEAD)):
        samples, together = [_sample(picture) for picture in ahead], AHEAD
        for number, picture in enumerate(ahead):
            if palette is None or not palette.serves(samples[number]):
                palette = Palette(samples[number : number + together], colours - 1)
                if palette.is_poor and together > 1:
                    together = 1
                    palette = Palette(samples[number : number + 1], colours - 1)
            yield palette.apply(picture)


class Palette:
    """Colours for a few pictures."""

    def __init__(self, samples: Sequence[Pixels], colours: int) -> None:
        """Choose them, (pixels, 3) uint8 a sample; exactly those that occur, where these are few enough."""
        from PIL import Image

        every = -(-len(samples) * SAMPLE // MOST_SAMPLED)
        rows = np.concatenate([sample[::every] for sample in samples])
        chosen = Image.fromarray(rows[None]).quantize(colours, Image.Quantize.MEDIANCUT, kmeans=1)
        self._clear = colours
        self._image = Image.new("P", (1, 1))
        self._image.putpalette((chosen.getpalette() or [])[: 3 * colours])
        worst = max(map(self._error, samples))
        self.is_poor = worst > POOR
        self._bearable = max(UNSEEN, WORSE * worst)

    def serves(self, sample: Pixels) -> bool:
        """Say whether another picture looks as good in these colours."""
        return self._error(sample) <= self._bearable

    def apply(self, picture: Image.Image) -> Image.Image:
        """Return a picture in these colours, and clear where it is."""
        from PIL import Image

        reduced = picture.convert("RGB").quantize(palette=self._image, dither=Image.Dither.NONE)
        palette = (self._image.getpalette() or [])[: 3 * self._clear]
        reduced.putpalette([*palette, *[0] * (3 * self._clear + 3 - len(palette))])
        if picture.mode == "RGBA":
            clear = picture.getchannel("A").point(lambda value: 255 if value < OPAQUE else 0)
            reduced.paste(self._clear, mask=clear)
        reduced.info = {"transparency": self._clear}
        return reduced

    def _error(self, sample: Pixels) -> float:
        from PIL import Image

        seen = Image.fromarray(sample[None]).quantize(palette=self._image, dither=Image.Dither.NONE)
        return float(np.mean(np.square(np.asarray(seen.convert("RGB"), np.float32) - sample)))


def _sample(picture: Image.Image) -> Pixels:
    """Return evenly picked pixels that are not clear, (pixels, 3) uint8, at least one."""
    pixels = np.asarray(picture).reshape(-1, len(picture.getbands()))
    step = max(1, len(pixels) // SAMPLE)
    step += step > 1 and picture.width % step == 0  # not down the same columns
    pixels = pixels[::step]
    if pixels.shape[1] == 4:
        pixels = pixels[pixels[:, 3] >= OPAQUE]
    return pixels[:, :3] if len(pixels) else np.zeros((1, 3), np.uint8)
