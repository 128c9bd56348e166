"""The parity command: it accepts what the originals recorded, and it refuses what differs."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.checkpoints.msgpack import read_arrays
from export.parity.command import run
from export.parity.training import compare_trained, fitted_schedule
from tests.export import tiny_clipcap, tiny_hybrid

SHARED = Path(os.environ.get("REPARTEE_SHARED", Path(__file__).parents[3] / "shared")) / "fixtures"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(),
    reason="the originals' recorded outputs are not here (REPARTEE_SHARED names their folder)",
)


def checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = run(folder)
    return code, json.loads(capsys.readouterr().out)


@needs_shared
@pytest.mark.parametrize("name", ["hybrid_clip", "preprocess"])
def test_what_the_originals_recorded_is_recomputed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, result = checked(SHARED / name, capsys)
    wrong = {
        f"{case['case']}: {output}": comparison
        for case in result["cases"]
        for output, comparison in case["outputs"].items()
        if not comparison["ok"]
    }
    assert wrong == {}
    assert [error for case in result["cases"] for error in case["errors"]] == []
    assert code == 0


@needs_shared
def test_every_recorded_array_of_a_case_is_compared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(SHARED / "hybrid_clip" / "roberta_clip_from_pretrained", tmp_path / "case")
    _, result = checked(tmp_path / "case", capsys)
    recorded = {
        n for n in np.load(tmp_path / "case" / "io.npz").files if n.startswith(("default/", "offset/"))
    }
    assert recorded <= result["cases"][0]["outputs"].keys()
    assert len(recorded) == 20


OTHER_SIZES = Path(__file__).with_name("data") / "other_sizes"


def test_an_independent_implementation_of_other_sizes_is_recomputed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, result = checked(OTHER_SIZES, capsys)
    outputs = result["cases"][0]["outputs"]
    recorded = {name for name in np.load(OTHER_SIZES / "io.npz").files if name.startswith("default/")}
    assert len(recorded) == 10
    assert outputs.keys() == recorded | {"parameters", "param_tree"}
    assert (code, [name for name, found in outputs.items() if not found["ok"]]) == (0, [])


@pytest.mark.parametrize(
    ("parameter", "side"),
    [
        ("text_model/encoder/layer/2/attention/self/query/kernel", "text"),
        ("text_model/embeddings/position_embeddings/embedding", "text"),
        ("vision_model/vision_model/pre_layrnorm/scale", "image"),
        ("vision_model/vision_model/encoder/layers/1/mlp/fc2/bias", "image"),
    ],
)
def test_one_changed_parameter_of_it_is_found(
    parameter: str, side: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(OTHER_SIZES, tmp_path / "case")
    arrays = read_arrays(OTHER_SIZES / "flax_model.msgpack")
    changed = arrays[parameter].copy()
    changed[(1,) * changed.ndim] += np.float32(0.01)
    tiny_hybrid.rewrite_parameters(tmp_path / "case", {**arrays, parameter: changed})
    code, result = checked(tmp_path / "case", capsys)
    outputs = result["cases"][0]["outputs"]
    other = {"text": "image", "image": "text"}[side]
    assert code == 1
    assert not outputs[f"default/{side}_embeds"]["ok"]
    assert outputs[f"default/{other}_embeds"]["ok"]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_hybrid.record_case(tmp_path_factory.mktemp("cases") / "other", tiny_hybrid.other_config())


@pytest.fixture
def copy(case: Path, tmp_path: Path) -> Path:
    shutil.copytree(case, tmp_path / "case")
    return tmp_path / "case"


def test_a_case_of_other_sizes_agrees(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, result = checked(case, capsys)
    assert code == 0
    assert {"default/logits_per_image", "no_mask/text_embeds", "offset/text_last_hidden_state"} <= result[
        "cases"
    ][0]["outputs"].keys()


def test_one_changed_parameter_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = read_arrays(copy / "flax_model.msgpack")
    arrays["text_model/pooler/dense/bias"] = arrays["text_model/pooler/dense/bias"] + np.float32(1e-3)
    tiny_hybrid.rewrite_parameters(copy, arrays)
    code, result = checked(copy, capsys)
    outputs = result["cases"][0]["outputs"]
    assert code == 1
    assert not outputs["default/text_embeds"]["ok"]
    assert outputs["default/text_embeds"]["max_abs_diff"] > 1e-5
    assert outputs["default/image_features"]["ok"]


def test_one_changed_output_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(copy / "io.npz") as stored:
        arrays = dict(stored)
    arrays["offset/text_embeds"][0, 0] += 1e-4
    np.savez(copy / "io.npz", **arrays)
    code, result = checked(copy, capsys)
    wrong = [name for name, found in result["cases"][0]["outputs"].items() if not found["ok"]]
    assert (code, wrong) == (1, ["offset/text_embeds"])


def test_an_output_that_is_not_a_number_or_not_known_fails(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(copy / "io.npz") as stored:
        arrays = dict(stored)
    arrays["default/text_embeds"][0, 0] = np.nan
    arrays["default/sparkle"] = np.zeros(2)
    arrays["default/image_features"] = arrays["default/image_features"][:2]
    np.savez(copy / "io.npz", **arrays)
    code, result = checked(copy, capsys)
    outputs = result["cases"][0]["outputs"]
    assert code == 1
    assert "finite" in outputs["default/text_embeds"]["message"]
    assert "sparkle" in outputs["default/sparkle"]["message"]
    assert "shape" in outputs["default/image_features"]["message"]


@pytest.mark.parametrize("name", ["config.json", "flax_model.msgpack", "io.npz"])
@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_a_missing_or_damaged_file_fails_its_case(
    copy: Path, name: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (copy / name).read_bytes()
    (copy / name).unlink() if damage == "missing" else (copy / name).write_bytes(content[: len(content) // 2])
    code, result = checked(copy.parent, capsys)
    assert code == 1
    assert name in result["cases"][0]["errors"][0]


def test_a_training_run_without_its_numbers_fails(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "train.json").write_text('{"wd0": {"losses": [1.0, 0.5]}}')
    code, result = checked(copy, capsys)
    assert code == 1
    assert "train.json" in result["cases"][0]["errors"][0]


def test_a_folder_that_is_no_case_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert run(tmp_path) == 2
    assert run(tmp_path / "absent") == 2
    assert run(tmp_path / "notes.txt") == 2
    sentences = capsys.readouterr().err.splitlines()
    assert ["no recorded case" in sentences[0], "does not exist" in sentences[1]] == [True, True]
    assert "not a folder" in sentences[2]


def test_an_empty_folder_among_cases_fails(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy.parent / "emptied").mkdir()
    code, result = checked(copy.parent, capsys)
    assert code == 1
    assert [case["ok"] for case in result["cases"]] == [True, False]


def test_records_that_are_not_there_are_named(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that was left out may look as if it had been compared."""
    code, result = checked(case, capsys)
    assert (code, result["cases"][0]["skipped"]) == (0, ["train.json"])


