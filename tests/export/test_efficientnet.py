"""EfficientNet-Lite: the CPU formulation, the folding of norms and the shape of the network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from export.checkpoints.efficientnet import fill
from export.checkpoints.errors import CheckpointError
from export.models.depthwise import depthwise_shifts
from export.models.efficientnet import EfficientNet, EfficientNetConfig

STAGES = ((1, 8, 3, 1, 1), (2, 12, 5, 2, 2))
TINY = EfficientNetConfig(stem_channels=8, head_channels=16, stages=STAGES)


def _conv(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


@pytest.mark.parametrize(("height", "width", "kernel", "stride"), [(8, 6, 3, 1), (7, 8, 5, 2), (8, 5, 3, 2)])
def test_shifted_sums_equal_the_convolution_with_gradients(
    height: int, width: int, kernel: int, stride: int
) -> None:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, height, width, 4)), jnp.float32)
    weights = jnp.asarray(rng.normal(size=(kernel, kernel, 1, 4)), jnp.float32)

    def gradients(function: object) -> tuple[jax.Array, jax.Array]:
        slope = jax.grad(lambda x, w: jnp.sum(jnp.sin(function(x, w, stride))), (0, 1))  # type: ignore[operator]
        return slope(x, weights)  # type: ignore[no-any-return]

    ours = depthwise_shifts(x, weights, stride)
    np.testing.assert_allclose(ours, _conv(x, weights, stride), atol=1e-5)
    for mine, reference in zip(gradients(depthwise_shifts), gradients(_conv), strict=True):
        np.testing.assert_allclose(mine, reference, atol=1e-4)


def test_training_and_export_formulations_agree() -> None:
    pixels = jax.random.normal(jax.random.key(0), (2, 20, 20, 3))
    plain = EfficientNet(TINY, nnx.Rngs(3))
    fast = EfficientNet(EfficientNetConfig(8, 16, STAGES, cpu_training=True), nnx.Rngs(3))
    features = plain(pixels)
    assert features.shape == (2, plain.output_dim)
    np.testing.assert_allclose(features, fast(pixels), atol=1e-5)


def _state(model: EfficientNet, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Make a state dict in the naming of efficientnet-lite-pytorch, with random norms."""
    state: dict[str, np.ndarray] = {}

    def add(convolution: str, norm: str, layer: nnx.Conv) -> None:
        kernel = layer.kernel[...]
        channels = kernel.shape[-1]
        state[f"{convolution}.weight"] = rng.normal(size=kernel.transpose(3, 2, 0, 1).shape) / 3
        state[f"{norm}.weight"], state[f"{norm}.running_var"] = rng.uniform(0.5, 2, (2, channels))
        state[f"{norm}.bias"], state[f"{norm}.running_mean"] = rng.normal(size=(2, channels)) / 10

    add("_conv_stem", "_bn0", model.stem)
    for index, block in enumerate(model.blocks):
        if block.expand is not None:
            add(f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0", block.expand)
        add(f"_blocks.{index}._depthwise_conv", f"_blocks.{index}._bn1", block.depthwise)
        add(f"_blocks.{index}._project_conv", f"_blocks.{index}._bn2", block.project)
    add("_conv_head", "_bn1", model.head)
    return state


def test_norms_are_folded_into_the_convolution_before_them() -> None:
    model = EfficientNet(TINY, nnx.Rngs(0))
    state = _state(model, np.random.default_rng(1))
    fill(model, state, source="test")
    x = jax.random.normal(jax.random.key(2), (1, 8, 8, 3))
    kernel = jnp.asarray(state["_conv_stem.weight"].transpose(2, 3, 1, 0), jnp.float32)
    plain = lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    spread = np.sqrt(state["_bn0.running_var"] + 1e-3)
    normed = (plain - state["_bn0.running_mean"]) / spread * state["_bn0.weight"] + state["_bn0.bias"]
    np.testing.assert_allclose(model.stem(x), normed, atol=1e-5)


def test_a_checkpoint_without_a_layer_is_refused_by_its_name() -> None:
    model = EfficientNet(TINY, nnx.Rngs(0))
    state = _state(model, np.random.default_rng(1))
    del state["_blocks.1._expand_conv.weight"]
    with pytest.raises(CheckpointError, match=r"_blocks\.1\._expand_conv"):
        fill(model, state, source="test")


def test_lite0_has_the_published_number_of_weights() -> None:
    model = nnx.eval_shape(lambda: EfficientNet(EfficientNetConfig(), nnx.Rngs(0)))
    kernels = [
        value for path, value in nnx.to_flat_state(nnx.state(model, nnx.Param)) if path[-1] == "kernel"
    ]
    # 4,652,008 in all, less the classifier (1,281,000) and the norms' scales and shifts (2 x 21,008).
    assert sum(int(np.prod(value.shape)) for value in kernels) == 4_652_008 - 1_281_000 - 2 * 21_008
    assert model.output_dim == 1280


def test_a_config_survives_json() -> None:
    assert EfficientNetConfig.from_dict({"stages": [list(stage) for stage in STAGES]}).stages == STAGES
