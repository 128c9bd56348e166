"""A tiny house model, for the tests of its export."""

from pathlib import Path

import numpy as np
from flax import nnx

from export.house_checkpoint import HouseCheckpoint, HouseSettings, ImageSettings
from export.models.bert import BertConfig
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP, HybridCLIPConfig
from inference.bundle import CalibrationSpec, FusionSpec

DIM = 16
SIZE = 24
MAX_TOKENS = 32
VOCABULARY = 64
NAMES = ["hug", "laugh", "cry"]
TEXT = BertConfig(
    vocab_size=VOCABULARY,
    hidden_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=96,
    max_position_embeddings=MAX_TOKENS,
    initializer_range=0.2,
)
VISION = EfficientNetConfig(
    stem_channels=8, head_channels=96, stages=((1, 8, 3, 1, 1), (4, 12, 5, 2, 2)), cpu_training=True
)


def checkpoint(tokenizer: Path) -> HouseCheckpoint:
    """Make a model with random weights that are large enough for messages to differ."""
    config = HybridCLIPConfig(TEXT, VISION, projection_dim=DIM, text_pooling="mean", hold_head=True)
    settings = HouseSettings(
        name="tiny",
        version="1.2",
        categories=NAMES,
        temperature=0.07,
        fusion=FusionSpec(image=0.5, text=0.25, category=1.0),
        calibration=CalibrationSpec(slope=4.0, intercept=-1.0),
        hold_threshold=0.6,
        hold_slope=3.0,
        hold_intercept=-0.25,
        max_tokens=MAX_TOKENS,
        image=ImageSettings(size=SIZE, frames=2),
        training={"messages": 12, "recipe": "none, the weights are random"},
        scores={"reactbench_dev": {"great": 0.7125, "ndcg@5": 0.6789}},
    )
    anchors = np.eye(len(NAMES), DIM, dtype=np.float32)
    model: HybridCLIP = nnx.jit(lambda: HybridCLIP(config, nnx.Rngs(0)))()
    return HouseCheckpoint(model, settings, anchors, tokenizer.read_text())
