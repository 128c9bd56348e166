"""The trained house model on disk: weights, tokenizer, category anchors and the numbers found in training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import load_hybrid_clip, save_hybrid_clip
from export.models.hybrid_clip import HybridCLIP
from inference.bundle import CalibrationSpec, FusionSpec, RankingSpec

SETTINGS_FILE = "house.json"
ANCHORS_FILE = "categories.npy"
TOKENIZER_FILE = "tokenizer.json"


class ImageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Preprocessing of pictures: edge in pixels, colour numbers, background (RGB), frames a GIF."""

    size: int = 160
    mean: list[float] = msgspec.field(default_factory=lambda: [0.485, 0.456, 0.406])
    std: list[float] = msgspec.field(default_factory=lambda: [0.229, 0.224, 0.225])
    background: list[int] = msgspec.field(default_factory=lambda: [255, 255, 255])
    frames: int = 4


class HouseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says beside the graphs.

    Attributes:
        categories: names, in the order of the anchors.
        hold_slope: factor on the hold logit before the sigmoid, from calibration.
        hold_intercept: what is added to it.
        training: free notes on data and recipe, for the model card.
        scores: free figures, for the model card.
    """

    categories: list[str]
    name: str = "house"
    version: str = "2026.11.22"
    temperature: float = 0.05
    fusion: FusionSpec = FusionSpec(image=0.35, text=0.25, category=1.0)
    ranking: RankingSpec = RankingSpec()
    calibration: CalibrationSpec = CalibrationSpec(slope=1.0, intercept=0.0)
    hold_threshold: float = 0.5
    hold_slope: float = 1.0
    hold_intercept: float = 0.0
    max_tokens: int = 128
    pad_id: int = 0
    image: ImageSettings = msgspec.field(default_factory=ImageSettings)
    training: dict[str, Any] = {}
    scores: dict[str, Any] = {}


@dataclass(frozen=True)
class HouseCheckpoint:
    """A trained model with all that its bundle needs.

    Attributes:
        model: both towers, with a hold head.
        settings: the numbers.
        anchors: (categories, dim) float32, unit norm.
        tokenizer: text of `tokenizer.json`.
    """

    model: HybridCLIP
    settings: HouseSettings
    anchors: NDArray[np.float32]
    tokenizer: str

    def save(self, folder: Path) -> None:
        """Write the checkpoint; the folder is made where it is missing."""
        save_hybrid_clip(self.model, folder)
        settings = msgspec.json.format(msgspec.json.encode(self.settings), indent=2)
        (folder / SETTINGS_FILE).write_bytes(settings + b"\n")
        np.save(folder / ANCHORS_FILE, np.asarray(self.anchors, np.float32), allow_pickle=False)
        (folder / TOKENIZER_FILE).write_text(self.tokenizer, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "HouseCheckpoint":
        """Read what `save` wrote.

        Raises:
            CheckpointError: a file is missing, damaged or does not fit the others.
        """
        model = load_hybrid_clip(folder)
        try:
            settings = msgspec.json.decode((folder / SETTINGS_FILE).read_bytes(), type=HouseSettings)
            anchors = np.load(folder / ANCHORS_FILE, allow_pickle=False)
            tokenizer = (folder / TOKENIZER_FILE).read_text(encoding="utf-8")
        except (OSError, ValueError, msgspec.DecodeError) as error:
            raise CheckpointError(
                f"{folder} is not a complete checkpoint of the house model: {error}"
            ) from error
        expected = (len(settings.categories), model.config.projection_dim)
        if anchors.shape != expected:
            raise CheckpointError(f"{folder / ANCHORS_FILE} has shape {anchors.shape} instead of {expected}.")
        return cls(model, settings, anchors.astype(np.float32), tokenizer)
