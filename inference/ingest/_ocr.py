"""The words in a picture, read by rapidocr (extra `ocr`) with the models that come in its wheel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.ingest._likeness import Histogram, histogram, is_same_scene, on_ground

PACKAGE = "rapidocr"
GROUND = (128, 128, 128)  # black and white letters both show on it
SMALLEST = 32  # pixels of an edge, below which the models take nothing
LONG_EDGE = 320  # that text is looked for at; it is read at full size
BOX_FROM = 0.7  # below it, of drawings, are eyes and buttons
SURE = 0.6
SHORT, SURE_OF_SHORT = 3, 0.9  # so few characters may well be something drawn
BOXES = 12  # of a still
CHARACTERS = 200
SAME_LINE = 0.8
SAME_PLACE = 8.0  # pixels that corners may move from still to still
SAME_LOOK = 6.0  # of 255, that grey may change on average
THUMB = (128, 16)

_WORDS = re.compile(r"\w", re.UNICODE)


class Models(NamedTuple):
    """Where the models lie that find text and that read it."""

    find: Path
    read: Path


class Crop(NamedTuple):
    """A text that was read: its (4, 2) corners, what it looks like in small, what it says."""

    box: NDArray[np.float32]
    look: NDArray[np.int16]
    line: Line


class Line(NamedTuple):
    """Words that were read, and the probability that they are right."""

    text: str
    confidence: float


def find_models() -> Models | None:
    """Return the models in the installed package, None where it is not installed."""
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        models = Path(folder) / "models"
        finders, readers = (sorted(models.glob(f"*_{kind}_*.onnx")) for kind in ("det", "rec"))
        if finders and readers:
            return Models(finders[-1], readers[-1])
    return None


class TextReader:
    """Stills of one animation to the words in them."""

    def __init__(self, models: Models) -> None:
        """Open the models, and run them once: what they need then, they need for good."""
        self._run = _open(models)
        blank = Image.new("RGB", (LONG_EDGE, LONG_EDGE))
        self._find(blank)
        self._recognise(blank.resize((2 * SMALLEST, SMALLEST)))

    def __call__(self, stills: Sequence[Image.Image]) -> str:
        """Return the words in the stills, each line once, in the order of time and reading.

        Late in the animation all is shown that is built up bit by bit; one still more is read where the
        first half is another scene, all of them where a text was found.
        """
        pictures = [_prepared(still) for still in stills]
        count = len(pictures)
        if not count:
            return ""
        late, early = 3 * count // 4, count // 4
        crops: list[Crop] = []
        found: dict[int, list[Line]] = {late: self._read(pictures[late], crops)}
        colours: Histogram = histogram(pictures[late])
        for number in dict.fromkeys([early, *range(count)]):
            is_due = any(found.values()) or not is_same_scene(colours, histogram(pictures[number]))
            if number not in found and is_due:
                found[number] = self._read(pictures[number], crops)
        return _joined([found[number] for number in sorted(found)])

    def _read(self, picture: Image.Image, crops: list[Crop]) -> list[Line]:
        """Return the lines of a picture; what looks as in an earlier one is not read again."""
        lines = []
        for box in self._find(picture):
            crop = _cut(picture, box)
            look = np.asarray(crop.convert("L").resize(THUMB, Image.Resampling.BOX), np.int16)
            line = next((known.line for known in crops if _is_there(known, box, look)), None)
            if line is None:
                line = self._recognise(crop)
                crops.append(Crop(box, look, line))
            if is_believable(line):
                lines.append(line)
        return lines

    def _find(self, picture: Image.Image) -> list[NDArray[np.float32]]:
        """Return (4, 2) corners of texts in reading order, each clockwise from the upper left."""
        found = self._run(_bgr(picture), use_det=True, use_cls=False, use_rec=False)
        boxes = getattr(found, "boxes", None)
        return [] if boxes is None else list(boxes)[:BOXES]

    def _recognise(self, crop: Image.Image) -> Line:
        found = self._run(_bgr(crop), use_det=False, use_cls=False, use_rec=True)
        texts, scores = getattr(found, "txts", None) or ("",), getattr(found, "scores", None) or (0.0,)
        return Line(" ".join(texts[0].split()), float(scores[0]))


def is_believable(line: Line) -> bool:
    """Say whether a line is words, not something drawn that looks like letters."""
    characters = _WORDS.findall(line.text)
    if len(characters) < 2 or set(characters) <= set("0oO"):  # round eyes
        return False
    return line.confidence >= (SURE_OF_SHORT if len(characters) <= SHORT else SURE)


def _open(models: Models) -> Any:
    """Open rapidocr; with the paths of its models given it looks nowhere else for them."""
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    engine = "EngineConfig.onnxruntime."
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.text_score": 0.0,
            "Det.model_path": str(models.find),
            "Det.limit_type": "max",
            "Det.limit_side_len": LONG_EDGE,
            "Det.box_thresh": BOX_FROM,
            "Rec.model_path": str(models.read),
            "Rec.rec_img_shape": [3, 48, 48],  # the least width: a short word is not padded to a long one
            f"{engine}intra_op_num_threads": 1,
            f"{engine}inter_op_num_threads": 1,
            f"{engine}enable_cpu_mem_arena": False,
        }
    )


def _prepared(still: Image.Image) -> Image.Image:
    """Lay a still on grey, with a margin where it is too small for the models; RGB."""
    picture = on_ground(still, GROUND)
    size = (max(picture.width, SMALLEST), max(picture.height, SMALLEST))
    if size == picture.size:
        return picture
    larger = Image.new("RGB", size, GROUND)
    larger.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return larger


def _cut(picture: Image.Image, box: NDArray[np.float32]) -> Image.Image:
    """Cut a text out of a picture, upright."""
    left_top, right_top, right_bottom, left_bottom = (tuple(map(float, corner)) for corner in box)
    width = max(1, round(float(np.hypot(*(box[1] - box[0])))))
    height = max(1, round(float(np.hypot(*(box[3] - box[0])))))
    corners = (*left_top, *left_bottom, *right_bottom, *right_top)
    quad = Image.Transform.QUAD
    return picture.transform((width, height), quad, corners, Image.Resampling.BICUBIC)


def _bgr(picture: Image.Image) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.asarray(picture, np.uint8)[..., ::-1])


def _is_there(known: Crop, box: NDArray[np.float32], look: NDArray[np.int16]) -> bool:
    is_place = np.abs(known.box - box).max() <= SAME_PLACE
    return bool(is_place and np.abs(known.look - look).mean() <= SAME_LOOK)


def _joined(stills: Sequence[Sequence[Line]]) -> str:
    """Join the lines of all stills.

    Of those in different stills that say nearly the same, or the start of it, the longest or surest stays.
    """
    kept: list[Line] = []
    for lines in stills:
        earlier = len(kept)
        for line in lines:
            twin = next((place for place, other in enumerate(kept[:earlier]) if _is_same(line, other)), None)
            if twin is None:
                kept.append(line)
            else:
                kept[twin] = max(kept[twin], line, key=lambda each: (len(each.text), each.confidence))
    return _shortened(" ".join(line.text for line in kept))


def _is_same(one: Line, other: Line) -> bool:
    first, second = sorted((_key(one), _key(other)), key=len)
    return second.startswith(first) or SequenceMatcher(None, first, second).ratio() >= SAME_LINE


def _key(line: Line) -> str:
    return "".join(_WORDS.findall(line.text.casefold()))


def _shortened(text: str) -> str:
    if len(text) <= CHARACTERS:
        return text
    return text[: CHARACTERS + 1].rsplit(" ", 1)[0][:CHARACTERS]
