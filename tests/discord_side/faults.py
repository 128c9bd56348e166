"""Errors and delays that a test asks for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.discord_side.bell import Bell
from tests.discord_side.calls import Call
from tests.discord_side.errors import rate_limit_headers

BODIES: dict[int, dict[str, Any]] = {
    403: {"message": "Missing Permissions", "code": 50013},
    404: {"message": "Unknown Message", "code": 10008},
    429: {"message": "You are being rate limited.", "retry_after": 0.05, "global": False},
    500: {"message": "500: Internal Server Error", "code": 0},
}


@dataclass
class Fault:
    """What befalls the next requests that match: an error, a delay, or waiting at a gate."""

    method: str
    path: str
    times: int
    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    gate: Gate | None = None

    def matches(self, call: Call) -> bool:
        return self.times > 0 and self.method in {"*", call.method} and bool(re.search(self.path, call.path))


class Gate:
    """Holds requests until it is opened."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._bell = Bell()
        self.waiting = 0

    async def arrived(self, count: int = 1) -> None:
        """Wait until so many requests have come to it."""
        await self._bell.until(lambda: True if self.waiting >= count else None, f"{count} held requests")

    def open(self) -> None:
        self._open.set()

    async def pass_through(self) -> None:
        self.waiting += 1
        self._bell.ring()
        await self._open.wait()


class Faults:
    """The faults that still wait for their requests, first come first served."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def fail(
        self,
        method: str,
        path: str,
        status: int,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Refuse the next requests; `path` is a regular expression after /api/v10, `method` may be "*"."""
        full = {**BODIES.get(status, {"message": str(status), "code": 0}), **(body or {})}
        added = rate_limit_headers(full) if status == 429 else {}
        self._faults.append(Fault(method, path, times, status, full, {**added, **(headers or {})}))

    def delay(self, method: str, path: str, seconds: float, times: int = 1) -> None:
        """Answer the next requests late."""
        self._faults.append(Fault(method, path, times, delay_s=seconds))

    def hold(self, method: str, path: str, times: int = 1) -> Gate:
        """Answer the next requests when the gate is opened."""
        gate = Gate()
        self._faults.append(Fault(method, path, times, gate=gate))
        return gate

    def forget(self) -> None:
        self._faults.clear()

    async def meet(self, call: Call) -> Fault | None:
        """Suffer what waits for a request; an error is returned."""
        for fault in [each for each in self._faults if each.matches(call)]:
            fault.times -= 1
            if fault.status:
                return fault
            await asyncio.sleep(fault.delay_s)
            if fault.gate is not None:
                await fault.gate.pass_through()
        return None
