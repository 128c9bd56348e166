"""Position vectors for pictures of another size."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from export.checkpoints.msgpack import parameter_arrays
from export.models.config import ConfigError
from export.positions import resize_positions, with_image_size
from tests.export import tiny_hybrid


def grid(edge: int) -> Any:
    return jnp.asarray(np.random.default_rng(0).normal(size=(1 + edge * edge, 3)), jnp.float32)


def test_the_same_grid_stays_as_it_is() -> None:
    positions = grid(7)
    assert resize_positions(positions, 50) is positions


def test_a_constant_grid_stays_constant_and_the_class_token_stays() -> None:
    positions = jnp.full((50, 4), 1.5).at[0].set(-3)
    found = np.asarray(resize_positions(positions, 145))
    np.testing.assert_array_equal(found[0], -3)
    np.testing.assert_allclose(found[1:], 1.5, atol=1e-5)


def test_a_ramp_stays_a_ramp_and_keeps_its_direction() -> None:
    rows, columns = np.mgrid[0:8, 0:8]
    positions = np.concatenate([np.zeros((1, 2)), np.stack([rows, columns], -1).reshape(64, 2)])
    found = np.asarray(resize_positions(jnp.asarray(positions, jnp.float32), 257))[1:].reshape(16, 16, 2)
    inside = slice(4, 12)
    wanted = (np.arange(16) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(found[inside, inside, 0], wanted[inside, None].repeat(8, 1), atol=1e-4)
    np.testing.assert_allclose(found[inside, inside, 1], wanted[None, inside].repeat(8, 0), atol=1e-4)


def test_what_is_no_square_is_refused() -> None:
    with pytest.raises(ConfigError, match="48 positions are not"):
        resize_positions(grid(7), 48)


@pytest.mark.parametrize("made", [tiny_hybrid.config(), tiny_hybrid.other_config()])
def test_both_vision_transformers_take_other_pictures_with_the_same_parameters(made: Any) -> None:
    model = tiny_hybrid.model(made)
    larger = with_image_size(model, 24)
    assert larger.config.vision.image_size == 24
    before, after = parameter_arrays(model), parameter_arrays(larger)
    changed = {name for name in before if before[name].shape != after[name].shape}
    assert len(changed) == 1
    assert "position_embedding" in changed.pop()
    same = before.keys() - {name for name in before if "vision_model" in name and "position" in name}
    assert all(np.array_equal(before[name], after[name]) for name in same)
    assert with_image_size(model, 12) is model
    with pytest.raises(ConfigError, match="not a multiple of the patches' 6"):
        with_image_size(model, 20)
