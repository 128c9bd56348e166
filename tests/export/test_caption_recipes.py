"""Both recipes of ClipCap on made-up pictures: they learn, go on after a kill, and become a captioner."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from export.__main__ import build_app
from export.caption_data import Captions
from export.caption_fit import Learner
from export.caption_prefixes import picture_vectors, vectors_file
from export.caption_recipe import CaptionRecipe
from export.caption_stage import (
    Material,
    gather,
    hold_out,
    import_command,
    prepare,
    readable,
    scaled,
    train_captioner,
)
from export.caption_start import clip_width, load_gpt2
from export.captions import greedy, next_logits
from export.checkpoints.clipcap import load_clipcap_folder, published_state
from export.checkpoints.errors import CheckpointError
from export.data.reactions import DataError
from export.importing.clip_vision import ClipImage, load_clip_image
from export.importing.sources import open_source, weights_file
from export.recipes import clipcap_mlp, clipcap_transformer
from export.training import ResumeError
from tests.export import tiny_clipcap

GPT2 = "gpt.transformer."


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with tiny_clipcap.quick_compilation():
        yield


def smoke(name: str, folder: Path) -> list[float]:
    """Run the command's trial and return the losses of its epochs."""
    arguments = ["train", name, "--smoke", "--out", str(folder)]
    result = CliRunner().invoke(build_app(arguments), arguments)
    assert result.exit_code == 0, result.output
    assert f"import clipcap {folder / 'model'}" in result.stdout
    return [epoch["loss"] for epoch in json.loads((folder / "scores.json").read_text())["epochs"]]


@pytest.fixture(scope="module")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """Return folder and losses of a trial of the recipe that trains GPT-2 too."""
    folder = tmp_path_factory.mktemp("mlp")
    return folder, smoke("clipcap-mlp", folder)


def test_mapper_and_language_model_learn(mlp: tuple[Path, list[float]]) -> None:
    folder, losses = mlp
    assert losses[-1] < losses[0] / 3
    before = load_file(folder / "gpt2" / "model.safetensors")
    after = published_state(load_clipcap_folder(folder / "model"))
    assert all(not np.array_equal(array, after[GPT2 + name]) for name, array in before.items())


def test_the_mapper_learns_alone_and_the_language_model_stays(tmp_path: Path) -> None:
    losses = smoke("clipcap-transformer", tmp_path)
    assert losses[-1] < losses[0] * 0.75
    before = load_file(tmp_path / "gpt2" / "model.safetensors")
    after = published_state(load_clipcap_folder(tmp_path / "model"))
    assert {name for name in after if name.startswith(GPT2)} == {GPT2 + name for name in before}
    assert all(np.array_equal(array, after[GPT2 + name]) for name, array in before.items())


def test_the_written_model_says_what_the_run_says_it_says(mlp: tuple[Path, list[float]]) -> None:
    folder, _ = mlp
    scores = json.loads((folder / "scores.json").read_text())
    assert {example["wanted"][0].split()[-1] for example in scores["examples"]} <= {"disc.", "square."}
    assert scores["cider"] > 0
    _, material = material_of(folder)
    model = load_clipcap_folder(folder / "model")
    stop = material.tokenizer.encode(".").ids[0]
    row = [path.name for path in material.captions.pictures].index(scores["examples"][0]["picture"])
    found = greedy(next_logits(model, jnp.asarray(material.vectors[row]), 6), stop, 6)
    assert material.tokenizer.decode(found.ids).strip() == scores["examples"][0]["said"]


class Killed(Learner):
    """A training that ends once in the middle of its third epoch."""

    was_killed = False

    def step(self, rows: np.ndarray, number: int) -> jax.Array:
        if number == 17 and not self.was_killed:
            self.was_killed = True
            raise KeyboardInterrupt
        return super().step(rows, number)


def material_of(folder: Path, name: str = "captions.json") -> tuple[CaptionRecipe, Material]:
    """Return recipe and material of the trial in a folder."""
    recipe = clipcap_mlp.SMOKE.changed({"clip": str(folder / "clip"), "gpt2": str(folder / "gpt2")})
    return recipe, gather(recipe, folder / name, folder / "pictures", folder)


