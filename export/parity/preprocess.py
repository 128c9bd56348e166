"""The check of the CLIP preprocessing against what the original processors made of some pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from export.parity.files import CaseError, read_json, read_npz
from export.parity.processor import Processor, read_processor
from export.parity.report import CaseReport, Comparison, compare, unlike
from inference.preprocess import clip_window, normalise

Array = npt.NDArray[Any]
Crop = Literal["modern", "2021"]

PIXEL_TOLERANCE = 1e-6
"""For numbers as large as CLIP's, which are below 4; larger ones have larger steps in float32."""
FILES: Mapping[str, Crop] = {"modern.npz": "modern", "y2021.npz": "2021"}
# One bare call of the original took a picture 3 pixels high for channels-first; the accident is not repeated.
ACCIDENT = "pixel_values_as_called"


def check_preprocess(folder: Path, report: CaseReport) -> None:
    """Compare every picture of every processor that the folder has a record of; others are skipped."""
    try:
        processor = read_processor(read_json(folder / "meta.json"))
    except CaseError as error:
        report.errors.append(str(error))
        return
    for name, crop in FILES.items():
        if report.has(folder / name):
            try:
                report.outputs |= _check_file(folder, name, crop, processor)
            except CaseError as error:
                report.errors.append(str(error))


def _check_file(folder: Path, file: str, crop: Crop, processor: Processor) -> dict[str, Comparison]:
    found: dict[str, Comparison] = {}
    for key, recorded in read_npz(folder / file).items():
        name, _, what = key.partition("/")
        if what == ACCIDENT:
            continue
        label = f"{file.removesuffix('.npz')}/{key}"
        try:
            found[label] = _compared(_image(folder, name, crop), what, recorded, crop, processor)
        except CaseError as error:
            found[label] = unlike(str(error))
    return found


def _compared(image: Image.Image, what: str, recorded: Array, crop: Crop, processor: Processor) -> Comparison:
    window = clip_window(image, size=processor.shortest_edge, crop_size=processor.crop_size, crop=crop)
    if what == "uint8":
        return compare(window.transpose(2, 0, 1), recorded, 0.0)
    if what != "pixel_values":
        raise CaseError(f"no output is known by the name {what}")
    pixels = normalise(window, processor.mean, processor.std, rescale=processor.rescale)
    tolerance = PIXEL_TOLERANCE * max(1.0, float(np.abs(pixels).max()) / 4)
    return compare(pixels.transpose(2, 0, 1), recorded, tolerance)


def _image(folder: Path, name: str, crop: Crop) -> Image.Image:
    """Open a picture the way the processor got it."""
    try:
        image = Image.open(_file_of(folder / "images", name))
        return image.convert("RGB") if crop == "2021" else image
    except (OSError, UnidentifiedImageError) as error:
        raise CaseError(f"images/{name} cannot be read: {error}") from error


def _file_of(images: Path, name: str) -> Path:
    """Return the picture whose file name is this and an ending; names may hold dots and brackets."""
    endings = Image.registered_extensions()
    files = sorted(images.iterdir()) if images.is_dir() else []
    found = [path for path in files if path.stem == name and path.suffix.lower() in endings]
    if not found:
        raise CaseError(f"images/{name} is missing")
    return found[0]
