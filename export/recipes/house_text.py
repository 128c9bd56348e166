"""Text tower of the house model: all-MiniLM-L6-v2 taught by annotators and by the teacher.

Purpose: a small tower whose 256-dimensional vector of a message points at the reactions that answer it.
Data: 8,200 annotated messages of ``shared/reactions`` and our own, mixed half and half with the teacher's
opinion; the teacher's opinion of 37,000 further GoEmotions messages and 5,000 emoji tweets; emotions and
emoji as auxiliary tasks; names and keywords of emoji, pack GIFs and categories for the identity part.
Time: about 40 minutes on 2 CPU cores; 2 minutes with a GPU.
Score: see the model card.
Command: ``python -m export train text --fold 0 --teacher runs/teacher --out runs/text`` (or ``--smoke``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from export.text_objective import LossWeights
from export.text_train import Schedule


@dataclass(frozen=True)
class HouseText:
    """Settings of the text tower.

    Attributes:
        great: target weight of the second and third "great" category.
        ok: target weight of an "ok" category.
        gold: share of the annotators, against the teacher, in the target of an annotated message.
        emphasis: weight of an annotated message; an unlabelled one has 1.
        tweets: how many emoji tweets to read.
        message_share: wanted length of a message's identity part (its vector has length 1).
        name_share: wanted length of a picture's identity part.
        name_copies: how often the names and keywords of pictures come in an epoch.
        logit_scale: where the logarithm of the inverse temperature starts.
        hold_emphasis: weight of an annotated message when the hold head is fitted again at the end, on the
            annotators' word alone where there is one.
        hold_strength: L2 penalty of that fit.
        limit: use only so many messages; None uses all.
    """

    great: float = 0.7
    ok: float = 0.2
    gold: float = 0.5
    emphasis: float = 2.0
    tweets: int = 5_000
    message_share: float = 0.3
    name_share: float = 0.6
    name_copies: int = 2
    logit_scale: float = 2.5
    hold_emphasis: float = 8.0
    hold_strength: float = 50.0
    schedule: Schedule = field(
        default_factory=lambda: Schedule(epochs=4, batch_size=64, learning_rate=1.5e-4, head_factor=10.0)
    )
    weights: LossWeights = field(default_factory=lambda: LossWeights(hold=0.5, emotion=0.5, identity=0.3))
    limit: int | None = None


FULL = HouseText()
SMOKE = HouseText(
    tweets=64,
    schedule=Schedule(epochs=1, batch_size=8, learning_rate=1e-4, head_factor=10.0, average=0.9),
    limit=64,
)
