"""Repeats the recorded training runs of a captioner."""

from typing import Any

import jax
import numpy as np
from flax import nnx

from export.clipcap_train import (
    TRAINED,
    CaptionBatch,
    caption_optimiser,
    prefix_step,
    text_loss,
    train_step,
    transformers_adamw,
)
from export.models.clipcap import ClipCap
from export.parity.files import CaseError
from export.parity.report import Comparison, compare

LOSS_TOLERANCE = 1e-4
LOGIT_TOLERANCE = 1e-3
LOGIT_ROW = 3
"""Of the first text; the original's record took it where the prefix of 4 ends."""

run_model = nnx.jit(ClipCap.__call__)
loss_of = jax.jit(text_loss, static_argnames="prefix_length")


def check_training(model: ClipCap, batch: CaptionBatch, runs: Any) -> dict[str, Comparison]:
    """Repeat every run of ``train.json``, all from the same parameters on the same batch.

    Raises:
        CaseError: a run lacks what is needed to repeat it.
    """
    if not isinstance(runs, dict):
        raise CaseError("train.json does not hold named runs")
    found: dict[str, Comparison] = {}
    for name, run in runs.items():
        try:
            losses, logits = _repeat(model, batch, name, run)
            found[f"train/{name}/losses"] = compare(losses, run["losses"], LOSS_TOLERANCE)
            if "logits_after_first_row" in run:
                recorded = run["logits_after_first_row"]
                rows = sorted({LOGIT_ROW, model.config.prefix_length - 1})
                each = [compare(logits[0, row], recorded, LOGIT_TOLERANCE) for row in rows]
                key = f"train/{name}/logits_after_first_row"
                found[key] = min(each, key=lambda c: (not c.ok, c.max_abs_diff or 0.0))
        except (KeyError, TypeError, AttributeError) as error:
            raise CaseError(f"train.json: run {name} lacks or garbles {error}") from error
    return found


def _repeat(model: ClipCap, batch: CaptionBatch, name: str, run: Any) -> tuple[list[float], Any]:
    """Return the losses before each step and after the last, and the logits after the last."""
    if name not in TRAINED:
        raise CaseError(f"train.json: no way of training is known by the name {name}")
    settings = run["optimizer"]
    b1, b2 = settings["betas"]
    trained: ClipCap = nnx.clone(model)
    adamw = transformers_adamw(
        float(settings["lr"]),
        b1=float(b1),
        b2=float(b2),
        eps=float(settings["eps"]),
        weight_decay=float(settings["weight_decay"]),
        correct_bias=bool(settings.get("correct_bias", True)),
    )
    optimiser = caption_optimiser(trained, adamw, "full" if name == "full" else "prefix_only")
    step = train_step if name == "full" else prefix_step
    losses = [float(step(trained, optimiser, batch)) for _ in run["losses"][1:]]
    logits = run_model(trained, batch.tokens, batch.prefix, batch.mask)
    after = loss_of(logits, batch.tokens, prefix_length=model.config.prefix_length)
    return [*losses, float(after)], np.asarray(logits)
