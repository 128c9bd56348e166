"""The house captioner from data to a checkpoint: vision tower, features, vocabulary, language model."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from flax import nnx
from tokenizers import Tokenizer

from export.captioner_data import (
    MOST_TOKENS,
    Captioned,
    Thing,
    captioned,
    emoji_things,
    make_tokenizer,
    token_rows,
    with_nothings,
)
from export.captioner_model import Features, Look, load_sight, serving_tower
from export.captioner_train import Lessons, train_captioner
from export.checkpoints.clipcap import load_clipcap_folder, save_clipcap
from export.concepts import Concepts, fit_concepts
from export.data.descriptions import read_descriptions
from export.data.emoji import emoji_table
from export.data.styles import TRAINING_STYLES
from export.models.clipcap import ClipCap
from export.models.efficientnet import EfficientNet
from export.recipes.house_captioner import HouseCaptioner
from export.vision_data import pack_frames
from export.vision_stage import CONFIG as VISION_CONFIG
from export.vision_stage import made_up, train_vision

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]

VISION, FEATURES, MODEL = "vision", "features.npz", "model"
CONCEPTS, TOKENIZER, NOTES = "concepts.npz", "tokenizer.json", "notes.json"
FAINT = 0.1
COLOURS = ("red", "green", "blue", "yellow", "grey", "black")


@dataclass(frozen=True)
class CaptionerCheckpoint:
    """A trained captioner.

    Attributes:
        look: Pictures to prefix.
        model: Prefix to words.
        tokenizer: Its vocabulary.
        image: What `config.json` of the vision run says of pictures: size, mean, std, background, frames.
        notes: What the model card says of the training.
    """

    look: Look
    model: ClipCap
    tokenizer: Tokenizer
    image: dict[str, Any]
    notes: dict[str, Any]

    @classmethod
    def load(cls, run: Path) -> "CaptionerCheckpoint":
        """Read what `train_house_captioner` wrote.

        Raises:
            FileNotFoundError: The run has not ended.
            CheckpointError: Names or shapes differ.
        """
        with np.load(run / CONCEPTS, allow_pickle=False) as arrays:
            concepts = Concepts(arrays["kernel"], arrays["bias"])
            scale, sharpness = arrays["scale"], float(arrays["sharpness"])
        tower = load_sight(run / VISION).vision_model
        assert isinstance(tower, EfficientNet)
        return cls(
            look=Look(serving_tower(tower), scale, concepts, sharpness=sharpness),
            model=load_clipcap_folder(run / MODEL),
            tokenizer=Tokenizer.from_file(str(run / TOKENIZER)),
            image=_read(run / VISION / VISION_CONFIG)["image"],
            notes=_read(run / NOTES),
        )


def train_house_captioner(recipe: HouseCaptioner, pack: Path, categories: tuple[str, ...], out: Path) -> None:
    """Train tower and language model and write the checkpoint; a run that was cut short goes on.

    Args:
        recipe: All settings.
        pack: Folder of the pack whose GIFs are learned.
        categories: Of reactions, for the tower's targets.
        out: Folder of the run.
    """
    if not (out / VISION / VISION_CONFIG).exists():
        train_vision(recipe.vision, pack, categories, out / VISION)
    tower = load_sight(out / VISION).vision_model
    assert isinstance(tower, EfficientNet)
    data = _made_up(recipe) if recipe.is_smoke else _known(recipe, pack)
    features = _kept_features(Features(tower), data, recipe, out / FEATURES)
    scale = _scale(features)
    concepts = fit_concepts(features, data.labels, scale, len(data.things), recipe.concepts)
    tokenizer = make_tokenizer(_sayings(data.things), recipe.model.gpt2.vocab_size)
    lessons = _lessons(recipe, data, features, tokenizer, scale, concepts)
    model = _start(recipe, tokenizer, len(data.things))
    train_captioner(model, lessons, recipe.schedule, out / "language")
    save_clipcap(model, out / MODEL)
    tokenizer.save(str(out / TOKENIZER))
    sharpness = np.float32(recipe.concepts.served_sharpness)
    np.savez(
        out / CONCEPTS,
        allow_pickle=False,
        scale=scale,
        kernel=concepts.kernel,
        bias=concepts.bias,
        sharpness=sharpness,
    )
    (out / NOTES).write_text(json.dumps(_notes(recipe, data), indent=2) + "\n", encoding="utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _notes(recipe: HouseCaptioner, data: Captioned) -> dict[str, Any]:
    return {
        "vision": "EfficientNet-Lite0, fine-tuned (recipe export/recipes/house_captioner.py)",
        "language model": "from the start, on our own descriptions and the names of emoji",
        "styles of drawings": [style.name for style in TRAINING_STYLES],
        "pictures": len(data.pictures) - recipe.nothings,
        "pictures of nothing": recipe.nothings,
        "things": len(data.things) - 1,
        "recipe": {
            "vision": asdict(replace(recipe.vision.stages[-1], views=recipe.vision.views)),
            "views": recipe.views,
            "name share": recipe.name_share,
            "concepts": asdict(recipe.concepts),
            "schedule": asdict(recipe.schedule),
        },
    }


def known_things() -> list[Thing]:
    """Return all emoji of the table with their descriptions."""
    return emoji_things(emoji_table(), read_descriptions())


def _known(recipe: HouseCaptioner, pack: Path) -> Captioned:
    gifs = pack_frames(pack, recipe.vision.frames)
    data = captioned(known_things(), TRAINING_STYLES, emoji_table(), gifs)
    return with_nothings(data, recipe.nothings, recipe.seed)


def _made_up(recipe: HouseCaptioner) -> Captioned:
    """Return coloured discs that are called by a colour each."""
    corpus = made_up(recipe.seed)
    names = [COLOURS[row % len(COLOURS)] for row in range(len(corpus.targets))]
    things = [Thing(name, (f"A {name} disc",), f"{name} disc", is_mirrorable=True) for name in names]
    return with_nothings(Captioned(corpus.pictures, corpus.labels, things), recipe.nothings, recipe.seed)


def _kept_features(looker: Features, data: Captioned, recipe: HouseCaptioner, path: Path) -> Halves:
    """Return the features of random views, from the run's folder where they are of as many pictures."""
    if path.exists():
        with np.load(path, allow_pickle=False) as arrays:
            kept: Halves = arrays["features"]
            if kept.shape[:2] == (recipe.views, len(data.pictures)):
                return kept
    features = looker.views(data, recipe.views, recipe.vision.views, recipe.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, features=features)
    return features


