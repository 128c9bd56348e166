"""Imports point one way; the table in docs/architecture.md says the same in words."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"bot", "inference", "export", "assets", "benchmarks", "tests"}
TRAINING = {"jax", "jaxlib", "flax", "optax", "orbax", "jax2onnx", "onnx", "onnx_ir", "torch", "tensorboardX"}
RUNTIME = {"onnxruntime", "hnswlib", "tokenizers"}

# what a package may import of the project beside itself
ALLOWED = {
    "inference": set[str](),
    "bot": {
        f"inference.{name}"
        for name in (
            "protocol",
            "bundle",
            "catalogue",
            "client",
            "control",
            "errors",
            "fetch",
            "ingest",
            "metrics",
            "pack",
            "frames",
            "lines",
            "logs",
            "redis_link",
            "wording",
        )
    },
    "export": {
        f"inference.{name}"
        for name in (
            "preprocess",
            "bundle",
            "caption_bundle",
            "caption_decoder",
            "captioner",
            "pack",
            "errors",
            "metrics",
            "vectors",
        )
    },
    "assets": {f"inference.{name}" for name in ("pack", "errors", "preprocess")},
}
COMPOSITION_ROOTS = {
    "bot/cli/_describe.py": {"inference.captioner"},
    "bot/cli/_service.py": {"inference.engine", "inference.follow"},
    "bot/cli/_worker.py": {
        f"inference.{name}" for name in ("engine", "follow", "health", "sessions", "wire", "worker")
    },
    "bot/cli/_discord.py": {"inference.health"},
    "bot/cli/_slack.py": {"inference.health"},
    "bot/cli/_web.py": {"inference.health"},
}
FORBIDDEN = {
    "inference": TRAINING,
    "bot": TRAINING | RUNTIME,
    "export": {"hnswlib"},
    "assets": TRAINING | RUNTIME,
}


def imports(source: str, package: str = "") -> Iterator[str]:
    """Give the dotted name of each module that is imported anywhere in the source, also for types only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield inner if is_module(inner) else module


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def refused(package: str, path: Path) -> set[str]:
    """Return what a file of the package imports and may not."""
    place = path.relative_to(ROOT)
    allowed = ALLOWED[package] | COMPOSITION_ROOTS.get(place.as_posix(), set())
    found = set(imports(path.read_text(), ".".join(place.parent.parts)))
    ours = {name for name in found if (top := name.split(".")[0]) in OURS and top != package}
    return (ours - allowed) | {name for name in found if name.split(".")[0] in FORBIDDEN[package]}


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = {path.relative_to(ROOT).as_posix(): refused(package, path) for path in files}
    assert {path: names for path, names in wrong.items() if names} == {}


@pytest.mark.parametrize("name", ["protocol", "errors", "lines"])
def test_what_every_side_shares_imports_nothing_of_the_project(name: str) -> None:
    found = imports((ROOT / "inference" / f"{name}.py").read_text())
    assert {module for module in found if module.split(".")[0] in OURS} == set()


@pytest.mark.parametrize("names", ALLOWED.values(), ids=ALLOWED)
def test_every_exception_is_still_a_module(names: set[str]) -> None:
    assert [name for name in names if not is_module(name)] == []
    for path, modules in COMPOSITION_ROOTS.items():
        assert modules <= set(imports((ROOT / path).read_text()))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import inference.engine as e", {"inference.engine"}),
        ("from inference import engine", {"inference.engine"}),
        ("from inference.engine import Engine", {"inference.engine"}),
        ("def f():\n    from jax import numpy", {"jax"}),
        ("from . import _service", {"bot.cli._service"}),
        ("from ..cli._service import open_service", {"bot.cli._service"}),
        ("from .. import messages", {"bot.messages"}),
    ],
)
def test_every_way_to_import_is_seen(source: str, found: set[str]) -> None:
    assert set(imports(source, "bot.cli")) == found
