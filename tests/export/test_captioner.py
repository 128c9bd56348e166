"""The serving captioner over an imported bundle gives the captions that the original gave."""

import dataclasses
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from inference.caption_bundle import CaptionBundle, load_caption_bundle
from inference.caption_decoder import CaptionDecoder
from inference.captioner import Captioner, first_sentence, pick_frames
from inference.errors import BundleError
from tests.export import importable
from tests.export.test_import_clipcap import imported

FIXTURES = importable.fixtures()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> CaptionBundle:
    folder = imported("mlp", tmp_path_factory.mktemp("captioner"), "--precision", "float32")
    return load_caption_bundle(folder)


def changed(bundle: CaptionBundle, **numbers: Any) -> CaptionBundle:
    decoder = msgspec.structs.replace(bundle.spec.decoder, **numbers)
    return dataclasses.replace(bundle, spec=msgspec.structs.replace(bundle.spec, decoder=decoder))


def recorded() -> tuple[np.ndarray, list[tuple[int, list[dict[str, Any]]]]]:
    """Return the prefixes, and the runs of the original by stop token."""
    folder = FIXTURES / "clipcap" / "mlp"
    runs = sorted(
        json.loads((folder / "generate.json").read_text())["runs"], key=lambda run: run["stop_token"]
    )
    with np.load(folder / "io.npz") as golden:
        return golden["prefix"], [
            (stop, list(of)) for stop, of in groupby(runs, lambda run: run["stop_token"])
        ]


def test_a_batch_gets_the_ids_of_the_original(bundle: CaptionBundle) -> None:
    prefixes, by_stop = recorded()
    compared = 0
    for stop, runs in by_stop:
        decoder = CaptionDecoder(changed(bundle, stop_id=stop, max_tokens=20))
        rows = prefixes[[run["prefix_index"] for run in runs]]
        for run, caption in zip(runs, decoder.greedy(rows, 20), strict=True):
            assert caption.ids == run["greedy"]
        for size in (3, 5):
            for run, found in zip(runs, decoder.beam(rows, size, 20), strict=True):
                assert [caption.ids for caption in found] == [
                    ids[:length]
                    for ids, length in zip(run[f"beam{size}"], run[f"beam{size}_lengths"], strict=True)
                ]
                np.testing.assert_allclose(
                    [caption.mean_log_probability for caption in found],
                    run[f"beam{size}_mean_logprob"],
                    atol=1e-4,
                )
                compared += 1
    assert compared == 36


def test_pictures_become_one_sentence_each(bundle: CaptionBundle) -> None:
    captioner = Captioner(bundle)
    animations = [[Image.new("RGBA", (40, 30), (n * 60, 90, 200, 255))] * (n + 1) for n in range(4)]
    together = captioner.describe_many(animations, max_tokens=8)
    assert len(together) == 4
    assert together == [captioner.describe(frames, max_tokens=8) for frames in animations]
    for caption in together:
        assert caption == first_sentence(caption)
    prefix = captioner.encode(animations[0])
    assert prefix.shape == (bundle.spec.decoder.prefix_size,)
    assert len(captioner.decode(prefix[None], max_tokens=1)[0].ids) == 1
    assert len(captioner.decode(prefix[None], beam_size=3, max_tokens=5)[0].ids) <= 5


def test_what_is_too_unlikely_is_not_said(bundle: CaptionBundle) -> None:
    captioner = Captioner(bundle)
    pictures = [[Image.new("RGB", (40, 30), (n * 60, 90, 200))] for n in range(4)]
    frames = next(frames for frames in pictures if captioner.describe(frames, max_tokens=8))
    (caption,) = captioner.decode(captioner.encode(frames)[None], max_tokens=8)
    for shift, is_said in ((-1e-6, True), (1e-6, False)):
        least = caption.mean_log_probability + shift
        strict = Captioner(changed(bundle, least_log_probability=least))
        assert bool(strict.describe(frames, max_tokens=8)) is is_said


def test_of_an_animation_the_middle_is_looked_at() -> None:
    frames = [Image.new("L", (1, 1), n) for n in range(5)]
    assert [frame.getpixel((0, 0)) for frame in pick_frames(frames, 1)] == [2]
    assert [frame.getpixel((0, 0)) for frame in pick_frames(frames, 2)] == [1, 3]
    assert [frame.getpixel((0, 0)) for frame in pick_frames(frames[:1], 2)] == [0, 0]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (" A cat\n dances. It is late.", "A cat dances."),
        ("No way! Really?", "No way!"),
        ("a torn \N{REPLACEMENT CHARACTER} end", "a torn end"),
        ("", ""),
    ],
)
def test_only_the_first_sentence_counts(said: str, wanted: str) -> None:
    assert first_sentence(said) == wanted


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"n_head": 5}, "do not share"),
        ({"stop_id": 300}, "is none of 300 tokens"),
        ({"prefix_length": 64}, "leaves no room"),
        ({"prefix_size": 23}, "instead of 23"),
        ({"n_layer": 3}, "has no past_key_2"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_by_name(
    bundle: CaptionBundle, numbers: dict[str, int], words: str
) -> None:
    with pytest.raises(BundleError, match=words):
        CaptionDecoder(changed(bundle, **numbers))


def test_a_tokenizer_that_is_none_is_refused(bundle: CaptionBundle, tmp_path: Path) -> None:
    for file in bundle.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / bundle.spec.tokenizer).write_text("{}")
    with pytest.raises(BundleError, match="tokenizer"):
        Captioner(dataclasses.replace(bundle, folder=tmp_path))
