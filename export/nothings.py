"""Pictures that nobody can name: what the captioner learns to be silent about.

Drawn by chance, since no photographs under a fitting licence are at hand: clouds of noise with the spectrum
of natural pictures, stripes, scattered shapes, and small cut-outs of drawings.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.uint8]
EDGE = 144


def nothings(count: int, drawings: Sequence[Pixels], seed: int) -> list[Pixels]:
    """Return so many pictures, (144, 144, 4) uint8 RGBA, without transparency.

    Args:
        count: How many.
        drawings: (edge, edge, 4) uint8 RGBA, of which cut-outs are taken.
        seed: Of everything.
    """
    rng = np.random.default_rng((seed, 3))
    kinds = (_clouds, _landscape, _stripes, _clutter, lambda rng: _cut_out(drawings, rng))
    return [kinds[number % len(kinds)](rng) for number in range(count)]


def _field(rng: np.random.Generator, slope: float) -> npt.NDArray[np.float64]:
    """Return noise (144, 144) from 0 to 1, whose amplitudes fall with frequency to the power of ``slope``."""
    frequencies = np.hypot(np.fft.fftfreq(EDGE)[:, None], np.fft.rfftfreq(EDGE)[None])
    frequencies[0, 0] = np.inf
    phases = rng.uniform(0, 2 * np.pi, frequencies.shape)
    field = np.fft.irfft2(np.exp(1j * phases) * frequencies**-slope, (EDGE, EDGE))
    low, high = np.percentile(field, (1, 99))
    scaled: npt.NDArray[np.float64] = np.clip((field - low) / (high - low), 0, 1)
    return scaled


def _opaque(colours: npt.NDArray[np.float64]) -> Pixels:
    """Return (144, 144, 3) numbers from 0 to 1 as a picture."""
    alpha = np.ones((EDGE, EDGE, 1))
    return np.round(255 * np.concatenate((np.clip(colours, 0, 1), alpha), axis=2)).astype(np.uint8)


def _clouds(rng: np.random.Generator) -> Pixels:
    base = _field(rng, rng.uniform(0.7, 2.0))[..., None]
    tint = np.stack([_field(rng, rng.uniform(1.0, 2.0)) for _ in range(3)], axis=2)
    share = rng.uniform(0, 1)
    return _opaque(share * base + (1 - share) * tint)


def _landscape(rng: np.random.Generator) -> Pixels:
    """Return a few coloured areas with soft, noisy borders and light from one side, as photographs have."""
    heights = _field(rng, rng.uniform(1.2, 2.0))
    colours = rng.uniform(0, 1, (int(rng.integers(2, 6)), 3))
    areas = colours[np.minimum((heights * len(colours)).astype(int), len(colours) - 1)]
    light = 0.6 + 0.8 * _field(rng, 2.0)[..., None]
    grain = 0.25 * (_field(rng, rng.uniform(0.3, 1.0))[..., None] - 0.5)
    return _opaque(areas * light + grain)


def _stripes(rng: np.random.Generator) -> Pixels:
    y, x = np.mgrid[:EDGE, :EDGE] / EDGE
    angle, bands = rng.uniform(0, np.pi), rng.uniform(0.3, 9)
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * bands * (np.cos(angle) * x + np.sin(angle) * y))
    first, second = rng.uniform(0, 1, (2, 3))
    mixed = wave[..., None] * first + (1 - wave[..., None]) * second
    return _opaque(mixed + 0.3 * (_field(rng, 1.0)[..., None] - 0.5))


def _clutter(rng: np.random.Generator) -> Pixels:
    image = Image.fromarray(_clouds(rng)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(6, 30))):
        corners = rng.integers(-20, EDGE + 20, (int(rng.integers(2, 6)), 2))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        points = [(int(x), int(y)) for x, y in corners]
        if len(points) == 2:
            draw.line(points, fill=colour, width=int(rng.integers(1, 9)))
        else:
            draw.polygon(points, fill=colour)
    return np.asarray(image.convert("RGBA"))


def _cut_out(drawings: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """Return a small part of a drawing over clouds: too little to tell what it was."""
    picture = Image.fromarray(drawings[int(rng.integers(len(drawings)))])
    edge = int(rng.uniform(0.12, 0.28) * picture.width)
    left, top = (int(rng.integers(picture.width // 5, 4 * picture.width // 5 - edge)) for _ in range(2))
    part = picture.crop((left, top, left + edge, top + edge)).resize((EDGE, EDGE), Image.Resampling.BICUBIC)
    canvas = Image.fromarray(_clouds(rng))
    canvas.alpha_composite(part)
    return np.asarray(canvas)
