"""Vision tower of the house model: EfficientNet-Lite0 that reads emoji drawings and GIFs of any style.

Purpose: a picture, or the frames of a GIF, to the joint space of 256 axes (``export.space``), so that GIFs
are found by what they show.
Data: eight styles of emoji drawings from npm (``export.data.styles``), the frames of the pack, and names and
keywords of emoji as a frozen sentence encoder reads them. OpenMoji is only measured; the drawings of EmojiOne
1 only choose among checkpoints. The tower starts from its ImageNet weights.
Time: about 15 minutes on 2 CPU cores that have nothing else to do.
Score: see the model card.
Command: ``python -m export train vision --out runs/vision`` (``--smoke`` for a trial on made-up pictures;
``--without 200 --out runs/vision-unseen`` to measure own GIFs with a tower that has not seen these).
"""

from dataclasses import dataclass, field

from export.models.efficientnet import EfficientNetConfig
from export.vision_probe import Probe
from export.vision_train import Stage
from export.vision_views import Views


@dataclass(frozen=True)
class HouseVision:
    """Settings of the vision tower.

    Attributes:
        config: sizes of the tower; its image size is the one that serving uses.
        probe: how the first projection is found, on the untouched tower.
        stages: stretches of training of tower and projection, one after the other.
        frames: frames that stand for a GIF.
        views: how far random views of the pictures go.
        seed: of the projection's start.
        is_pretrained: whether the tower starts from its ImageNet weights.
        held_out: how many GIFs of the pack are not learned (``export.held_out``).
        held_out_seed: of the choice of these.
        is_smoke: a handful of made-up pictures instead of the data.
    """

    config: EfficientNetConfig
    probe: Probe
    stages: tuple[Stage, ...]
    frames: int = 4
    views: Views = field(default_factory=Views)
    seed: int = 0
    is_pretrained: bool = True
    held_out: int = 0
    held_out_seed: int = 0
    is_smoke: bool = False


FULL = HouseVision(
    config=EfficientNetConfig(image_size=80, cpu_training=True),
    probe=Probe(size=96, views=2, steps=400),
    stages=(Stage(size=80, steps=800, first_block=5, judge_every=80, patience=9),),
)
SMOKE = HouseVision(
    config=EfficientNetConfig(
        stem_channels=8,
        head_channels=32,
        stages=((1, 8, 3, 1, 1), (2, 12, 5, 2, 1)),
        image_size=24,
        cpu_training=True,
    ),
    probe=Probe(size=24, views=2, steps=40, batch=64),
    stages=(Stage(size=24, steps=6, batch=8, first_block=0, judge_every=3),),
    is_pretrained=False,
    is_smoke=True,
)
