"""Hybrid CLIP and its towers: what is pooled, what a missing input means, dropout, configs."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from export.models.config import ConfigError
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP, HybridCLIPConfig
from export.models.roberta import offset_position_ids
from tests.export import tiny_hybrid

encode_text: Any = nnx.jit(HybridCLIP.encode_text)
encode_image: Any = nnx.jit(HybridCLIP.encode_image)


@pytest.fixture(scope="module")
def bert_clip() -> HybridCLIP:
    return tiny_hybrid.model(tiny_hybrid.config(text_pooling="mean", hold_head=True))


@pytest.fixture(scope="module")
def batch() -> dict[str, Any]:
    return tiny_hybrid.inputs(tiny_hybrid.config())


def test_padding_changes_nothing(bert_clip: HybridCLIP, batch: dict[str, Any]) -> None:
    alone = encode_text(bert_clip, batch["input_ids"][1:2, :3]).embeds
    padded = encode_text(bert_clip, batch["input_ids"], batch["attention_mask"]).embeds[1:2]
    np.testing.assert_allclose(alone, padded, atol=1e-6)


def test_what_a_call_leaves_out_is_no_padding_counted_positions_and_type_zero(
    bert_clip: HybridCLIP, batch: dict[str, Any]
) -> None:
    ids = batch["input_ids"]
    positions = np.broadcast_to(np.arange(ids.shape[1], dtype=np.int32), ids.shape)
    spelt_out = encode_text(bert_clip, ids, np.ones_like(ids), positions, np.zeros_like(ids))
    np.testing.assert_allclose(encode_text(bert_clip, ids).features, spelt_out.features, atol=1e-6)


def test_four_frames_are_averaged_before_the_projection(bert_clip: HybridCLIP, batch: dict[str, Any]) -> None:
    frames = np.stack([batch["pixel_values"], batch["pixel_values"][::-1]] * 2, axis=1)
    each = [encode_image(bert_clip, frames[:, i]).features for i in range(4)]
    pooled = encode_image(bert_clip, frames).features
    np.testing.assert_allclose(pooled, np.mean(each, axis=0), atol=1e-6)


def test_the_same_frame_four_times_is_the_still_picture(bert_clip: HybridCLIP, batch: dict[str, Any]) -> None:
    still = batch["pixel_values"]
    four = np.repeat(still[:, None], 4, axis=1)
    expected = encode_image(bert_clip, still).embeds
    np.testing.assert_allclose(encode_image(bert_clip, four).embeds, expected, atol=1e-6)


def test_embeds_have_unit_norm_and_hold_is_a_number_a_text(
    bert_clip: HybridCLIP, batch: dict[str, Any]
) -> None:
    text = encode_text(bert_clip, batch["input_ids"], batch["attention_mask"])
    np.testing.assert_allclose(np.linalg.norm(text.embeds, axis=1), 1, atol=1e-6)
    assert text.hold_logit.shape == (5,)
    assert len(np.unique(text.hold_logit)) == 5


def test_a_model_without_the_head_says_so(batch: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no hold head"):
        nnx.jit(HybridCLIP.hold_logit)(tiny_hybrid.model(tiny_hybrid.config()), batch["input_ids"])


def test_dropout_differs_from_step_to_step_under_jit(bert_clip: HybridCLIP, batch: dict[str, Any]) -> None:
    @nnx.jit
    def noisy(model: HybridCLIP, rngs: nnx.Rngs) -> Any:
        return model.text_embeds(batch["input_ids"], deterministic=False, rngs=rngs)

    rngs = nnx.Rngs(dropout=0)
    first, second = noisy(bert_clip, rngs), noisy(bert_clip, rngs)
    assert np.abs(np.asarray(first) - np.asarray(second)).max() > 1e-3
    np.testing.assert_allclose(noisy(bert_clip, nnx.Rngs(dropout=0)), first, atol=1e-6)


def test_dropout_without_a_stream_is_refused(bert_clip: HybridCLIP, batch: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs rngs"):
        bert_clip.text_embeds(batch["input_ids"], deterministic=False)


def test_the_convolutional_tower_fits_too() -> None:
    vision = EfficientNetConfig(stem_channels=4, head_channels=6, stages=((1, 4, 3, 2, 1),), image_size=8)
    made = tiny_hybrid.model(tiny_hybrid.config(vision=vision))
    assert encode_image(made, np.ones((2, 3, 8, 8, 3), np.float32)).embeds.shape == (2, 7)


def test_positions_of_roberta_start_behind_the_padding_id() -> None:
    ids = jnp.asarray([[0, 7, 9, 2, 1, 1], [0, 2, 1, 1, 1, 1]])
    assert offset_position_ids(ids, 1).tolist() == [[2, 3, 4, 5, 1, 1], [2, 3, 1, 1, 1, 1]]


def test_configs_survive_the_way_through_a_dictionary() -> None:
    for config in (tiny_hybrid.config(hold_head=True), tiny_hybrid.other_config(text_pooling="mean")):
        assert HybridCLIPConfig.from_dict(config.to_dict()) == config


def test_a_whole_clip_config_stands_for_its_vision_part() -> None:
    values = tiny_hybrid.config().to_dict()
    vision = {**values["vision_config"]}
    del vision["num_channels"]
    nested = {**values, "seed": 42, "vision_config": {"model_type": "clip", "vision_config": vision}}
    assert HybridCLIPConfig.from_dict(nested) == tiny_hybrid.config()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_config": None}, "no text_config"),
        ({"vision_config": {"model_type": "resnet"}}, "resnet"),
        ({"text_config": {"model_type": "bert", "hidden_size": "wide"}}, "hidden_size is 'wide'"),
        ({"text_config": {"model_type": "bert", "num_hidden_layers": 0}}, "at least 1"),
        ({"projection_dim": 0}, "projection_dim"),
        ({"text_pooling": "max"}, "text_pooling"),
    ],
)
def test_an_unusable_config_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        HybridCLIPConfig.from_dict({**tiny_hybrid.config().to_dict(), **changes})
