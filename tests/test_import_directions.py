"""Imports point one way: see the layout in docs. Each rule names what a package may not import."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRAINING = {"jax", "jaxlib", "flax", "optax", "orbax", "jax2onnx", "onnx", "torch"}
FORBIDDEN = {
    "bot": TRAINING | {"onnxruntime", "hnswlib", "tokenizers", "export", "assets"},
    "inference": TRAINING | {"bot", "export", "assets"},
    "export": {"bot", "hnswlib"},
}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_nothing_that_is_forbidden_to_it(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = {str(path.relative_to(ROOT)): imported(path) & FORBIDDEN[package] for path in files}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_protocol_imports_nothing_of_the_project() -> None:
    names = imported(ROOT / "inference" / "protocol.py")
    assert names & {"bot", "inference", "export", "assets"} == set()
