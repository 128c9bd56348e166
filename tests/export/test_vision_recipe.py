"""The vision recipe end to end on made-up pictures, and its parts: views, loss, measurement."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from export.models.efficientnet import EfficientNetConfig
from export.recipes.house_vision import SMOKE
from export.space import CATEGORY_DIM, unit
from export.vision_data import GifFrames, batch_orders
from export.vision_gallery import Gallery
from export.vision_model import Sight, alignment_loss, load_weights, weights
from export.vision_stage import made_up, spread, train_vision
from export.vision_train import embedder
from export.vision_views import Views, random_view
from inference.pack import GifSource, PackGif


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished smoke run."""
    folder = tmp_path_factory.mktemp("vision")
    train_vision(SMOKE, folder / "no_pack", (), folder)
    return folder


def test_the_smoke_run_brings_pictures_nearer_to_their_targets(run: Path) -> None:
    data, size = made_up(SMOKE.seed), SMOKE.config.image_size
    model = Sight(SMOKE.config, rngs=nnx.Rngs(SMOKE.seed))
    before = spread(embedder(model), data, size)
    load_weights(run / "weights.msgpack", model)
    assert spread(embedder(model), data, size) < 0.9 * before


def test_a_finished_run_is_not_trained_again(run: Path) -> None:
    kept = {path: path.read_bytes() for path in run.glob("stage0/*.msgpack")}
    train_vision(SMOKE, run / "no_pack", (), run)
    assert kept == {path: path.read_bytes() for path in run.glob("stage0/*.msgpack")}


def test_the_written_config_describes_the_tower_for_export(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    tower = EfficientNetConfig.from_dict(config["vision_config"])
    assert not tower.cpu_training
    load_weights(run / "weights.msgpack", Sight(tower, rngs=nnx.Rngs(0)))
    assert config["image"]["size"] == SMOKE.config.image_size


def test_names_of_weights_are_those_of_the_house_model() -> None:
    model = Sight(SMOKE.config, rngs=nnx.Rngs(0))
    assert {path.split("/")[0] for path in weights(model)} == {"vision_model", "visual_projection"}


def test_views_keep_the_background_and_differ() -> None:
    picture = made_up(0).pictures[0]
    options = Views(plain_background=1.0, colour=0.0, grey=0.0, blur=0.0)
    rng = np.random.default_rng(0)
    views = [
        random_view(picture, 24, (9, 99, 199), rng, options=options, is_mirrorable=True) for _ in range(4)
    ]
    assert all(view.shape == (24, 24, 3) and view[0, 0].tolist() == [9, 99, 199] for view in views)
    assert any(not np.array_equal(views[0], view) for view in views[1:])


def test_the_order_of_batches_can_be_taken_up_anywhere() -> None:
    orders = batch_orders(np.arange(10), 3, seed=1)
    first = [next(orders) for _ in range(7)]
    later = batch_orders(np.arange(10), 3, seed=1, start=4)
    assert all(np.array_equal(next(later), order) for order in first[4:])
    assert len(set(np.concatenate(first[:3]).tolist())) == 9


def _targets() -> np.ndarray:
    targets = np.zeros((4, 256), np.float32)
    targets[np.arange(4), CATEGORY_DIM + np.arange(4)] = 1
    targets[1, CATEGORY_DIM : CATEGORY_DIM + 2] = (0.99, 0.14)
    targets[2, 7] = 0.8
    return unit(targets)


def _loss(vector: np.ndarray, label: int, is_known: bool) -> float:
    return float(
        alignment_loss(
            jnp.asarray(vector)[None],
            jnp.array([label]),
            jnp.array([is_known]),
            jnp.asarray(_targets()),
            temperature=0.05,
            category_weight=2.0,
        )
    )


def test_pictures_of_one_meaning_are_not_pushed_apart() -> None:
    targets = _targets()
    assert _loss(targets[1], 0, False) == pytest.approx(0, abs=1e-3)
    assert _loss(targets[3], 0, False) > 10


def test_categories_count_only_where_they_are_known() -> None:
    vector = _targets()[2].copy()
    right = _loss(vector, 2, True)
    vector[7] = 0
    assert _loss(vector, 2, True) > right + 0.1
    assert _loss(vector, 2, False) == pytest.approx(right, abs=1e-5)


def test_recall_counts_the_drawings_that_find_their_gif() -> None:
    def gif(code: str, colour: int) -> GifFrames:
        entry = PackGif(
            id="0" * 64,
            file="a.gif",
            name="a",
            categories=["hug"],
            tags=[],
            alt_text="A.",
            source=GifSource(code_point=code),
            licence="MIT",
        )
        frames = tuple(np.full((8, 8, 4), value, np.uint8) for value in (colour, 255))
        return GifFrames(entry, frames)

    gallery = Gallery((gif("1f600", 255), gif("1f601", 0), gif("", 128)), 8)

    def embed(pixels: np.ndarray) -> np.ndarray:
        brightness = pixels.mean((1, 2, 3))
        vectors = np.zeros((len(pixels), 256), np.float32)
        vectors[:, 0], vectors[:, CATEGORY_DIM] = 1, brightness + 2
        vectors[:, CATEGORY_DIM + 1] = 2 - brightness
        return vectors

    first = gallery.vectors(embed, first_only=True)
    opaque = {code: np.full((8, 8, 4), 255, np.uint8) for code in ("1f600", "1f601", "1f602")}
    scores = gallery.scores(embed, opaque, first)
    assert scores["recall@1"] == 0.5
    assert scores["recall@10"] == 1.0
    assert not np.allclose(first, gallery.vectors(embed))
