"""Join the trained text side and vision side to the house model that is exported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from export.calibration import alarm_threshold, fit_logistic
from export.checkpoints.msgpack import load_hybrid_clip
from export.data.reactions import DataError
from export.house_checkpoint import HouseCheckpoint, HouseSettings, ImageSettings
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP
from export.space import category_anchors
from export.student_stage import FACTS, HELD_PREDICTIONS
from export.text_messages import Messages
from export.text_scores import score
from export.vision_model import Sight, load_weights
from inference.bundle import FusionSpec

FALSE_ALARMS = 0.05
MADE_FROM = {
    "text": "all-MiniLM-L6-v2, fine-tuned (recipe export/recipes/house_text.py)",
    "teacher": "all-mpnet-base-v2, upper third fine-tuned (recipe export/recipes/house_teacher.py)",
    "vision": "EfficientNet-Lite0, fine-tuned (recipe export/recipes/house_vision.py)",
    "annotators": "large language models in two roles; no person has checked the labels",
    "messages": "GoEmotions train split, chat messages and messages of our own, TweetEval emoji tweets",
}


def assemble(
    text: Path, vision: Path, tokenizer: str, messages: Messages, fusion: FusionSpec
) -> HouseCheckpoint:
    """Make the checkpoint of the house model.

    Args:
        text: folder of the text run, with its model and its predictions for the held-out messages.
        vision: folder of the vision run: ``config.json`` and ``weights.msgpack``.
        tokenizer: text of the tokenizer's ``tokenizer.json``.
        messages: the messages of the text run, with the same fold held out.
        fusion: weights of the parts of a GIF's vector.
    """
    side = json.loads((vision / "config.json").read_text())
    model = join_towers(load_hybrid_clip(text / "model"), vision / "weights.msgpack", side["vision_config"])
    settings = HouseSettings(
        categories=list(messages.categories),
        temperature=float(np.exp(-np.asarray(model.logit_scale[...]))),
        fusion=fusion,
        image=ImageSettings(**side["image"]),
        training=MADE_FROM | json.loads((text / FACTS).read_text()),
        **hold_settings(text / HELD_PREDICTIONS, messages),
    )
    return HouseCheckpoint(model, settings, category_anchors(), tokenizer)


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
