"""Errors and delays that a test asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.discord_side.faults import Gate
from tests.slack_side.errors import Refusal


@dataclass
class Fault:
    """What befalls the next requests of a method: an error, a delay, waiting at a gate, a cut line."""

    method: str
    times: int
    refusal: Refusal | None = None
    delay_s: float = 0.0
    gate: Gate | None = None
    is_cut: bool = False
    comes_late: bool = False


class Cut(Exception):
    """The connection breaks instead of an answer."""


class Faults:
    """The faults that still wait for their requests, first come first served."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def fail(
        self,
        method: str,
        error: str = "",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        comes_late: bool = False,
    ) -> None:
        """Refuse the next requests; `method` may have wildcards, a 429 gets Retry-After: 1 unless given.

        With `comes_late` the request takes effect and only its answer is the error, as with a time-out.
        """
        named = error or {429: "ratelimited", 500: "internal_error", 503: "service_unavailable"}.get(
            status, ""
        )
        added = {"Retry-After": "1"} if status == 429 else {}
        refusal = Refusal(named or "internal_error", status=status, headers={**added, **(headers or {})})
        self._faults.append(Fault(method, times, refusal, comes_late=comes_late))

    def cut(self, method: str, times: int = 1) -> None:
        """Break the connection of the next requests before they take effect."""
        self._faults.append(Fault(method, times, is_cut=True))

    def delay(self, method: str, seconds: float, times: int = 1) -> None:
        """Answer the next requests late."""
        self._faults.append(Fault(method, times, delay_s=seconds))

    def hold(self, method: str, times: int = 1) -> Gate:
        """Answer the next requests when the gate is opened."""
        gate = Gate()
        self._faults.append(Fault(method, times, gate=gate))
        return gate

    def forget(self) -> None:
        self._faults.clear()

    async def meet(self, method: str) -> Refusal | None:
        """Suffer what waits for a request; what is returned is to be answered after it took effect.

        Raises:
            Refusal: the error asked for.
            Cut: where the line is to break.
        """
        for fault in [each for each in self._faults if each.times > 0 and fnmatchcase(method, each.method)]:
            fault.times -= 1
            if fault.is_cut:
                raise Cut
            if fault.refusal is not None and fault.comes_late:
                return fault.refusal
            if fault.refusal is not None:
                raise fault.refusal
            await asyncio.sleep(fault.delay_s)
            if fault.gate is not None:
                await fault.gate.pass_through()
        return None
