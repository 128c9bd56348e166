"""The settings of a captioner's training, shared by both of ClipCap's recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from export.clipcap_train import Mode
from export.importing.command import GPT2


@dataclass(frozen=True)
class CaptionRecipe:
    """Settings of a captioner; the defaults are those that both of the original's recipes share.

    Attributes:
        kind: of the mapper between CLIP's vector and GPT-2.
        mode: which part learns, mapper and GPT-2 ("full") or the mapper alone ("prefix_only").
        prefix_length: as so many tokens GPT-2 sees a picture.
        is_unit: whether CLIP's vector is scaled to length 1 before the mapper reads it.
        clip: where CLIP's vision tower comes from, a folder, file or repository.
        gpt2: where GPT-2 and its tokenizer come from.
        clip_length: rows that the transformer mapper makes of CLIP's vector.
        mapper_layers: of the transformer mapper.
        batch: captions a step; a last incomplete batch of an epoch is dropped.
        epochs: passes over all captions.
        learning_rate: peak of AdamW's.
        warmup_steps: how long the rate rises, at most a tenth of all steps; then it falls to 0, both in a
            straight line. The original has no such limit: with little data its rate would never peak.
        weight_decay: AdamW's.
        eval_share: share of the pictures that nothing is learned of; their captions give the loss that is
            shown beside that of training. The original holds nothing out.
        patience: stop after so many epochs without a lower held-out loss and keep the best weights. None
            trains to the end and keeps the last weights, as the original does.
        described: so many held-out pictures are described at the end.
        save_every: steps between two checkpoints inside an epoch.
        seed: of the mapper's start, the order, dropout and what is held out.
    """

    kind: Literal["mlp", "transformer"]
    mode: Mode
    prefix_length: int
    is_unit: bool
    clip: str
    gpt2: str = GPT2
    clip_length: int = 10
    mapper_layers: int = 8
    batch: int = 40
    epochs: int = 10
    learning_rate: float = 2e-5
    warmup_steps: int = 5000
    weight_decay: float = 0.0
    eval_share: float = 0.01
    patience: int | None = None
    described: int = 100
    save_every: int = 500
    seed: int = 0

    def changed(self, values: Mapping[str, Any]) -> CaptionRecipe:
        """Return the recipe with other values of some attributes; None changes nothing."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})
