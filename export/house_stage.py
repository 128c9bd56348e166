"""Join the trained text side and vision side to the house model that is exported."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from export.calibration import alarm_threshold, fit_logistic
from export.checkpoints.msgpack import load_hybrid_clip
from export.data.reactions import DataError, soft_targets
from export.house_checkpoint import HouseCheckpoint, HouseSettings, ImageSettings
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP
from export.space import category_anchors
from export.student_stage import FACTS, HELD_PREDICTIONS
from export.text_messages import Messages
from export.text_scores import score
from export.vision_model import Sight, load_weights
from inference.bundle import FusionSpec, RankingSpec

FALSE_ALARMS = 0.05
MADE_FROM = {
    "text": "all-MiniLM-L6-v2, fine-tuned (recipe export/recipes/house_text.py)",
    "teacher": "all-mpnet-base-v2, upper third fine-tuned (recipe export/recipes/house_teacher.py)",
    "vision": "EfficientNet-Lite0, fine-tuned (recipe export/recipes/house_vision.py)",
    "annotators": "large language models in two roles; no person has checked the labels",
    "differences": "how these weights were made, and where that differs: docs/training.md",
    "messages": "GoEmotions train split, chat messages and messages of our own, TweetEval emoji tweets",
}


@dataclass(frozen=True)
class Mixture:
    """How the parts of a GIF's vector and of its score are weighed.

    Attributes:
        image: weight of the picture in a GIF's vector, the categories' being 1.
        words: weight of name and tags there.
        gif_share: share of the GIF's own cosine in its score, the rest being its category's.
        balance: how much of the categories' frequency in training is taken out of their scores, 0 to 1.
    """

    image: float = 0.35
    words: float = 0.25
    gif_share: float = 0.2
    balance: float = 0.25


def assemble(
    text: Path, vision: Path, tokenizer: str, messages: Messages, mixture: Mixture
) -> HouseCheckpoint:
    """Make the checkpoint of the house model.

    Args:
        text: folder of the text run, with its model and its predictions for the held-out messages.
        vision: folder of the vision run: ``config.json`` and ``weights.msgpack``.
        tokenizer: text of the tokenizer's ``tokenizer.json``.
        messages: the messages of the text run, with the same fold held out.
        mixture: weights of the parts.
    """
    side = json.loads((vision / "config.json").read_text())
    model = join_towers(load_hybrid_clip(text / "model"), vision / "weights.msgpack", side["vision_config"])
    temperature = float(np.exp(-np.asarray(model.logit_scale[...])))
    settings = HouseSettings(
        categories=list(messages.categories),
        temperature=temperature,
        fusion=FusionSpec(image=mixture.image, text=mixture.words, category=1.0),
        ranking=RankingSpec(mixture.gif_share, category_bias(messages, temperature * mixture.balance)),
        image=ImageSettings(**side["image"]),
        training=MADE_FROM | json.loads((text / FACTS).read_text()),
        **hold_settings(text / HELD_PREDICTIONS, messages),
    )
    return HouseCheckpoint(model, settings, category_anchors(), tokenizer)


def category_bias(messages: Messages, strength: float) -> list[float]:
    """Return what to add to each category's cosine so that rare ones get their due, with mean 0.

    It is minus ``strength`` times the logarithm of the category's share of the training labels (logit
    adjustment, Menon et al. 2021).
    """
    held_out = set(messages.held_out.tolist())
    known = [row for i, row in enumerate(messages.rows[: messages.annotated]) if i not in held_out]
    targets, weight = soft_targets(known, messages.categories)
    logarithm = np.log(np.maximum(targets[weight > 0].mean(0), 1e-4))
    return [round(float(bias), 6) for bias in strength * (logarithm.mean() - logarithm)]


def join_towers(text: HybridCLIP, weights: Path, vision: dict[str, Any]) -> HybridCLIP:
    """Return a model with the text side of ``text`` and the vision side of saved weights."""
    config = EfficientNetConfig.from_dict({**vision, "cpu_training": False})
    sight = Sight(config, rngs=nnx.Rngs(0))
    load_weights(weights, sight)
    joined = HybridCLIP(replace(text.config, vision=config), nnx.Rngs(0))
    joined.text_model, joined.text_projection = text.text_model, text.text_projection
    joined.logit_scale, joined.hold_head = text.logit_scale, text.hold_head
    joined.vision_model, joined.visual_projection = sight.vision_model, sight.visual_projection
    return joined


def hold_settings(predictions: Path, messages: Messages) -> dict[str, Any]:
    """Calibrate the hold probability on the held-out messages, and set the threshold at 5 % false alarms."""
    with np.load(predictions, allow_pickle=False) as arrays:
        rows, category, logits = arrays["rows"], arrays["category"], arrays["hold"]
    if not np.array_equal(rows, messages.held_out):
        raise DataError(f"{predictions} is of other held-out messages; name the fold of that run")
    held = np.asarray([bool(messages.rows[i].hold) for i in rows])
    platt = fit_logistic(logits, held)
    chances = platt(logits)
    threshold, _ = alarm_threshold(chances[held], chances[~held], FALSE_ALARMS)
    figures = score(category, logits, messages.judged, messages.categories)
    return {
        "hold_slope": platt.slope,
        "hold_intercept": platt.intercept,
        "hold_threshold": round(threshold, 4),
        "scores": {"held-out fifth of the labels, one annotator": figures},
    }