def _scale(features: Halves) -> Floats:
    """Return what brings features to one spread, (width,) float32; the faintest are not blown up."""
    spread = features.reshape(-1, features.shape[-1]).astype(np.float32).std(axis=0)
    scale: Floats = 1 / (spread + FAINT * spread.mean() + 1e-6)
    return scale


def _sayings(things: Sequence[Thing]) -> list[str]:
    return [text for thing in things for text in thing.references]


def _lessons(
    recipe: HouseCaptioner,
    data: Captioned,
    features: Halves,
    tokenizer: Tokenizer,
    scale: Floats,
    concepts: Concepts,
) -> Lessons:
    captions = [token_rows(tokenizer, thing.references, MOST_TOKENS) for thing in data.things]
    weights = [_shares(thing, recipe.name_share) for thing in data.things]
    return Lessons(features, data.labels, captions, weights, scale, concepts, recipe.concepts.sharpness)


def _shares(thing: Thing, of_name: float) -> npt.NDArray[np.float64]:
    """Return how often each reference of a thing is its caption."""
    described = len(thing.descriptions)
    if not thing.name:
        return np.full(described, 1 / described)
    return np.array([(1 - of_name) / described] * described + [of_name])


def _start(recipe: HouseCaptioner, tokenizer: Tokenizer, things: int) -> ClipCap:
    gpt2 = replace(recipe.model.gpt2, vocab_size=tokenizer.get_vocab_size())
    return ClipCap(replace(recipe.model, prefix_size=things, gpt2=gpt2), nnx.Rngs(recipe.seed))
