"""ClipCap: what the original recorded is recomputed, its files load, and what differs is refused by name."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flax import nnx

from export.checkpoints.clipcap import (
    build_clipcap,
    infer_config,
    load_clipcap,
    load_clipcap_folder,
    published_shapes,
    published_state,
    save_clipcap,
)
from export.checkpoints.errors import CheckpointError
from export.models.clipcap import ClipCap, ClipCapConfig
from export.models.config import ConfigError
from export.models.gpt2 import GPT2Config
from export.parity.command import run
from tests.export import tiny_clipcap
from tests.export.tiny_clipcap import KINDS, RECORDED, needs_recorded

call: Any = nnx.jit(ClipCap.__call__)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with tiny_clipcap.quick_compilation():
        yield


def checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = run(folder)
    return code, json.loads(capsys.readouterr().out)


@needs_recorded
def test_everything_the_original_recorded_is_recomputed(capsys: pytest.CaptureFixture[str]) -> None:
    code, result = checked(RECORDED, capsys)
    cases = {case["case"]: case for case in result["cases"]}
    wrong = {f"{n}: {o}" for n, case in cases.items() for o, c in case["outputs"].items() if not c["ok"]}
    assert (wrong, [case["errors"] for case in cases.values()], code) == (set(), [[], [], []], 0)
    assert cases["clipcap"]["outputs"].keys() == {"param_tree_full_mlp", "param_tree_full_transformer"}
    for kind in ("mlp", "transformer"):
        outputs = cases[kind]["outputs"]
        assert set(np.load(RECORDED / kind / "io.npz").files) - {"prefix", "tokens", "mask"} <= outputs.keys()
        runs = json.loads((RECORDED / kind / "generate.json").read_text())["runs"]
        recorded = (
            "greedy",
            *(f"beam{n}{what}" for n in (3, 5) for what in ("", "_mean_logprob", "_lengths")),
        )
        assert {f"generate/run{i}/{what}" for i in range(len(runs)) for what in recorded} <= outputs.keys()
        assert {"generate/tokens_prompt/greedy", "generate/beam_temperature_0.7/beam"} <= outputs.keys()
        after = ("losses", "logits_after_first_row")
        assert {f"train/{m}/{w}" for m in ("full", "prefix_only") for w in after} <= outputs.keys()


OTHER = Path(__file__).with_name("data") / "other_captioner"


def test_an_independent_implementation_of_other_sizes_is_recomputed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, result = checked(OTHER, capsys)
    outputs = result["cases"][0]["outputs"]
    assert (code, [name for name, found in outputs.items() if not found["ok"]]) == (0, [])
    assert {"logits", "loss", "generate/run5/greedy", "train/full/losses"} <= outputs.keys()
    assert len(outputs) == 15


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a case of few records: the forward pass and one run of each kind."""
    for name in ("config.json", "state_dict.pt", "io.npz", "param_tree.json"):
        shutil.copy(RECORDED / "mlp" / name, tmp_path / name)
    record = json.loads((RECORDED / "mlp" / "generate.json").read_text())
    few = {"runs": record["runs"][1:2], "extra": {}}
    (tmp_path / "generate.json").write_text(json.dumps(few))
    return tmp_path


@needs_recorded
def test_a_changed_number_and_a_changed_id_are_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = dict(np.load(copy / "io.npz"))
    arrays["logits"][2, 11, 7] += 1e-3
    arrays["sparkle"] = np.zeros(2)
    np.savez(copy / "io.npz", **arrays)
    record = json.loads((copy / "generate.json").read_text())
    record["runs"][0]["beam3"][2][1] += 1
    record["runs"][0]["beam5_lengths"][0] += 1
    (copy / "generate.json").write_text(json.dumps(record))
    code, result = checked(copy, capsys)
    outputs = result["cases"][0]["outputs"]
    wrong = {name for name, comparison in outputs.items() if not comparison["ok"]}
    assert (code, wrong) == (
        1,
        {"logits", "sparkle", "generate/run0/beam3", "generate/run0/beam5_lengths"},
    )


@needs_recorded
@pytest.mark.parametrize("name", ["config.json", "state_dict.pt", "io.npz"])
def test_a_missing_file_fails_its_case_by_name(
    copy: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / name).unlink()
    code, result = checked(copy, capsys)
    assert (code, result["cases"][0]["kind"]) == (1, "clipcap")
    assert name in result["cases"][0]["errors"][0]


