"""The checks of what lies beside the Hybrid CLIP cases: loss values, learning rates, the full-size tree."""

from pathlib import Path

import jax
import jax.numpy as jnp

from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import empty_model
from export.checkpoints.paths import published_parameters
from export.losses import contrastive_loss, cross_entropy
from export.models.config import ConfigError
from export.models.hybrid_clip import HybridCLIPConfig
from export.optim import epoch_schedule
from export.parity.files import CaseError, read_json, read_npz, read_param_tree
from export.parity.report import CaseReport, Comparison, compare, compare_shapes

LOSS_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-6
RATE_TOLERANCE = 1e-9

LOSS_FILE = "clip_loss.npz"
SCHEDULE_FILE = "lr_schedule.json"
TREE_FILES = ("config_full.json", "param_tree_full.json")


def check_tables(folder: Path, report: CaseReport) -> None:
    """Compare whichever of the files the folder has; the others are listed as skipped."""
    checks = {LOSS_FILE: check_losses, SCHEDULE_FILE: check_schedules, TREE_FILES[1]: check_full_tree}
    for name, check in checks.items():
        if report.has(folder / name):
            try:
                report.outputs |= check(folder)
            except (CaseError, CheckpointError, ConfigError) as error:
                report.errors.append(str(error))


def check_losses(folder: Path) -> dict[str, Comparison]:
    """Recompute the loss, its halves and its gradient for every matrix of logits.

    Raises:
        CaseError: the file is damaged or has another layout.
    """
    arrays = read_npz(folder / LOSS_FILE)
    found: dict[str, Comparison] = {}
    for key in [key for key in arrays if key.startswith("logits_")]:
        number, logits = key.removeprefix("logits_"), jnp.asarray(arrays[key])
        loss, gradient = jax.value_and_grad(contrastive_loss)(logits)
        ours = {
            f"loss_{number}": (loss, LOSS_TOLERANCE),
            f"ce_axis0_{number}": (cross_entropy(logits, 0), LOSS_TOLERANCE),
            f"ce_axis1_{number}": (cross_entropy(logits, 1), LOSS_TOLERANCE),
            f"grad_{number}": (gradient, GRADIENT_TOLERANCE),
        }
        found |= {f"clip_loss/{n}": compare(v, arrays[n], t) for n, (v, t) in ours.items() if n in arrays}
    strays = [n for n in arrays if not n.startswith("logits_") and f"clip_loss/{n}" not in found]
    if strays or not found:
        raise CaseError(f"{LOSS_FILE}: nothing to compare with {strays[0] if strays else 'is there'}")
    return found


def check_schedules(folder: Path) -> dict[str, Comparison]:
    """Recompute the learning rates of every setting.

    Raises:
        CaseError: the file is damaged or has another layout.
    """
    found: dict[str, Comparison] = {}
    for index, setting in enumerate(read_json(folder / SCHEDULE_FILE)):
        try:
            schedule = epoch_schedule(
                examples=setting["train_ds_size"],
                batch_size=setting["train_batch_size"],
                epochs=setting["num_train_epochs"],
                warmup_steps=setting["num_warmup_steps"],
                learning_rate=setting["learning_rate"],
            )
            rates = [float(schedule(step)) for step in setting["steps"]]
            found[f"lr_schedule/{index}"] = compare(rates, setting["lr"], RATE_TOLERANCE)
        except (KeyError, TypeError) as error:
            raise CaseError(f"{SCHEDULE_FILE}: setting {index} lacks or garbles {error}") from error
    return found


def check_full_tree(folder: Path) -> dict[str, Comparison]:
    """Compare the names and shapes of a full-size model, which is not filled with numbers.

    Raises:
        CaseError: a file is missing or damaged.
        CheckpointError: the sizes in the config contradict each other.
        ConfigError: the config cannot be used.
    """
    config, tree = (folder / name for name in TREE_FILES)
    model = empty_model(HybridCLIPConfig.from_dict(read_json(config)))
    shapes = {name: tuple(value.shape) for name, value in published_parameters(model).items()}
    return {"param_tree_full": compare_shapes(shapes, read_param_tree(tree))}
