"""The conveniences around a training: what a kill, a worse score or a foreign checkpoint do to it."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from export.training import CHECKPOINT, ResumeError, Run, read_state, write_state


def _state() -> dict[str, object]:
    weights = {"a": jnp.arange(6.0).reshape(2, 3), "b": jnp.ones(2, jnp.bfloat16)}
    return {"weights": weights, "optimiser": optax.adamw(0.1).init(weights), "key": jax.random.key(3)}


def test_a_killed_run_goes_on_where_it_was_saved(tmp_path: Path) -> None:
    with Run(tmp_path, total_steps=10) as run:
        state = run.resume(_state())
        for _ in range(3):
            run.advance(1.0)
        state["weights"]["a"] += 7.0  # type: ignore[index]
        run.progress.notes["order"] = [2, 0, 1]
        run.save(state)
        run.advance(1.0)
    with Run(tmp_path, total_steps=10) as again:
        restored = again.resume(_state())
        assert again.step == 3
        assert again.progress.notes["order"] == [2, 0, 1]
    np.testing.assert_array_equal(restored["weights"]["a"], np.arange(6.0).reshape(2, 3) + 7.0)  # type: ignore[index]
    assert restored["weights"]["b"].dtype == jnp.bfloat16  # type: ignore[index]
    assert jax.random.uniform(restored["key"]) == jax.random.uniform(jax.random.key(3))  # type: ignore[arg-type]


def test_the_best_state_is_kept_and_patience_ends_the_run(tmp_path: Path) -> None:
    with Run(tmp_path, total_steps=10, patience=2) as run:
        for score in (0.2, 0.5, 0.4):
            run.judge(score, {"score": jnp.asarray(score)})
        assert not run.is_exhausted
        run.judge(0.5, {"score": jnp.asarray(9.0)})
        assert run.is_exhausted
        assert run.progress.best_score == 0.5
        assert run.best({"score": jnp.asarray(0.0)})["score"] == 0.5


def test_events_are_written_for_tensorboard(tmp_path: Path) -> None:
    with Run(tmp_path, total_steps=2) as run:
        run.advance(0.5)
    assert any(file.stat().st_size for file in (tmp_path / "events").iterdir())


def test_a_checkpoint_of_another_model_is_refused_by_name(tmp_path: Path) -> None:
    write_state(tmp_path / CHECKPOINT, {"a": jnp.ones(3)}, {})
    with pytest.raises(ResumeError, match="another model"):
        read_state(tmp_path / CHECKPOINT, {"a": jnp.ones(4)})
    with pytest.raises(ResumeError, match="another model"):
        read_state(tmp_path / CHECKPOINT, {"a": jnp.ones(3), "b": jnp.ones(3)})


def test_a_loss_that_is_not_a_number_stops_the_run(tmp_path: Path) -> None:
    with Run(tmp_path, total_steps=2) as run, pytest.raises(FloatingPointError, match="step 0"):
        run.advance(float("nan"))


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    with Run(tmp_path, total_steps=4, identity="recipe A") as run:
        run.advance(1.0)
        run.save(np.zeros(2))
    with Run(tmp_path, total_steps=4, identity="recipe A") as run:
        run.resume(np.zeros(2))
        assert run.step == 1
    with (
        Run(tmp_path, total_steps=4, identity="recipe B") as run,
        pytest.raises(ResumeError, match="another recipe"),
    ):
        run.resume(np.zeros(2))