@needs_recorded
def test_a_case_is_known_by_its_config_alone(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "state_dict.pt").unlink()
    (copy / "generate.json").unlink()
    assert checked(copy, capsys)[1]["cases"][0]["kind"] == "clipcap"


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_loads_as_it_was(kind: str, tmp_path: Path) -> None:
    config = tiny_clipcap.config(kind)
    made = tiny_clipcap.model(config)
    save_clipcap(made, tmp_path / "model")
    loaded = load_clipcap_folder(tmp_path / "model")
    assert loaded.config == config
    before, after = published_state(made), published_state(loaded)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_told_by_the_arrays(kind: str) -> None:
    config = tiny_clipcap.config(kind, prefix_length=3, gpt2=GPT2Config(40, 16, 64, 2, 1))
    told = infer_config(published_state(tiny_clipcap.model(config)))
    assert (told.kind, told.prefix_length, told.prefix_size) == (kind, 3, 7)
    assert (told.gpt2.vocab_size, told.gpt2.n_positions, told.gpt2.n_layer, told.gpt2.n_head) == (
        40,
        16,
        2,
        1,
    )
    if kind == "transformer":
        assert (told.clip_length, told.mapper_layers) == (2, 2)


def test_a_width_that_tells_no_heads_is_refused_unless_they_are_given() -> None:
    state = published_state(tiny_clipcap.model(tiny_clipcap.config()))
    with pytest.raises(CheckpointError, match="number of attention heads"):
        infer_config(state)
    assert infer_config(state, heads=3).gpt2.head_dim == 8


def test_masks_and_the_second_head_may_be_there_or_not() -> None:
    config = tiny_clipcap.config()
    state = published_state(tiny_clipcap.model(config))
    older = {
        **state,
        "gpt.lm_head.weight": state["gpt.transformer.wte.weight"],
        "gpt.transformer.h.0.attn.bias": np.ones((1, 1, 24, 24), np.uint8),
        "gpt.transformer.h.0.attn.masked_bias": np.asarray(-1e4, np.float32),
    }
    plain, full = load_clipcap(state, config)[1], load_clipcap(older, config)[1]
    assert plain.keys() == full.keys()
    assert build_clipcap(config, full).config == config


def test_a_second_head_that_is_another_matrix_is_refused() -> None:
    state = published_state(tiny_clipcap.model(tiny_clipcap.config()))
    state["gpt.lm_head.weight"] = state["gpt.transformer.wte.weight"] + 1
    with pytest.raises(CheckpointError, match="differs from"):
        load_clipcap(state, tiny_clipcap.config())


def test_missing_unknown_and_misshapen_parameters_are_listed_by_their_own_names() -> None:
    config = tiny_clipcap.config()
    state = published_state(tiny_clipcap.model(config))
    del state["gpt.transformer.h.1.attn.c_attn.bias"]
    state["gpt.transformer.h.2.ln_1.weight"] = np.ones(24, np.float32)
    state["clip_project.model.0.weight"] = state["clip_project.model.0.weight"].T
    with pytest.raises(CheckpointError) as caught:
        load_clipcap(state, config)
    message = str(caught.value)
    assert "1 missing (gpt.transformer.h.1.attn.c_attn.bias)" in message
    assert "1 unknown (gpt.transformer.h.2.ln_1.weight)" in message
    assert "1 of the wrong shape (clip_project.model.0.weight (7, 60) instead of (60, 7))" in message


def test_the_full_size_has_the_published_number_of_parameters() -> None:
    counts = {
        kind: sum(int(np.prod(shape)) for shape in published_shapes(config).values())
        for kind, config in {
            "mlp": ClipCapConfig(),
            "transformer": ClipCapConfig("transformer", prefix_length=40, prefix_size=640, clip_length=40),
        }.items()
    }
    assert counts == {"mlp": 155_908_608, "transformer": 181_959_936}


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_is_mapped_by_itself(kind: str) -> None:
    config = tiny_clipcap.config(kind)
    made = tiny_clipcap.model(config)
    vectors, ids = tiny_clipcap.prefixes(config, 2), tiny_clipcap.texts(config, 2, 3)
    both = call(made, ids, vectors)
    assert both.shape == (2, 8, 50)
    np.testing.assert_allclose(call(made, ids[::-1], vectors[::-1])[::-1], both, atol=2e-5)
    assert np.abs(np.asarray(call(made, ids, vectors[::-1])) - np.asarray(both)).max() > 1e-2


def test_configs_survive_the_way_through_a_dictionary() -> None:
    for kind in KINDS:
        assert ClipCapConfig.from_dict(json.loads(json.dumps(tiny_clipcap.config(kind).to_dict()))) == (
            tiny_clipcap.config(kind)
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mapping_type": "magic"}, "mapper 'magic' is unknown"),
        ({"prefix_length": 0}, "prefix_length"),
        ({"prefix_length": 30}, "leaves no position"),
        ({"gpt2": 3}, "instead of named sizes"),
        ({"mapping_type": "transformer", "transformer_mapper_heads": 7}, "not a multiple of 7"),
    ],
)
def test_an_unusable_config_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ClipCapConfig.from_dict({**tiny_clipcap.config().to_dict(), **changes})
