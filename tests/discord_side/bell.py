"""Waiting for something to become so, without polling and never for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 10.0

T = TypeVar("T")


class Bell:
    """Wakes whoever waits on it at each ring."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Have everyone who waits look again."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    async def until(self, look: Callable[[], T | None], what: str, *, tick_s: float | None = None) -> T:
        """Wait until `look` finds something and return it; it looks at each ring, and each tick if given.

        Raises:
            TimeoutError: with `what`, after PATIENCE_S.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (found := look()) is None:
                    await self._next(tick_s)
        except TimeoutError:
            raise TimeoutError(f"waited {PATIENCE_S:g} s in vain for {what}") from None
        return found

    async def next_ring(self) -> None:
        """Wait for the next ring, however long it takes."""
        await self._rung.wait()

    async def _next(self, tick_s: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(tick_s):
                await self._rung.wait()
