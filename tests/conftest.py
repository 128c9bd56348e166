"""Fixtures that every family of tests shares: the tiny bundle, the tiny pack, an engine over both."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

from inference.engine import Engine
from tests import tiny

hypothesis.settings.register_profile("repartee", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repartee")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny bundle; tests that change it make their own."""
    return tiny.make_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny pack; tests that change it make their own."""
    return tiny.make_pack(tmp_path_factory.mktemp("pack") / "tiny")


@pytest.fixture(scope="session")
def tiny_engine(tiny_bundle: Path, tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Return an engine over the tiny bundle and pack."""
    return Engine.open(tiny_bundle, [tiny_pack], tmp_path_factory.mktemp("data") / "catalogue.sqlite")
