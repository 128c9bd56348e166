"""The vision stage of a house model from data to scores: first projection, training, measurement."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from export.data.drawings import drawings
from export.data.emoji import emoji_table
from export.data.styles import DEV_STYLE, TEST_STYLE, TRAINING_STYLES
from export.held_out import choose_held_out, held_out_codes, write_held_out
from export.recipes.house_vision import HouseVision
from export.space import CATEGORY_DIM, IDENTITY_DIM, target_vectors, unit
from export.vision_data import Corpus, GifFrames, corpus, pack_frames
from export.vision_eval import BACKGROUND, MEAN, STD, Embed, embed_all
from export.vision_gallery import Gallery
from export.vision_model import Sight, load_weights, save_weights, weights
from export.vision_probe import fit_projection
from export.vision_train import embedder, train

WEIGHTS = "weights.msgpack"
SCORES = "scores.json"
CONFIG = "config.json"
MADE_UP_KINDS = 6


def train_vision(recipe: HouseVision, pack: Path, categories: tuple[str, ...], out: Path) -> dict[str, Any]:
    """Train the vision tower and write weights, config and scores; a run that was cut short goes on.

    Args:
        recipe: All settings.
        pack: Folder of the pack whose GIFs are learned and then searched.
        categories: Names in the order of the space's axes.
        out: Folder of the run.

    Returns:
        The scores, the recalls of drawings of the test style first.
    """
    if recipe.is_smoke:
        gifs: tuple[GifFrames, ...] = ()
        data, judge = made_up(recipe.seed), None
    else:
        gifs, without = known_gifs(recipe, pack, out)
        data = corpus(TRAINING_STYLES, gifs, categories, without)
        dev = drawings(DEV_STYLE, emoji_table())
        gallery = Gallery(gifs, recipe.config.image_size)
        judge = lambda embed: gallery.scores(embed, dev, gallery.vectors(embed))["recall@1"]  # noqa: E731
    model = Sight(recipe.config, rngs=nnx.Rngs(recipe.seed), is_pretrained=recipe.is_pretrained)
    fit(model, recipe, data, judge or (lambda embed: -spread(embed, data, recipe.config.image_size)), out)
    scores = {} if recipe.is_smoke else measure(embedder(model), gifs, recipe.config.image_size)
    write(model, recipe, scores, out)
    return scores


def known_gifs(recipe: HouseVision, pack: Path, out: Path) -> tuple[tuple[GifFrames, ...], frozenset[str]]:
    """Return the GIFs to learn and the emoji not to learn; which GIFs are held out is written to the run.

    Held-out GIFs do not choose among checkpoints either.
    """
    everything = pack_frames(pack, recipe.frames)
    if not recipe.held_out:
        return tuple(everything), frozenset()
    entries = [item.gif for item in everything]
    held_out = choose_held_out(entries, recipe.held_out, recipe.held_out_seed)
    write_held_out(out, held_out)
    return tuple(item for item in everything if item.gif.id not in held_out), held_out_codes(
        entries, held_out
    )


def fit(model: Sight, recipe: HouseVision, data: Corpus, judge: Any, out: Path) -> None:
    """Run the probe and the stages in turn, each from what it left on disk."""
    start = out / "probe.msgpack"
    if start.exists():
        load_weights(start, model)
    else:
        fit_projection(model, data, recipe.probe, recipe.views, out)
        save_weights(start, weights(model))
    for number, stage in enumerate(recipe.stages):
        train(model, data, replace(stage, views=recipe.views), out / f"stage{number}", judge)


def measure(embed: Embed, gifs: tuple[GifFrames, ...], size: int) -> dict[str, Any]:
    """Return the recalls of the test and dev styles with all frames of a GIF and with its first alone."""
    gallery, table = Gallery(gifs, size), emoji_table()
    scores: dict[str, Any] = {"gifs": len(gifs)}
    for first_only, label in ((False, "frames"), (True, "first_frame")):
        vectors = gallery.vectors(embed, first_only=first_only)
        for style in (TEST_STYLE, DEV_STYLE):
            scores[f"{style.name}_{label}"] = gallery.scores(embed, drawings(style, table), vectors)
    return scores


def write(model: Sight, recipe: HouseVision, scores: dict[str, Any], out: Path) -> None:
    """Write weights, config and scores of a trained tower."""
    save_weights(out / WEIGHTS, weights(model))
    config = {
        "vision_config": {
            "model_type": "efficientnet_lite",
            **asdict(replace(recipe.config, cpu_training=False)),
        },
        "image": {
            "size": recipe.config.image_size,
            "mean": MEAN,
            "std": STD,
            "background": BACKGROUND,
            "frames": recipe.frames,
        },
    }
    (out / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (out / SCORES).write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")


def made_up(seed: int) -> Corpus:
    """Return a corpus of coloured discs and squares, the first half of the kinds with a category."""
    rng = np.random.default_rng(seed)
    pictures, labels = [], []
    for label in range(MADE_UP_KINDS):
        colour = rng.integers(0, 256, 3)
        for shade in (0.7, 0.85, 1.0, 1.0):
            pictures.append(_disc(colour * shade, radius=10 + label))
            labels.append(label)
    known = np.zeros((MADE_UP_KINDS, CATEGORY_DIM), np.float32)
    known[np.arange(MADE_UP_KINDS // 2), np.arange(MADE_UP_KINDS // 2)] = 1
    identities = unit(rng.normal(size=(MADE_UP_KINDS, IDENTITY_DIM)).astype(np.float32))
    return Corpus(
        pictures,
        np.array(labels, np.int32),
        np.ones(MADE_UP_KINDS, bool),
        target_vectors(known, identities),
        np.any(known != 0, axis=1),
    )


def _disc(colour: np.ndarray, radius: int) -> np.ndarray:
    y, x = np.mgrid[-18:18, -18:18]
    picture = np.zeros((36, 36, 4), np.uint8)
    picture[..., :3] = colour.astype(np.uint8)
    picture[..., 3] = 255 * (x * x + y * y <= radius * radius)
    return picture


def spread(embed: Embed, data: Corpus, size: int) -> float:
    """Return how far pictures are from their targets on average, as one minus the cosine of identities."""
    vectors = unit(embed_all(embed, data.pictures, size)[:, CATEGORY_DIM:])
    wanted = unit(data.targets[data.labels, CATEGORY_DIM:])
    return float(1 - (vectors * wanted).sum(1).mean())
