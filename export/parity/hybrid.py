"""The check of one Hybrid CLIP case: checkpoint, forward passes, training runs."""

from pathlib import Path

from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import WEIGHTS_FILE, load_hybrid_clip, parameter_arrays, read_arrays
from export.models.hybrid_clip import HybridCLIP
from export.parity.files import CaseError, read_json, read_npz, read_param_tree
from export.parity.forward import check_forward
from export.parity.report import CaseReport, Comparison, compare, compare_shapes
from export.parity.training import check_training

AFTER = "params_after_"


def check_hybrid(folder: Path, report: CaseReport) -> None:
    """Compare everything that the folder has records of; the others are listed as skipped."""
    try:
        model = load_hybrid_clip(folder)
        report.outputs |= check_parameters(model, folder, report)
        arrays = read_npz(folder / "io.npz")
        report.outputs |= check_forward(model, arrays)
        if report.has(folder / "train.json") or any(folder.glob(f"{AFTER}*.msgpack")):
            report.outputs |= _check_training(folder, model)
    except (CheckpointError, CaseError) as error:
        report.errors.append(str(error))


def check_parameters(model: HybridCLIP, folder: Path, report: CaseReport) -> dict[str, Comparison]:
    """Compare what was loaded with the file, key biases included, and with the recorded tree of names."""
    loaded, stored = parameter_arrays(model), read_arrays(folder / WEIGHTS_FILE)
    each = [compare(loaded[name], stored[name].astype("float32"), 0.0) for name in loaded]
    found = {"parameters": max(each, key=lambda c: (not c.ok, c.max_abs_diff or 0.0))}
    if report.has(folder / "param_tree.json"):
        shapes = {name: array.shape for name, array in loaded.items()}
        found["param_tree"] = compare_shapes(shapes, read_param_tree(folder / "param_tree.json"))
    return found


def _check_training(folder: Path, model: HybridCLIP) -> dict[str, Comparison]:
    runs = read_json(folder / "train.json")
    if not isinstance(runs, dict):
        raise CaseError("train.json does not hold named runs")
    paths = {path.stem.removeprefix(AFTER): path for path in sorted(folder.glob(f"{AFTER}*.msgpack"))}
    unknown = sorted(paths.keys() - runs.keys())
    if unknown:
        raise CaseError(f"{AFTER}{unknown[0]}.msgpack belongs to no run of train.json")
    after = {name: read_arrays(path) for name, path in paths.items()}
    return check_training(model, read_npz(folder / "io.npz"), runs, after)
