"""Text cleaning and image preprocessing, written once so that training and serving see the same numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # Pillow is imported where pixels are made: the text path starts without it
    from PIL import Image

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

Framing = Literal["square", "crop", "crop-2021"]
"""How a picture gets its size: padded to a square, or cut as CLIP's processors do, today's or of 2021."""

LONGEST = 20
"""How many times as long as wide a picture is at most when it is enlarged before it is cropped."""

CANVAS = 4096
"""Pixels of the edge of the largest square that is laid out: a thin picture would fill all memory with it."""

# Emoji are spelt out: the tokenizer knows words, hardly any pictographs.
_MODIFIERS = "\ufe0e\ufe0f\U0001f3fb-\U0001f3ff"
_GENDER = re.compile("\u200d[\u2640\u2642]\ufe0f?")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{1,2}|\U0001f3f4[\U000e0020-\U000e007f]+")
_EMOJI = re.compile(
    f"([\u2600-\u27bf\u2b05-\u2b55\U0001f300-\U0001f3fa\U0001f400-\U0001faff])"
    f"[{_MODIFIERS}]*(?:\\s*\\1[{_MODIFIERS}]*)*"
)
_PLAIN_NAMES = {
    "\u2764": "red heart",
    "\u2665": "heart",
    "\u2639": "sad face",
    "\u263a": "smiling face",
    "\U0001f624": "angry face with steam from nose",
    "\U0001f64f": "folded hands",
}

Frame = TypeVar("Frame")


def clean_text(text: str) -> str:
    """Return the message on one line as the models read it, the same in training and serving.

    Emoji become their names (repeats in a row once), compatibility forms such as full-width or
    mathematical letters become plain ones, controls become spaces, invisible and broken characters go.
    The result is empty when nothing readable was in the text.
    """
    if not (text.isascii() and text.isprintable()):
        text = _EMOJI.sub(_spell_emoji, _FLAG.sub(" flag ", _GENDER.sub("", text)))
        text = unicodedata.normalize("NFKC", "".join(map(_clean_character, text)))
    return " ".join(text.split())


def plain_text(text: str) -> str:
    """Return the message on one line with its emoji, for models that were trained on messages as they are.

    The result is empty when nothing readable was in the text.
    """
    return " ".join(text.encode("utf-8", "ignore").decode("utf-8").split()) if clean_text(text) else ""


def _spell_emoji(match: re.Match[str]) -> str:
    character = match.group(1)
    name = _PLAIN_NAMES.get(character) or unicodedata.name(character, "emoji").lower()
    return f" {name} "


def _clean_character(character: str) -> str:
    if character.isalnum():
        return character
    category = unicodedata.category(character)
    if category == "Cc" or character.isspace():
        return " "
    return "" if category in ("Cf", "Cs") or "\ufe00" <= character <= "\ufe0f" else character


def foreign_share(text: str) -> float:
    """Return the share of letters that are not Latin, 0..1; 0 where there are no letters."""
    if text.isascii():
        return 0.0
    letters = [character for character in text if character.isalpha()]
    foreign = [c for c in letters if not (c.isascii() or unicodedata.name(c, "").startswith("LATIN"))]
    return len(foreign) / len(letters) if letters else 0.0


def sample_frames(frames: Sequence[Frame], count: int, *, first: bool = False) -> list[Frame]:
    """Pick `count` frames evenly, each from the middle of its share; short animations repeat frames.

    With `first` the first frame alone is picked, whatever `count` is.

    Raises:
        ValueError: there is no frame, or `count` is below 1.
    """
    if not frames or count < 1:
        raise ValueError(f"cannot pick {count} frames out of {len(frames)}")
    if first:
        return [frames[0]]
    return [frames[(2 * i + 1) * len(frames) // (2 * count)] for i in range(count)]


def compose_square(image: Image.Image, size: int, background: Sequence[int]) -> NDArray[np.uint8]:
    """Lay a picture over `background`, pad it to a centred square and resize it bicubically.

    One whose longer edge exceeds `CANVAS` is made smaller first.

    Args:
        image: any mode; transparency is blended, not dropped.
        size: edge of the result in pixels.
        background: red, green, blue in 0..255.

    Returns:
        (size, size, 3) uint8.
    """
    from PIL import Image

    colour = (int(background[0]), int(background[1]), int(background[2]), 255)
    rgba = image.convert("RGBA")
    rgba.thumbnail((CANVAS, CANVAS))
    edge = max(rgba.size)
    canvas = Image.new("RGBA", (edge, edge), colour)
    canvas.alpha_composite(rgba, ((edge - rgba.width) // 2, (edge - rgba.height) // 2))
    return np.asarray(canvas.convert("RGB").resize((size, size), Image.Resampling.BICUBIC), dtype=np.uint8)


def frame_square(
    image: Image.Image, size: int, background: Sequence[int], framing: Framing = "square"
) -> NDArray[np.uint8]:
    """Bring a picture to the form that an image graph takes: (size, size, 3) uint8.

    Padded pictures show the background where they are transparent; CLIP's processors drop transparency. Of
    very long pictures, which would be enlarged in whole, only the middle is looked at.
    """
    if framing == "square":
        return compose_square(image, size, background)
    width, height = image.size
    left, top = (max(0, edge - LONGEST * min(image.size)) // 2 for edge in image.size)
    if left or top:
        image = image.crop((left, top, width - left, height - top))
    return clip_window(image, size=size, crop="2021" if framing == "crop-2021" else "modern")


def normalise(
    pixels: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float], *, rescale: float = 1 / 255
) -> NDArray[np.float32]:
    """Scale (..., 3) uint8 (to [0, 1]), subtract `mean` and divide by `std` a channel: (..., 3) float32."""
    scaled: NDArray[np.float32] = np.divide(pixels, 1 / rescale, dtype=np.float32)
    scaled -= np.asarray(mean, np.float32)
    scaled /= np.asarray(std, np.float32)
    return scaled


def clip_window(
    image: Image.Image,
    *,
    size: int = 224,
    crop_size: tuple[int, int] | None = None,
    crop: Literal["modern", "2021"] = "modern",
) -> NDArray[np.uint8]:
    """Resize and crop a picture as CLIP's processors do.

    The shortest edge becomes `size`, the middle is cropped (black lies around what is smaller), alpha is
    dropped rather than blended. The processors of 2021 cropped one pixel later where the excess is odd.

    Args:
        image: any mode.
        size: pixels of the shortest edge before the crop.
        crop_size: height and width of the result; `size` both where None.
        crop: whose rounding.

    Returns:
        (height, width, 3) uint8.
    """
    from PIL import Image

    rgb = image.convert("RGB")
    short = min(rgb.size)
    width, height = (int(size * edge / short) for edge in rgb.size)
    resized = rgb.resize((width, height), Image.Resampling.BICUBIC)
    high, wide = crop_size or (size, size)
    left, top = (_margin(excess, crop) for excess in (width - wide, height - high))
    return np.asarray(resized.crop((left, top, left + wide, top + high)), dtype=np.uint8)


def _margin(excess: int, crop: Literal["modern", "2021"]) -> int:
    """Return where a crop begins; the two differ in how they round a negative excess, too."""
    return int((excess + 1) / 2) if crop == "2021" else excess // 2


def clip_pixels(
    image: Image.Image,
    *,
    size: int = 224,
    crop: Literal["modern", "2021"] = "modern",
    crop_size: tuple[int, int] | None = None,
    mean: Sequence[float] = CLIP_MEAN,
    std: Sequence[float] = CLIP_STD,
    rescale: float = 1 / 255,
) -> NDArray[np.float32]:
    """Preprocess a picture as CLIP's processors do: `clip_window`, then `normalise`.

    Returns:
        (size, size, 3) float32, or (height, width, 3) where a crop size is given.
    """
    window = clip_window(image, size=size, crop_size=crop_size, crop=crop)
    return normalise(window, mean, std, rescale=rescale)