def test_a_run_cut_short_goes_on_and_ends_as_if_nothing_had_been(
    mlp: tuple[Path, list[float]], tmp_path: Path
) -> None:
    folder, losses = mlp
    recipe, material = material_of(folder)
    model, pairs, split, _ = prepare(recipe, material)
    learner = Killed(model, recipe, pairs, split)
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        learner.fit(tmp_path, told.append)
    assert len(told) == 2
    found = learner.fit(tmp_path, told.append)
    assert told[2] == "Going on at step 15 of 72."
    assert [epoch["loss"] for epoch in found["epochs"]] == losses
    wanted = published_state(load_clipcap_folder(folder / "model"))
    for name, array in published_state(model).items():
        np.testing.assert_array_equal(array, wanted[name])


def test_a_run_of_other_data_is_not_gone_on_with(mlp: tuple[Path, list[float]]) -> None:
    folder, _ = mlp
    captions = json.loads((folder / "captions.json").read_text())
    captions["annotations"] = captions["annotations"][:40]
    (folder / "fewer.json").write_text(json.dumps(captions))
    recipe, material = material_of(folder, "fewer.json")
    with pytest.raises(ResumeError, match="other data"):
        train_captioner(recipe, material, folder)


def test_vectors_are_computed_once_and_the_rest_after_a_kill(mlp: tuple[Path, list[float]]) -> None:
    folder, _ = mlp
    recipe, material = material_of(folder)
    pictures, width = material.captions.pictures, material.vectors.shape[1]
    weights = weights_file(material.clip)
    kept = vectors_file(folder, pictures, weights)
    os.utime(pictures[0], (1, 1))  # as a picture of the same size that replaces it may have
    assert vectors_file(folder, pictures, weights) != kept

    def never() -> ClipImage:
        raise AssertionError("nothing is to be computed")

    np.testing.assert_array_equal(picture_vectors(pictures, never, width, kept), material.vectors)
    part = folder / "part.f32"
    part.write_bytes(kept.read_bytes()[: 20 * 4 * width + 5])
    vision = open_source(recipe.clip, needed="")
    found = picture_vectors(pictures, lambda: load_clip_image(vision, width=width), width, part)
    np.testing.assert_allclose(found, material.vectors, atol=1e-5)


def test_what_cannot_be_trained_is_refused_before_the_pictures_are_looked_at(
    mlp: tuple[Path, list[float]], tmp_path: Path
) -> None:
    recipe, _ = material_of(mlp[0])
    places = (mlp[0] / "captions.json", mlp[0] / "pictures", tmp_path)
    with pytest.raises(DataError, match="Patience needs held-out pictures"):
        gather(replace(recipe, patience=2, eval_share=0), *places)
    with pytest.raises(CheckpointError, match="prefix of 32 leaves no position for text"):
        gather(replace(recipe, prefix_length=32), *places)
    assert not list(tmp_path.iterdir())


