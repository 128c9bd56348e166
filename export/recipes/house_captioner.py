"""House captioner: says in a sentence what a drawing or an animated emoji shows, for GIFs without words.

Purpose: an alternative text for a GIF that comes without name and tags; silence where it can't tell.
Data: eight styles of emoji drawings from npm (``export.data.styles``), the frames of the pack, our own
descriptions of each emoji, their names, and pictures of nothing, of which nothing is to be said. OpenMoji is
only measured; the drawings of EmojiOne 1 only choose among the tower's checkpoints, the sharpness and the
threshold of silence.
Time: about 45 minutes on 2 CPU cores that have nothing else to do.
Score: see the model card.
Command: ``python -m export train captioner --out runs/captioner`` (``--smoke`` for a trial on made-up
pictures), then ``python -m export captioner --run runs/captioner --out assets/models/captioner``.
"""

from dataclasses import dataclass, field

from export.captioner_train import Schedule
from export.concepts import ConceptFit
from export.models.clipcap import ClipCapConfig
from export.models.efficientnet import EfficientNetConfig
from export.models.gpt2 import GPT2Config
from export.recipes import house_vision
from export.recipes.house_vision import HouseVision
from export.vision_probe import Probe
from export.vision_train import Stage
from export.vision_views import Views


@dataclass(frozen=True)
class HouseCaptioner:
    """Settings of the captioner.

    Attributes:
        vision: How the tower is trained, on a larger picture and wilder views than the one for reactions.
        model: Sizes of mapper and language model; the prefix is as wide as there are things, the vocabulary
            what is asked of the tokenizer.
        concepts: How the layer is fitted that tells known things apart.
        schedule: How mapper and language model learn, while all before them stays.
        views: Random views of each picture.
        nothings: Pictures of which nothing is to be said.
        name_share: How often an emoji's name is the caption instead of a description.
        seed: Of the start and of the pictures of nothing.
        is_smoke: A handful of made-up pictures instead of the data.
    """

    vision: HouseVision
    model: ClipCapConfig
    schedule: Schedule
    concepts: ConceptFit = field(default_factory=ConceptFit)
    views: int = 6
    nothings: int = 900
    name_share: float = 0.15
    seed: int = 0
    is_smoke: bool = False


def _model(embd: int, layers: int, prefix: int, vocabulary: int) -> ClipCapConfig:
    gpt2 = GPT2Config(
        vocab_size=vocabulary, n_positions=160, n_embd=embd, n_layer=layers, n_head=max(1, embd // 64)
    )
    return ClipCapConfig(kind="linear", prefix_length=prefix, gpt2=gpt2)


FULL = HouseCaptioner(
    vision=HouseVision(
        config=EfficientNetConfig(image_size=112, cpu_training=True),
        probe=Probe(size=112, views=2, steps=400),
        views=Views(grey=0.2, outline=0.4, colour=0.5, rotation_degrees=18, scale=(0.65, 1.15)),
        stages=(
            Stage(
                size=112,
                steps=750,
                first_block=4,
                judge_every=75,
                patience=20,
                known_copies=2,
                category_weight=0.5,
            ),
        ),
    ),
    model=_model(embd=192, layers=3, prefix=6, vocabulary=2500),
    schedule=Schedule(steps=1200, learning_rate=1.5e-3),
)
SMOKE = HouseCaptioner(
    vision=house_vision.SMOKE,
    model=_model(embd=32, layers=1, prefix=2, vocabulary=300),
    schedule=Schedule(steps=600, batch=16, learning_rate=3e-3, feature_dropout=0.0),
    concepts=ConceptFit(steps=100, batch=32, learning_rate=1e-2, dropout=0.0),
    views=2,
    nothings=12,
    is_smoke=True,
)
