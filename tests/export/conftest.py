"""The tiny house model, traced once for all tests of the export."""

from collections.abc import Iterator
from pathlib import Path

import onnx_ir as ir
import pytest

from export.bundle import write_bundle
from export.graphs import text_graph
from export.house_checkpoint import HouseCheckpoint
from tests.export import onnx_house
from tests.export.tiny_clipcap import quick_compilation


@pytest.fixture(scope="session", autouse=True)
def _compile_quickly() -> Iterator[None]:
    """Compile in half the time: what is tiny runs for milliseconds anyway."""
    with quick_compilation():
        yield


@pytest.fixture(scope="session")
def house(tiny_bundle: Path) -> HouseCheckpoint:
    """Return the tiny house model; tests don't change it."""
    return onnx_house.checkpoint(tiny_bundle / "tokenizer.json")


@pytest.fixture(scope="session")
def house_text_graph(house: HouseCheckpoint) -> ir.Model:
    """Return its float32 text graph; tests that change it take a clone."""
    return text_graph(house.model, hold_slope=3.0, hold_intercept=-0.25)


@pytest.fixture(scope="session")
def house_bundle(house: HouseCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of its bundle; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("house") / "bundle"
    write_bundle(house, folder, scores={"hold_auc": 0.9321}, progress=lambda line: None)
    return folder
