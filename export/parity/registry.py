"""Which kind of case a folder holds, told by its file names, and what checks that kind."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from export.parity.clipcap import check_clipcap, check_full_trees, has_full_trees
from export.parity.hybrid import AFTER, check_hybrid
from export.parity.preprocess import FILES, check_preprocess
from export.parity.report import CaseReport
from export.parity.tables import LOSS_FILE, SCHEDULE_FILE, TREE_FILES, check_tables

MAX_DEPTH = 3


@dataclass(frozen=True)
class Kind:
    """A layout of folders: its name, how to tell it, its check, and whether cases may lie inside it."""

    name: str
    matches: Callable[[Path], bool]
    check: Callable[[Path, CaseReport], None]
    is_container: bool = False


def _has(folder: Path, *names: str) -> bool:
    return any((folder / name).exists() for name in names)


def _is_hybrid(folder: Path) -> bool:
    """Tell by the parameters, or by config and outputs where just those are missing."""
    if _has(folder, "flax_model.msgpack") or any(folder.glob(f"{AFTER}*.msgpack")):
        return True
    return _has(folder, "config.json", "io.npz", "train.json", "param_tree.json")


def _is_captioner(folder: Path) -> bool:
    """Tell by the parameters or the captions, or by the config where just those are missing."""
    if _has(folder, "flax_model.msgpack"):
        return False
    return _has(folder, "state_dict.pt", "generate.json") or _names_mapper(folder / "config.json")


def _names_mapper(config: Path) -> bool:
    try:
        return "mapping_type" in json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


KINDS = (
    Kind("clipcap", _is_captioner, check_clipcap),
    Kind("hybrid_clip", _is_hybrid, check_hybrid),
    Kind("preprocess", lambda f: _has(f, "images", *FILES), check_preprocess),
    Kind("tables", lambda f: _has(f, LOSS_FILE, SCHEDULE_FILE, *TREE_FILES), check_tables, is_container=True),
    Kind("clipcap_trees", has_full_trees, check_full_trees, is_container=True),
)
"""In the order in which they are tried."""


def find_cases(folder: Path, depth: int = 0) -> Iterator[tuple[Path, Kind | None]]:
    """Yield every folder that is a case with its kind, and with None those of no known kind."""
    kind = next((kind for kind in KINDS if kind.matches(folder)), None)
    if kind is not None:
        yield folder, kind
        if not kind.is_container:
            return
    inside = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))
    if depth < MAX_DEPTH and inside:
        for path in inside:
            yield from find_cases(path, depth + 1)
    elif kind is None:
        yield folder, None


def _check(check: Callable[[Path, CaseReport], None], path: Path, report: CaseReport) -> None:
    """Run a check so that a file of an unforeseen content fails its case, not the whole command."""
    try:
        check(path, report)
    except Exception as error:
        report.errors.append(f"the case cannot be compared: {type(error).__name__}: {error}")


def check_folder(folder: Path) -> list[CaseReport]:
    """Check every case in a folder and return a report a case."""
    reports: list[CaseReport] = []
    for path, kind in find_cases(folder):
        name = path.relative_to(folder).as_posix() if path != folder else path.resolve().name
        report = CaseReport(name, kind.name if kind else "unknown")
        if kind is None:
            report.errors.append("no known layout of files")
        else:
            _check(kind.check, path, report)
        reports.append(report)
    return reports


def as_json(folder: Path, reports: list[CaseReport], indent: int | None) -> str:
    """Return the whole result as one JSON object."""
    cases = [report.to_dict() for report in reports]
    result = {"directory": str(folder), "ok": all(c["ok"] for c in cases), "cases": cases}
    return json.dumps(result, indent=indent, allow_nan=False)