def test_the_import_that_is_named_takes_the_clip_that_was_used(
    mlp: tuple[Path, list[float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = mlp
    recipe, material = material_of(folder)
    assert f"--clip {folder / 'clip' / 'model.safetensors'} " in import_command(recipe, material, folder)
    started = json.loads((folder / "scores.json").read_text())["started_from"]
    assert started == {"clip": "clip", "gpt2": "gpt2"}
    # the cache has what was fetched of a repository that has a file of the tower alone, too
    commit, name = "0" * 40, "timm/some_clip.openai"
    monkeypatch.setenv("REPARTEE_CACHE", str(tmp_path))
    fetched = tmp_path / "huggingface" / "models--timm--some_clip.openai" / "snapshots" / commit
    fetched.mkdir(parents=True)
    for file in ("model.safetensors", "open_clip_model.safetensors"):
        (fetched / file).touch()
    clip = open_source(name, needed="", revision=commit)
    assert weights_file(clip).name == "open_clip_model.safetensors"
    command = import_command(recipe, material._replace(clip=clip), Path("my runs"))
    assert f"clipcap 'my runs/model' --clip {name} --clip-revision {commit} --out" in command


def captions_of(count: int) -> Captions:
    pictures = tuple(Path(f"{number}.png") for number in range(count))
    rows = np.repeat(np.arange(count, dtype=np.int32), 2)
    return Captions(pictures, rows, tuple(f"Picture {row}." for row in rows))


def test_pictures_are_held_out_with_all_their_captions() -> None:
    captions = captions_of(10)
    split = hold_out(captions, replace(clipcap_mlp.FULL, eval_share=0.3))
    learnt, held_out = (set(captions.rows[rows].tolist()) for rows in split)
    assert (len(learnt), len(held_out), learnt & held_out) == (7, 3, set())
    assert len(hold_out(captions, clipcap_mlp.FULL).held_out) == 2
    assert len(hold_out(captions, replace(clipcap_mlp.FULL, eval_share=0)).held_out) == 0
    with pytest.raises(DataError, match="bring more"):
        hold_out(captions_of(1), clipcap_mlp.FULL)
    with pytest.raises(DataError, match="Patience needs held-out pictures"):
        hold_out(captions, replace(clipcap_mlp.FULL, eval_share=0, patience=2))


def test_captions_of_damaged_pictures_are_left_out(mlp: tuple[Path, list[float]]) -> None:
    _, material = material_of(mlp[0])
    vectors = material.vectors.copy()
    vectors[1] = np.nan
    told: list[str] = []
    found = readable(material._replace(vectors=vectors), told.append)
    assert 1 not in found.rows
    assert len(found.texts) == len(found.rows) == len(material.captions.texts) - 2
    assert told == [f"1 of 32 pictures cannot be read; they are left out, such as {found.pictures[1]}."]
    with pytest.raises(DataError, match="No picture can be read"):
        readable(material._replace(vectors=vectors * np.nan), print)


def test_scaled_vectors_have_length_1() -> None:
    found = scaled(np.array([[3, 4], [0, 0]], np.float32))
    np.testing.assert_allclose(found, np.array([[0.6, 0.8], [0, 0]], np.float32))


@pytest.mark.parametrize("is_flax", [False, True])
def test_gpt2_is_read_in_the_forms_it_is_published_in(
    mlp: tuple[Path, list[float]], tmp_path: Path, is_flax: bool
) -> None:
    source = mlp[0] / "gpt2"
    arrays = load_file(source / "model.safetensors")
    published = {f"transformer.{name}": array for name, array in arrays.items()}
    for name in [name for name in published if re.search(r"\.c_\w+\.weight$", name) and is_flax]:
        # Flax's Conv1D of GPT-2 has its kernel (out, in)
        published[name.replace("weight", "kernel")] = np.ascontiguousarray(published.pop(name).T)
    published["lm_head.weight"] = arrays["wte.weight"]
    published["transformer.h.0.attn.bias"] = np.ones((1, 1, 32, 32), np.uint8)
    save_file(published, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((source / "config.json").read_bytes())
    found, wanted = (load_gpt2(open_source(str(folder), needed="")) for folder in (tmp_path, source))
    for one, other in zip(jax.tree.leaves(nnx.state(found)), jax.tree.leaves(nnx.state(wanted)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_clip_says_itself_how_wide_its_vectors_are(tmp_path: Path) -> None:
    torch = {"visual_projection.weight": np.zeros((512, 3)), "text_projection.weight": np.zeros((512, 2))}
    resnet = {
        "visual.attnpool.c_proj.weight": np.zeros((640, 3)),
        "visual.layer1.0.conv1.weight": np.zeros((8, 1)),
    }
    resnet["visual.attnpool.positional_embedding"] = np.zeros((82, 3))
    openai = {"visual.class_embedding": np.zeros(3)}
    for name, arrays in (("torch", torch), ("resnet", resnet), ("openai", openai)):
        save_file(arrays, tmp_path / f"{name}.safetensors")
    assert clip_width(tmp_path / "torch.safetensors") == 512
    assert clip_width(tmp_path / "resnet.safetensors") == 640
    with pytest.raises(CheckpointError, match="under OpenAI's names"):
        clip_width(tmp_path / "openai.safetensors")


def test_without_captions_the_command_says_what_to_give() -> None:
    arguments = ["train", "clipcap-transformer"]
    result = CliRunner().invoke(build_app(arguments), arguments)
    assert result.exit_code == 2
    assert "give CAPTIONS and PICTURES" in result.output


def test_full_recipes_are_those_of_the_original() -> None:
    small, large = clipcap_mlp.FULL, clipcap_transformer.FULL
    assert (small.mode, small.prefix_length, small.is_unit) == ("full", 10, False)
    assert (large.mode, large.prefix_length, large.clip_length, large.is_unit) == (
        "prefix_only",
        40,
        40,
        True,
    )
    for recipe in (small, large):
        assert (recipe.batch, recipe.epochs, recipe.learning_rate, recipe.warmup_steps) == (
            40,
            10,
            2e-5,
            5000,
        )
        assert recipe.patience is None
