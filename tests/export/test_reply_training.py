"""The recipe clip-reply from files to a checkpoint: it learns, can go on, and is read by the import."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from export.__main__ import build_app
from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import parameter_arrays, read_arrays, write_arrays
from export.importing.hybrid import load_hybrid
from export.importing.sources import open_source
from export.importing.tokenizer import read_tokenizer
from export.pictures import Pixels
from export.recipes.clip_reply import SMOKE
from export.reply_batches import Corpus, split, texts_of
from export.reply_data import read_pairs
from export.reply_frames import decode_gifs, find_gifs
from export.reply_scores import recalls
from export.reply_smoke import EDGE, WORDS, made_up
from export.reply_stage import corpus_of, fit
from export.reply_towers import join_towers, open_start
from tests.export import importable, tiny_hybrid
from tests.export.tiny_clipcap import quick_compilation

Arrays = dict[str, Any]


def run(*arguments: str) -> Any:
    with quick_compilation():
        return CliRunner().invoke(build_app(list(arguments)), list(arguments))


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train two towers by the command; return the folder of the run."""
    return trained(tmp_path_factory.mktemp("joined"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fine-tune a whole CLIP by the command; return the folder of the run."""
    return trained(tmp_path_factory.mktemp("plain"), "--clip", "made-up")


def trained(out: Path, *options: str) -> Path:
    result = run("train", "clip-reply", "--smoke", *options, "--out", str(out))
    assert result.exit_code == 0, result.output
    return out


def assert_learned(out: Path) -> None:
    scores = json.loads((out / "scores.json").read_text())
    before, after = scores["before"], scores["after"]
    assert after["loss"] < 0.75 * before["loss"]
    assert after["recall"]["@1"] >= 3 * after["chance"]["@1"]
    assert after["gifs"] >= 10
    assert len(scores["losses"]) == SMOKE.epochs


def test_two_towers_learn(joined: Path) -> None:
    assert_learned(joined)


def test_the_same_command_goes_on_from_the_last_checkpoint(joined: Path) -> None:
    scores = json.loads((joined / "scores.json").read_text())
    model = read_arrays(joined / "model" / "flax_model.msgpack")
    trained(joined)  # nothing is left to do: weights and what was noted come from the folder
    again = json.loads((joined / "scores.json").read_text())
    assert again.pop("after")["loss"] == pytest.approx(scores.pop("after")["loss"])
    assert again == scores
    found = read_arrays(joined / "model" / "flax_model.msgpack")
    assert all(np.array_equal(found[name], array) for name, array in model.items())


class Flaky:
    """Frames on a disk that fails once, when a batch is read for the so-and-so-manieth time."""

    def __init__(self, pixels: Pixels, fails_at: int) -> None:
        self.pixels, self.left = pixels, fails_at

    def __getitem__(self, rows: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise OSError(5, "Input/output error")
        return self.pixels[rows]


def test_a_run_that_stops_in_the_middle_ends_as_if_it_had_not(joined: Path, tmp_path: Path) -> None:
    recipe, folder = made_up(SMOKE, joined / "made-up")
    pairs = read_pairs(folder)
    gifs = find_gifs(pairs)
    pixels = decode_gifs(gifs, joined, frames=recipe.frames, size=EDGE).pixels
    parts = split(pairs, gifs, share=recipe.eval_share, batch=recipe.batch, seed=recipe.seed)
    flaky: Any = Flaky(pixels, fails_at=40)
    with quick_compilation():
        start = open_start(recipe)
        corpus = corpus_of(recipe, start, pairs, gifs, flaky)
        with pytest.raises(OSError, match="Input/output error"):
            fit(start.model, recipe, corpus, parts, tmp_path, "same")
        start = open_start(recipe)
        scores = fit(start.model, recipe, corpus, parts, tmp_path, "same")
    uncut = json.loads((joined / "scores.json").read_text())
    assert (scores["steps"], scores["losses"]) == (uncut["steps"], uncut["losses"])
    wanted = read_arrays(joined / "model" / "flax_model.msgpack")
    found = parameter_arrays(start.model)
    assert all(np.array_equal(found[name], array) for name, array in wanted.items())


def test_a_folder_of_another_recipe_is_not_gone_on_with(joined: Path) -> None:
    result = run("train", "clip-reply", "--smoke", "--epochs", "3", "--out", str(joined))
    assert result.exit_code == 2
    assert "another recipe" in result.output


def test_the_written_checkpoint_is_read_by_the_import(joined: Path) -> None:
    source = open_source(str(joined / "model"), needed="")
    found = parameter_arrays(load_hybrid(source))
    written = read_arrays(joined / "model" / "flax_model.msgpack")
    assert all(np.array_equal(found[name], array) for name, array in written.items())
    assert (
        read_tokenizer(source.folder, vocabulary=len(WORDS)).encode("red over blue").ids[-1] == len(WORDS) - 1
    )


def test_a_plain_clip_learns_and_is_written_as_one(plain: Path) -> None:
    assert_learned(plain)
    assert json.loads((plain / "model" / "config.json").read_text())["model_type"] == "clip"
    written = read_arrays(plain / "model" / "flax_model.msgpack")
    found = parameter_arrays(load_hybrid(open_source(str(plain / "model"), needed="")))
    name = "embeddings/class_embedding"
    np.testing.assert_array_equal(found[f"vision_model/vision_model/{name}"], written[f"vision_model/{name}"])


def rename(folder: Path, change: Callable[[Arrays], Arrays]) -> None:
    """Turn the weights of a made-up tower into those of a PyTorch file."""
    path = folder / "flax_model.msgpack"
    arrays = importable.as_torch(read_arrays(path))
    path.unlink()
    save_file(change(arrays), folder / "model.safetensors")


def as_classifier(arrays: Arrays) -> Arrays:
    """Name a tower as a model does that was trained further and lost its pooler on the way."""
    arrays = {name: array for name, array in arrays.items() if not name.startswith(("pooler", "text_model"))}
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): array for name, array in arrays.items()}
    return {f"roberta.{name}": array for name, array in old.items()} | {"classifier.out.bias": np.zeros(3)}


def as_image_classifier(arrays: Arrays) -> Arrays:
    """Name a ViT as the published ones are."""
    named = {f"vit.{name}": array for name, array in arrays.items() if not name.startswith("text_model")}
    return named | {"classifier.bias": np.zeros(3)}


def test_towers_are_taken_out_of_models_that_were_trained_further(tmp_path: Path) -> None:
    recipe, _ = made_up(SMOKE, tmp_path)
    wanted = read_arrays(tmp_path / "text" / "flax_model.msgpack")
    rename(tmp_path / "text", as_classifier)
    told: list[str] = []
    text, vision = (open_source(path, needed="") for path in (recipe.text, recipe.vision))
    model = join_towers(text, vision, seed=0, tell=told.append).model
    name = "embeddings/word_embeddings/embedding"
    np.testing.assert_array_equal(model.text_model.embeddings.word.embedding[...], wanted[name])  # type: ignore[union-attr]
    assert told == ["text has no pooler: it is learned from scratch."]
    assert float(jnp.std(model.text_model.pooler.kernel[...])) == pytest.approx(0.02, rel=0.2)  # type: ignore[union-attr]
    assert float(model.logit_scale[...]) == 1.0


def test_a_plain_vit_is_a_vision_tower_at_another_size_too(tmp_path: Path) -> None:
    recipe, _ = made_up(SMOKE, tmp_path)
    other = tiny_hybrid.model(tiny_hybrid.other_config())
    arrays = {n: a for n, a in parameter_arrays(other).items() if n.startswith("vision_model/")}
    tower = {name.removeprefix("vision_model/"): array for name, array in arrays.items()}
    write_arrays(tmp_path / "vision" / "flax_model.msgpack", tower)
    rename(tmp_path / "vision", as_image_classifier)
    config = {"model_type": "vit", **asdict(other.config.vision)}
    (tmp_path / "vision" / "config.json").write_text(json.dumps(config))
    model = open_start(replace(recipe, image_size=24)).model
    assert (model.config.vision.image_size, model.config.projection_dim) == (24, 512)
    found = parameter_arrays(model)
    for name in ("layernorm/scale", "embeddings/patch_embeddings/projection/kernel", "embeddings/cls_token"):
        np.testing.assert_array_equal(found[f"vision_model/{name}"], tower[name])


def test_a_text_tower_of_another_kind_is_refused(tmp_path: Path) -> None:
    recipe, _ = made_up(SMOKE, tmp_path)
    with pytest.raises(
        CheckpointError, match="is a 'clip_vision_model', the text tower must be one of bert, roberta"
    ):
        open_start(replace(recipe, text=recipe.vision))
    with pytest.raises(CheckpointError, match="no plain CLIP"):
        open_start(replace(recipe, clip=recipe.vision))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "or --smoke"),
        (("--smoke", "data"), "or --smoke"),
        (("--smoke", "--text", "a/b"), "a trial makes its own towers"),
        (("data", "--clip", "a/b", "--text", "c/d"), "both towers"),
    ],
)
def test_the_command_says_what_it_wants(arguments: tuple[str, ...], message: str) -> None:
    result = run("train", "clip-reply", *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_texts_are_cut_and_padded_to_few_lengths() -> None:
    tokens = [[5] * length for length in (3, 40, 33)]
    corpus = Corpus(tokens, np.zeros(3, np.int32), np.zeros((1, 1, 2, 2, 3), np.uint8), 1, 48)
    assert texts_of(corpus, np.array([0]))[0].tolist() == [[5] * 3 + [1] * 29]
    ids, mask = texts_of(corpus, np.arange(3))
    assert ids.shape == (3, 48)
    assert mask.sum(1).tolist() == [3, 40, 33]


def test_a_tie_is_no_hit() -> None:
    cosines = np.array([[0.9, 0.1], [0.5, 0.5]], np.float32)
    assert recalls(cosines, np.array([0, 1]))["@1"] == 0.5
