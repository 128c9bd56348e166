"""Hybrid CLIP: a text tower and a vision tower of any of the kinds here, projected into one space.

The architecture is that of the Hugging Face community's 2021 project of this name; its checkpoints load with
`export.checkpoints.msgpack`. The house model is one too, with mean pooling and a head for "hold".
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from export.models.bert import Bert
from export.models.clip_text import ClipText, ClipTextConfig
from export.models.clip_vit import ClipVit
from export.models.efficientnet import EfficientNet, EfficientNetConfig
from export.models.hybrid_config import HybridCLIPConfig, TextConfig, VisionConfig
from export.models.layers import TowerOutput, linear
from export.models.roberta import Roberta, RobertaConfig
from export.models.vit import ViT, ViTConfig

__all__ = [
    "HybridCLIP",
    "HybridCLIPConfig",
    "HybridOutput",
    "ImageOutput",
    "TextOutput",
    "mean_pool",
    "unit_norm",
]

TextTower = Bert | Roberta | ClipText
VisionTower = ClipVit | ViT | EfficientNet


class TextOutput(NamedTuple):
    """What one pass of the text tower gives.

    ``features`` (batch, projection) before normalisation, ``embeds`` the same with unit norm, ``hold_logit``
    (batch,) or None where the model has no such head; all float32.
    """

    features: jax.Array
    embeds: jax.Array
    hold_logit: jax.Array | None
    tower: TowerOutput


class ImageOutput(NamedTuple):
    """What one pass of the vision tower gives.

    ``features`` (pictures, projection) before normalisation, ``embeds`` the same with unit norm, float32;
    ``tower`` is the tower's own output, a row a frame, and its hidden state None for a convolutional tower.
    """

    features: jax.Array
    embeds: jax.Array
    pooler_output: jax.Array
    last_hidden_state: jax.Array | None


class HybridOutput(NamedTuple):
    """Both passes and the scaled cosine of every picture with every text."""

    logits_per_image: jax.Array
    logits_per_text: jax.Array
    text: TextOutput
    image: ImageOutput


def unit_norm(x: jax.Array) -> jax.Array:
    """Scale the last axis to length 1; a zero vector stays zero."""
    return x / jnp.sqrt(jnp.maximum(jnp.sum(x * x, axis=-1, keepdims=True), 1e-24))


def mean_pool(hidden: jax.Array, attention_mask: jax.Array) -> jax.Array:
    """Average the real tokens of (batch, tokens, hidden) float32: (batch, hidden) float32."""
    weights = jnp.expand_dims(attention_mask.astype(hidden.dtype), -1)
    return jnp.sum(hidden * weights, axis=1) / jnp.maximum(jnp.sum(weights, axis=1), 1e-9)


def text_tower(config: TextConfig, rngs: nnx.Rngs) -> TextTower:
    """Make the text tower that a config describes."""
    if isinstance(config, ClipTextConfig):
        return ClipText(config, rngs)
    return Roberta(config, rngs) if isinstance(config, RobertaConfig) else Bert(config, rngs)


def vision_tower(config: VisionConfig, rngs: nnx.Rngs) -> VisionTower:
    """Make the vision tower that a config describes."""
    if isinstance(config, EfficientNetConfig):
        return EfficientNet(config, rngs)
    return ViT(config, rngs) if isinstance(config, ViTConfig) else ClipVit(config, rngs)


class HybridCLIP(nnx.Module):
    """Two towers, two bias-free projections and a learnable temperature (kept as a logarithm)."""

    def __init__(self, config: HybridCLIPConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        self.text_model = text_tower(config.text, rngs)
        self.vision_model = vision_tower(config.vision, rngs)
        width, std = config.projection_dim, 0.02
        text_width, image_width = self.text_model.output_dim, self.vision_model.output_dim
        self.text_projection = linear(text_width, width, std=std, rngs=rngs, use_bias=False)
        self.visual_projection = linear(image_width, width, std=std, rngs=rngs, use_bias=False)
        self.logit_scale = nnx.Param(jnp.asarray(config.logit_scale_init_value, jnp.float32))
        self.hold_head = nnx.data(linear(text_width, 1, std=std, rngs=rngs) if config.hold_head else None)

    def encode_text(
        self,
        input_ids: jax.Array,
        attention_mask: jax.Array | None = None,
        position_ids: jax.Array | None = None,
        token_type_ids: jax.Array | None = None,
        *,
        deterministic: bool = True,
        rngs: nnx.Rngs | None = None,
    ) -> TextOutput:
        """Run the text tower once.

        Args:
            input_ids: (batch, tokens) int32.
            attention_mask: (batch, tokens), 1 for real tokens; all of them where None.
            position_ids: (batch, tokens) int32; 0, 1, 2, ... where None, for RoBERTa too.
            token_type_ids: (batch, tokens) int32; zeros where None.
            deterministic: no dropout; False needs ``rngs``.
            rngs: the streams dropout draws from.
        """
        if attention_mask is None:
            attention_mask = jnp.ones_like(input_ids)
        tower = self.text_model(
            input_ids, attention_mask, token_type_ids, position_ids, deterministic=deterministic, rngs=rngs
        )
        pooled = self.pool_text(tower, attention_mask)
        features = self.text_projection(pooled)
        hold = None if self.hold_head is None else self.hold_head(pooled)[:, 0]
        return TextOutput(features, unit_norm(features), hold, tower)

    def pool_text(self, tower: TowerOutput, attention_mask: jax.Array) -> jax.Array:
        """Return the (batch, hidden) float32 vector of each text, pooled the way the config says."""
        if self.config.text_pooling == "mean":
            return mean_pool(tower.last_hidden_state, attention_mask)
        return tower.pooler_output

    def encode_image(
        self, pixels: jax.Array, *, deterministic: bool = True, rngs: nnx.Rngs | None = None
    ) -> ImageOutput:
        """Run the vision tower once.

        Args:
            pixels: (pictures, height, width, 3) or (pictures, frames, height, width, 3) float32, normalised;
                the frames' pooled vectors are averaged before the projection.
            deterministic: no dropout; False needs ``rngs``.
            rngs: the streams dropout draws from.
        """
        frames = pixels.reshape(-1, *pixels.shape[-3:]) if pixels.ndim == 5 else pixels
        pooled, hidden = self._run_vision(frames, deterministic=deterministic, rngs=rngs)
        per_picture = pooled
        if pixels.ndim == 5:
            per_picture = pooled.reshape(*pixels.shape[:2], pooled.shape[-1]).mean(axis=1)
        features = self.visual_projection(per_picture)
        return ImageOutput(features, unit_norm(features), pooled, hidden)

    def _run_vision(
        self, pixels: jax.Array, *, deterministic: bool, rngs: nnx.Rngs | None
    ) -> tuple[jax.Array, jax.Array | None]:
        """Return the pooled vector of each picture, and the hidden states where the tower has any."""
        if isinstance(self.vision_model, EfficientNet):
            return self.vision_model(pixels), None
        output = self.vision_model(pixels, deterministic=deterministic, rngs=rngs)
        return output.pooler_output, output.last_hidden_state

    def text_features(self, *args: jax.Array | None, **options: Any) -> jax.Array:
        """Return (batch, projection) float32, not normalised; arguments as `encode_text`."""
        return self.encode_text(*args, **options).features  # type: ignore[arg-type]

    def text_embeds(self, *args: jax.Array | None, **options: Any) -> jax.Array:
        """Return (batch, projection) float32 of unit norm; arguments as `encode_text`."""
        return self.encode_text(*args, **options).embeds  # type: ignore[arg-type]

    def hold_logit(self, *args: jax.Array | None, **options: Any) -> jax.Array:
        """Return (batch,) float32, the log-odds that no GIF should be sent; arguments as `encode_text`.

        Raises:
            ValueError: the model was made without this head.
        """
        logit = self.encode_text(*args, **options).hold_logit  # type: ignore[arg-type]
        if logit is None:
            raise ValueError("this model has no hold head (hold_head is false in its config)")
        return logit

    def image_features(self, pixels: jax.Array, **options: Any) -> jax.Array:
        """Return (pictures, projection) float32, not normalised; arguments as `encode_image`."""
        return self.encode_image(pixels, **options).features

    def image_embeds(self, pixels: jax.Array, **options: Any) -> jax.Array:
        """Return (pictures, projection) float32 of unit norm; arguments as `encode_image`."""
        return self.encode_image(pixels, **options).embeds

    def logits_per_text(self, text_embeds: jax.Array, image_embeds: jax.Array) -> jax.Array:
        """Return (texts, pictures) float32: the cosines divided by the temperature."""
        return jnp.exp(self.logit_scale[...]) * jnp.matmul(text_embeds, image_embeds.T)

    def __call__(
        self,
        input_ids: jax.Array,
        pixels: jax.Array,
        attention_mask: jax.Array | None = None,
        position_ids: jax.Array | None = None,
        token_type_ids: jax.Array | None = None,
        *,
        deterministic: bool = True,
        rngs: nnx.Rngs | None = None,
    ) -> HybridOutput:
        """Encode texts and pictures and compare each with each; arguments as the two encoders'."""
        text = self.encode_text(
            input_ids, attention_mask, position_ids, token_type_ids, deterministic=deterministic, rngs=rngs
        )
        image = self.encode_image(pixels, deterministic=deterministic, rngs=rngs)
        logits = self.logits_per_text(text.embeds, image.embeds)
        return HybridOutput(logits.T, logits, text, image)
