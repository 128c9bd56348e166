"""What `python -m export parity` does, apart from reading its arguments."""

import sys
from pathlib import Path

import jax

from export.parity.registry import as_json, check_folder


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


def run(directory: Path, indent: int | None = None) -> int:
    """Print the result for a folder and return the exit code.

    Returns:
        0: everything agrees; 1: something does not or cannot be read; 2: there is nothing to check.
    """
    if not directory.is_dir():
        what = "is not a folder" if directory.exists() else "does not exist"
        return _refuse(f"{directory} {what}; give a folder of recorded cases, or one of them.")
    with jax.default_matmul_precision("highest"):
        reports = check_folder(directory)
    if all(report.kind == "unknown" for report in reports):
        return _refuse(f"{directory} holds no recorded case: no file in it has a known name.")
    print(as_json(directory, reports, indent))
    return 0 if all(report.ok for report in reports) else 1
