"""The settings of a recorded image processor, in the spelling of today or of 2021."""

from dataclasses import dataclass
from typing import Any

from export.parity.files import CaseError

BICUBIC = 3
STEPS = ("do_resize", "do_center_crop", "do_convert_rgb")


@dataclass(frozen=True)
class Processor:
    """What the processor was told.

    Attributes:
        shortest_edge: pixels of the shortest edge after resizing.
        crop_size: height and width in pixels of the middle that is kept.
        mean: subtracted a channel, after rescaling.
        std: what each channel is divided by.
        rescale: factor on the numbers 0..255.
    """

    shortest_edge: int
    crop_size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rescale: float


def read_processor(meta: Any) -> Processor:
    """Read the ``processor`` of a ``meta.json``.

    Raises:
        CaseError: a number is missing or unusable, or a step is left out or made in another way than CLIP's.
    """
    try:
        values = meta["processor"]
        _refuse_other_steps(values)
        is_plain = not values.get("do_normalize", True)
        processor = Processor(
            _edge(values["size"]),
            _extent(values["crop_size"]),
            (0.0,) * 3 if is_plain else _channels(values["image_mean"]),
            (1.0,) * 3 if is_plain else _channels(values["image_std"]),
            float(values.get("rescale_factor", 1 / 255)) if values.get("do_rescale", True) else 1.0,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CaseError(f"meta.json lacks or garbles {error}") from error
    sizes = (processor.shortest_edge, *processor.crop_size, processor.rescale, *map(abs, processor.std))
    if not min(sizes) > 0:
        raise CaseError("meta.json has a size, a scale or a deviation that is not above 0")
    return processor


def _refuse_other_steps(values: Any) -> None:
    missing = [step for step in STEPS if not values.get(step, True)]
    if missing:
        raise CaseError(f"meta.json describes a processor without {missing[0]}, which is not computed")
    if values.get("resample", BICUBIC) != BICUBIC:
        raise CaseError(f"meta.json asks for resampling {values['resample']}; only bicubic (3) is computed")


def _edge(size: Any) -> int:
    return int(size["shortest_edge"]) if isinstance(size, dict) else int(size)


def _extent(size: Any) -> tuple[int, int]:
    return (int(size["height"]), int(size["width"])) if isinstance(size, dict) else (int(size), int(size))


def _channels(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != 3:
        raise ValueError(f"{len(numbers)} channels")
    return numbers