@needs_shared
def test_a_captioner_without_captions_and_training_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left_out = shutil.ignore_patterns("generate.json", "train.json", "param_tree.json")
    shutil.copytree(SHARED / "clipcap" / "mlp", tmp_path / "case", ignore=left_out)
    with tiny_clipcap.quick_compilation():
        code, result = checked(tmp_path / "case", capsys)
    assert (code, result["cases"][0]["ok"]) == (0, True)
    assert result["cases"][0]["skipped"] == ["param_tree.json", "generate.json", "train.json"]


@pytest.mark.parametrize(
    "rates",
    [[1e-3] * 3, [0.0, 5e-4, 1e-3, 8.75e-4, 7.5e-4], [1e-2, 5e-3, 0.0, 0.0], [0.0, 1e-5, 2e-5], [0.0]],
)
def test_recorded_rates_give_their_schedule_back(rates: list[float]) -> None:
    schedule = fitted_schedule(rates)
    assert [float(schedule(step)) for step in range(len(rates))] == pytest.approx(rates, rel=1e-6, abs=1e-12)


def test_rates_of_another_form_are_not_fitted() -> None:
    rates = [1e-3, 8e-4, 7e-4, 2e-4]
    schedule = fitted_schedule(rates)
    assert [float(schedule(step)) for step in range(4)] != pytest.approx(rates, rel=1e-3)


def test_trained_parameters_may_stray_a_little_in_a_few_elements_but_not_in_key_biases_names() -> None:
    recorded = {"a/kernel": np.zeros(10_000, np.float32), "a/key/bias": np.zeros(4, np.float32)}
    few = {"a/kernel": recorded["a/kernel"].copy(), "a/key/bias": np.ones(4, np.float32)}
    few["a/kernel"][:5] = 2e-3
    many = {**few, "a/kernel": few["a/kernel"].copy()}
    many["a/kernel"][:50] = 1e-4
    far = {**few, "a/kernel": few["a/kernel"].copy()}
    far["a/kernel"][0] = 1e-2
    assert [compare_trained(found, recorded).ok for found in (few, many, far)] == [True, False, False]
    assert not compare_trained({"a/kernel": recorded["a/kernel"]}, recorded).ok


