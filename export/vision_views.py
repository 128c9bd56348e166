"""Random views of a picture, so that the vision tower learns what is drawn and not how."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from export.vision_eval import BACKGROUND, MEAN, STD
from inference.preprocess import normalise

Pixels = npt.NDArray[np.uint8]
DISCORD_DARK = (49, 51, 56)
WHITE = (255, 255, 255)


class Pictured(Protocol):
    """Labelled pictures, as `export.vision_data.Corpus` has them."""

    @property
    def pictures(self) -> Sequence[Pixels]:
        """Return (edge, edge, 4) uint8 RGBA each."""

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """Return what each shows, (pictures,) int32."""

    @property
    def is_mirrorable(self) -> npt.NDArray[np.bool_]:
        """Say of each label whether the mirror image means the same, (labels,) bool."""


@dataclass(frozen=True)
class Views:
    """How far random views may go from the picture.

    Attributes:
        rotation_degrees: Largest turn to either side.
        scale: Smallest and largest size.
        shift: Largest shift, as a share of the edge.
        plain_background: Share of views on the background that serving uses.
        outline: Share of views whose silhouette gets a dark or white line, as stickers have.
        flip: Share of mirrored views, of pictures without a reading direction.
        grey: Share of views without colour.
        colour: Largest relative change of brightness, contrast and saturation.
        blur: Share of blurred views.
    """

    rotation_degrees: float = 14.0
    scale: tuple[float, float] = (0.72, 1.12)
    shift: float = 0.07
    plain_background: float = 0.5
    outline: float = 0.3
    flip: float = 0.3
    grey: float = 0.1
    colour: float = 0.4
    blur: float = 0.15


def random_view(
    picture: Pixels,
    size: int,
    background: tuple[int, int, int],
    rng: np.random.Generator,
    *,
    options: Views,
    is_mirrorable: bool,
) -> Pixels:
    """Return one random view.

    Args:
        picture: (edge, edge, 4) uint8 RGBA, straight alpha.
        size: Edge of the view in pixels.
        background: Red, green and blue of the background that serving uses.
        rng: Where the chances come from.
        options: How far the view may go.
        is_mirrorable: Whether its mirror image means the same.

    Returns:
        (size, size, 3) uint8.
    """
    image = Image.fromarray(picture, "RGBA")
    if is_mirrorable and rng.random() < options.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = _moved(image, size, rng, options)
    if rng.random() < options.outline:
        image = _outlined(image, rng)
    canvas = Image.new("RGBA", image.size, (*_background(background, rng, options), 255))
    canvas.alpha_composite(image)
    return np.asarray(_recoloured(canvas.convert("RGB"), rng, options))


def _moved(image: Image.Image, size: int, rng: np.random.Generator, options: Views) -> Image.Image:
    angle = np.deg2rad(rng.uniform(-1, 1) * options.rotation_degrees)
    stretch = rng.uniform(0.92, 1.08)
    zoom = image.width / size / rng.uniform(*options.scale)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag([zoom * stretch, zoom / stretch])
    centre = image.width / 2 + rng.uniform(-1, 1, 2) * options.shift * image.width
    offset = centre - matrix @ np.full(2, size / 2)
    terms = (*matrix[0], offset[0], *matrix[1], offset[1])
    # Premultiplied, so that the colour under transparent pixels does not bleed into the edges.
    moved = image.convert("RGBa").transform(
        (size, size), Image.Transform.AFFINE, tuple(map(float, terms)), Image.Resampling.BILINEAR
    )
    return moved.convert("RGBA")


def _outlined(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    width = int(rng.choice((3, 5)))
    colour = (0, 0, 0) if rng.random() < 0.75 else WHITE
    line = Image.new("RGBA", image.size, (*colour, 255))
    line.putalpha(image.getchannel("A").filter(ImageFilter.MaxFilter(width)))
    line.alpha_composite(image)
    return line


def _background(
    usual: tuple[int, int, int], rng: np.random.Generator, options: Views
) -> tuple[int, int, int]:
    if rng.random() < options.plain_background:
        return usual
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    choices = (DISCORD_DARK, WHITE, (red, green, blue))
    return choices[int(rng.integers(len(choices)))]


def _recoloured(image: Image.Image, rng: np.random.Generator, options: Views) -> Image.Image:
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhancer(image).enhance(1 + rng.uniform(-1, 1) * options.colour)
    if rng.random() < options.grey:
        image = image.convert("L").convert("RGB")
    if rng.random() < options.blur:
        image = image.filter(ImageFilter.BoxBlur(float(rng.uniform(0.3, 1.0))))
    return image


def view_batch(
    corpus: Pictured, order: npt.NDArray[np.int64], size: int, options: Views, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return a random view of each picture in ``order``, (pictures, size, size, 3) float32, normalised."""
    views = [
        random_view(
            corpus.pictures[index],
            size,
            BACKGROUND,
            rng,
            options=options,
            is_mirrorable=bool(corpus.is_mirrorable[corpus.labels[index]]),
        )
        for index in order
    ]
    return normalise(np.stack(views), MEAN, STD)
