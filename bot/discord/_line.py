"""Whether the bot is connected: discord.py mends its lines by itself and says by events how they are."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 300.0
DOWN = "The line of shard {shard} to Discord is down."
LOST = "The line of shard {shard} to Discord has been down for {minutes:.0f} minutes."


class Line:
    """The lines of all shards to Discord."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._down_since: dict[int, float] = {}

    def goes_down(self, shard: int) -> None:
        """Note that a line is down; it may be said again while it is."""
        self._down_since.setdefault(shard, self._clock())

    def comes_up(self, shard: int) -> None:
        """Note that a line is up."""
        self._down_since.pop(shard, None)

    @property
    def complaint(self) -> str:
        """Why the bot does not hear everything now, empty where it does."""
        return next((DOWN.format(shard=shard) for shard in self._down_since), "")

    @property
    def illness(self) -> str:
        """Why the process had better be started anew, empty where all is well."""
        for shard, since in self._down_since.items():
            if (down_s := self._clock() - since) > PATIENCE_S:
                return LOST.format(shard=shard, minutes=down_s / 60)
        return ""