def recorded_pictures(folder: Path, settings: dict[str, Any]) -> Path:
    """Write a preprocessing case of an own small computation: odd sizes, other numbers, troublesome names."""
    random = np.random.default_rng(7)
    (folder / "images").mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"processor": settings}))
    edge, (high, wide) = settings["size"]["shortest_edge"], settings["crop_size"].values()
    recorded: dict[str, Any] = {}
    for name, shape in {"a": (50, 31), "a.b": (33, 90), "x[1]*?": (24, 24)}.items():
        picture = Image.fromarray(random.integers(0, 256, (*shape, 3), np.uint8))
        picture.save(folder / "images" / f"{name}.png")
        factor = edge / min(shape)
        size = int(shape[1] * factor), int(shape[0] * factor)
        resized = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
        left, top = (size[0] - wide) // 2, (size[1] - high) // 2
        cut = resized[top : top + high, left : left + wide].transpose(2, 0, 1)
        mean, std = (
            np.reshape(settings[f"image_{what}"], (3, 1, 1)).astype(np.float32) for what in ("mean", "std")
        )
        scaled = (cut.astype(np.float64) * settings["rescale_factor"]).astype(np.float32)
        recorded |= {f"{name}/uint8": cut, f"{name}/pixel_values": (scaled - mean) / std}
    np.savez(folder / "modern.npz", **recorded)
    return folder


OTHER_PROCESSOR: dict[str, Any] = {
    "size": {"shortest_edge": 24},
    "crop_size": {"height": 17, "width": 20},
    "rescale_factor": 1 / 127.5,
    "image_mean": [1.0, 0.5, 0.25],
    "image_std": [0.5, 1.0, 0.3],
}


def test_a_processor_of_other_sizes_and_numbers_is_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = checked(recorded_pictures(tmp_path / "case", OTHER_PROCESSOR), capsys)
    outputs = result["cases"][0]["outputs"]
    names = {"a", "a.b", "x[1]*?"}
    assert outputs.keys() == {f"modern/{n}/{what}" for n in names for what in ("uint8", "pixel_values")}
    assert (code, [name for name, found in outputs.items() if not found["ok"]]) == (0, [])


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"rescale_factor": 1 / 255}, {"pixel_values"}),
        ({"image_mean": [1.0, 0.5, 0.26]}, {"pixel_values"}),
        ({"image_std": [0.5, 1.0, 0.31]}, {"pixel_values"}),
        ({"size": {"shortest_edge": 25}}, {"pixel_values", "uint8"}),
        ({"crop_size": {"height": 20, "width": 17}}, {"pixel_values", "uint8"}),
    ],
)
def test_every_number_of_a_processor_counts(
    changes: dict[str, Any], wrong: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recorded_pictures(tmp_path / "case", OTHER_PROCESSOR)
    (folder / "meta.json").write_text(json.dumps({"processor": OTHER_PROCESSOR | changes}))
    code, result = checked(folder, capsys)
    failed = {
        name.rpartition("/")[2] for name, found in result["cases"][0]["outputs"].items() if not found["ok"]
    }
    assert (code, failed) == (1, wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"do_center_crop": False}, "do_center_crop"),
        ({"resample": 2}, "bicubic"),
        ({"rescale_factor": 0}, "not above 0"),
        ({"image_mean": [0.5]}, "channels"),
        ({"size": {"height": 24}}, "shortest_edge"),
    ],
)
def test_a_processor_that_is_not_computed_is_named(
    changes: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recorded_pictures(tmp_path / "case", OTHER_PROCESSOR)
    (folder / "meta.json").write_text(json.dumps({"processor": OTHER_PROCESSOR | changes}))
    code, result = checked(folder, capsys)
    assert code == 1
    assert message in result["cases"][0]["errors"][0]


def test_a_picture_is_not_taken_for_one_whose_name_begins_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recorded_pictures(tmp_path / "case", OTHER_PROCESSOR)
    (folder / "images" / "a.png").unlink()
    _, result = checked(folder, capsys)
    outputs = result["cases"][0]["outputs"]
    assert outputs["modern/a/uint8"]["message"] == "images/a is missing"
    assert outputs["modern/a.b/uint8"]["ok"]
