"""The config of a Hybrid CLIP: read from and written as the original ``config.json``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, TypeVar

from export.models.bert import BertConfig
from export.models.clip_text import ClipTextConfig
from export.models.clip_vit import ClipVisionConfig
from export.models.config import ConfigError
from export.models.efficientnet import EfficientNetConfig
from export.models.roberta import RobertaConfig
from export.models.vit import ViTConfig

ConfigT = TypeVar("ConfigT")
TextConfig = BertConfig | RobertaConfig | ClipTextConfig
VisionConfig = ClipVisionConfig | ViTConfig | EfficientNetConfig

TEXT_TYPES: Mapping[str, type[TextConfig]] = {
    "bert": BertConfig,
    "roberta": RobertaConfig,
    "clip_text_model": ClipTextConfig,
}
VISION_TYPES: Mapping[str, type[VisionConfig]] = {
    "clip_vision_model": ClipVisionConfig,
    "vit": ViTConfig,
    "efficientnet_lite": EfficientNetConfig,
}


@dataclass(frozen=True)
class HybridCLIPConfig:
    """Which towers, and how they meet.

    Attributes:
        text: the text tower's config.
        vision: the vision tower's config.
        projection_dim: width of the joint space.
        text_pooling: "pooler" (the original: tanh on the first token) or "mean" over the real tokens.
        hold_head: whether a linear head on the pooled text gives the log-odds of "hold".
        logit_scale_init_value: where the logarithm of the inverse temperature starts.
    """

    text: TextConfig = field(default_factory=RobertaConfig)
    vision: VisionConfig = field(default_factory=ClipVisionConfig)
    projection_dim: int = 512
    text_pooling: Literal["pooler", "mean"] = "pooler"
    hold_head: bool = False
    logit_scale_init_value: float = 1.0

    def __post_init__(self) -> None:
        if self.text_pooling not in ("pooler", "mean"):
            raise ConfigError(f"text_pooling is {self.text_pooling!r}, it must be 'pooler' or 'mean'")
        if type(self.projection_dim) is not int or self.projection_dim < 1:
            raise ConfigError(f"projection_dim is {self.projection_dim!r}, it must be a whole number from 1")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read an original ``config.json``; unknown keys are ignored.

        Raises:
            ConfigError: a tower is missing, of an unknown type, or has an unusable value.
        """
        text, vision = _section(values, "text_config"), _section(values, "vision_config")
        if vision.get("model_type") == "clip":
            vision = _clip_vision(vision)
        return cls(
            text=_tower(TEXT_TYPES, text, "text_config").from_dict(text),
            vision=_tower(VISION_TYPES, vision, "vision_config").from_dict(vision),
            projection_dim=values.get("projection_dim", 512),
            text_pooling=values.get("text_pooling", "pooler"),
            hold_head=bool(values.get("hold_head", False)),
            logit_scale_init_value=float(values.get("logit_scale_init_value", 1.0)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads, with the keys of the original."""
        own = {"text_pooling", "hold_head", "logit_scale_init_value", "projection_dim"}
        return {
            "architectures": ["HybridCLIP"],
            "model_type": "hybrid-clip",
            **{name: getattr(self, name) for name in sorted(own)},
            "text_config": {"model_type": _type_name(TEXT_TYPES, self.text), **asdict(self.text)},
            "vision_config": {"model_type": _type_name(VISION_TYPES, self.vision), **asdict(self.vision)},
        }


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name)
    if not isinstance(section, Mapping):
        raise ConfigError(f"the config has no {name}, so it is not one of a Hybrid CLIP")
    return section


def _clip_vision(clip: Mapping[str, Any]) -> dict[str, Any]:
    """Take the vision part out of a whole CLIP config, which may be spelt in the older way too."""
    parts = [clip.get(name) or {} for name in ("vision_config", "vision_config_dict")]
    return {**parts[0], **parts[1], "model_type": "clip_vision_model"}


def _tower(types: Mapping[str, type[ConfigT]], values: Mapping[str, Any], where: str) -> type[ConfigT]:
    name = str(values.get("model_type"))
    if name not in types:
        raise ConfigError(f"{where}: model_type {name!r} is not one of {', '.join(sorted(types))}")
    return types[name]


def _type_name(types: Mapping[str, type[Any]], config: object) -> str:
    return next(name for name, cls in types.items() if type(config) is cls)
