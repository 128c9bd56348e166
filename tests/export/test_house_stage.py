from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from export.data.reactions import DataError, Message
from export.house_stage import hold_settings, join_towers
from export.models.bert import BertConfig
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP, HybridCLIPConfig
from export.space import DIM
from export.text_messages import Messages
from export.vision_model import Sight, save_weights, weights

TINY = EfficientNetConfig(
    stem_channels=4, head_channels=8, stages=((1, 4, 3, 2, 1),), image_size=16, cpu_training=True
)
CATEGORIES = ("hug", "laugh", *(f"other_{n}" for n in range(46)))


def test_joined_towers_answer_as_they_did_alone(tmp_path: Path) -> None:
    bert = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    config = HybridCLIPConfig(text=bert, vision=TINY, projection_dim=DIM, text_pooling="mean", hold_head=True)
    text = HybridCLIP(config, nnx.Rngs(1))
    sight = Sight(TINY, rngs=nnx.Rngs(2))
    save_weights(tmp_path / "weights.msgpack", weights(sight))
    raw = config.to_dict()["vision_config"]
    joined = join_towers(text, tmp_path / "weights.msgpack", raw)
    ids, pixels = jnp.array([[3, 4, 5]]), jnp.ones((1, 16, 16, 3))
    np.testing.assert_allclose(joined.text_embeds(ids), text.text_embeds(ids), atol=1e-6)
    np.testing.assert_allclose(joined.image_features(pixels), sight(pixels), atol=1e-5)


def test_hold_is_calibrated_on_held_out_messages_of_the_same_fold(tmp_path: Path) -> None:
    rows = [Message(str(n), f"text {n}", ("hug",), (), n % 10 == 0) for n in range(100)]
    held_out = np.arange(100)
    logits = np.where(held_out % 10 == 0, 2.0, -2.0) + np.linspace(-1, 1, 100)
    category = np.zeros((100, 48), np.float32)
    category[:, 0] = 1
    np.savez(tmp_path / "held.npz", rows=held_out, category=category, hold=logits.astype(np.float32))
    messages = Messages(CATEGORIES, rows, 100, held_out, [])
    found = hold_settings(tmp_path / "held.npz", messages)
    chances = 1 / (1 + np.exp(-(found["hold_slope"] * logits + found["hold_intercept"])))
    assert (chances[held_out % 10 != 0] > found["hold_threshold"]).mean() <= 0.05
    assert (chances[held_out % 10 == 0] > found["hold_threshold"]).all()
    (figures,) = found["scores"].values()
    assert figures["p1_great"] == 1.0

    other = Messages(CATEGORIES, rows, 100, held_out[:50], [])
    with pytest.raises(DataError, match="other held-out messages"):
        hold_settings(tmp_path / "held.npz", other)
