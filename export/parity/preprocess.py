"""The check of the CLIP preprocessing against what the original processors made of some pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from export.parity.files import CaseError, read_json, read_npz
from export.parity.report import CaseReport, Comparison, compare, unlike
from inference.preprocess import CLIP_MEAN, CLIP_STD, clip_pixels

Array = npt.NDArray[Any]
Crop = Literal["modern", "2021"]

PIXEL_TOLERANCE = 1e-6
FILES: Mapping[str, Crop] = {"modern.npz": "modern", "y2021.npz": "2021"}
# One bare call of the original took a picture 3 pixels high for channels-first; the accident is not repeated.
ACCIDENT = "pixel_values_as_called"


def check_preprocess(folder: Path, report: CaseReport) -> None:
    """Compare every picture of every processor that the folder has a record of."""
    try:
        size = _size(read_json(folder / "meta.json"))
    except CaseError as error:
        report.errors.append(str(error))
        return
    for name, crop in FILES.items():
        if (folder / name).exists():
            try:
                report.outputs |= _check_file(folder, name, crop, size)
            except CaseError as error:
                report.errors.append(str(error))


def _size(meta: Any) -> int:
    """Return the edge in pixels; the processor must otherwise be CLIP's."""
    try:
        processor = meta["processor"]
        edge, crop = int(processor["size"]["shortest_edge"]), processor["crop_size"]
        same = edge == crop["height"] == crop["width"]
        clip = np.allclose([processor["image_mean"], processor["image_std"]], [CLIP_MEAN, CLIP_STD])
    except (KeyError, TypeError, ValueError) as error:
        raise CaseError(f"meta.json lacks or garbles {error}") from error
    if not (same and clip):
        raise CaseError("meta.json describes a processor with other numbers than CLIP's")
    return edge


def _check_file(folder: Path, file: str, crop: Crop, size: int) -> dict[str, Comparison]:
    found: dict[str, Comparison] = {}
    for key, recorded in read_npz(folder / file).items():
        name, _, what = key.partition("/")
        label = f"{file.removesuffix('.npz')}/{key}"
        if what == ACCIDENT:
            continue
        try:
            pixels = clip_pixels(_image(folder, name, crop), size=size, crop=crop).transpose(2, 0, 1)
        except CaseError as error:
            found[label] = unlike(str(error))
            continue
        if what == "uint8":
            found[label] = compare(_as_uint8(pixels), recorded, 0.0)
        elif what == "pixel_values":
            found[label] = compare(pixels, recorded, PIXEL_TOLERANCE)
        else:
            found[label] = unlike(f"no output is known by the name {what}")
    return found


def _image(folder: Path, name: str, crop: Crop) -> Image.Image:
    """Open a picture the way the processor got it."""
    try:
        image = Image.open(next((folder / "images").glob(f"{name}.*")))
        return image.convert("RGB") if crop == "2021" else image
    except StopIteration:
        raise CaseError(f"images/{name} is missing") from None
    except (OSError, UnidentifiedImageError) as error:
        raise CaseError(f"images/{name} cannot be read: {error}") from error


def _as_uint8(pixels: Array) -> Array:
    """Undo the normalisation of (3, size, size) float32."""
    mean, std = (np.asarray(v, np.float64).reshape(3, 1, 1) for v in (CLIP_MEAN, CLIP_STD))
    return np.rint((pixels * std + mean) * 255).astype(np.uint8)
