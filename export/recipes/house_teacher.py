"""Teacher of the house model: all-mpnet-base-v2 with its upper third fine-tuned on the labelled messages.

Purpose: an accurate large model whose opinion of unlabelled messages the small text tower is taught.
Data: 8,200 annotated messages of ``shared/reactions`` and our own messages; emotions as an auxiliary task.
Time: about 15 minutes on 2 CPU cores; 1 minute with a GPU.
Score: one fifth of the labels held out: great 0.57, great or ok 0.81, nDCG@5 0.62 by one annotator each;
ReactBench dev 0.73 / 0.90 / 0.70.
Command: ``python -m export train teacher --fold 0 --out runs/teacher`` (``--smoke`` for a minute's trial).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from export.text_objective import LossWeights
from export.text_train import Schedule


@dataclass(frozen=True)
class HouseTeacher:
    """Settings of the teacher.

    Attributes:
        frozen: so many of the 12 blocks stay as published.
        great: target weight of the second and third "great" category.
        ok: target weight of an "ok" category.
        hold_strength: L2 penalty of the hold probe on the frozen encoder (logistic regression); the few held
            messages make a fine-tuned head overfit, so both are averaged.
        hold_share: share of the probe in that average.
        limit: use only so many messages; None uses all.
    """

    frozen: int = 8
    great: float = 0.7
    ok: float = 0.2
    hold_strength: float = 10.0
    hold_share: float = 0.5
    schedule: Schedule = field(
        default_factory=lambda: Schedule(
            epochs=4,
            batch_size=32,
            learning_rate=4e-5,
            head_factor=25.0,
            warmup=0.1,
            average=0.99,
            patience=None,
        )
    )
    weights: LossWeights = field(default_factory=lambda: LossWeights(emoji=0.0))
    limit: int | None = None


FULL = HouseTeacher()
SMOKE = HouseTeacher(
    schedule=Schedule(epochs=1, batch_size=8, learning_rate=4e-5, head_factor=25.0, average=0.9), limit=64
)
