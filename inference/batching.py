"""The batching rule: what of the waiting requests goes through the model together. Pure; the clock is passed.

Short messages padded to the length of a long one cost as much as the long one, so that a batch is made of the
request that has waited longest and of those nearest to it in length. Nobody waits for a batch to fill.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar


class Waiting(Protocol):
    """What the rule must know of a request: when it expires, in ms, and how long its text is."""

    @property
    def deadline_ms(self) -> int:
        """Time after which nobody waits for the answer."""

    @property
    def length(self) -> int:
        """About how long the text is, in any unit."""


Item = TypeVar("Item", bound=Waiting)


class Batch(NamedTuple, Generic[Item]):
    """What goes through the model together, shortest first, and what was dropped as expired."""

    items: list[Item]
    expired: list[Item]


class Batcher(Generic[Item]):
    """Requests that wait for the model, in the order in which they came."""

    def __init__(self, max_batch: int) -> None:
        """Make it empty.

        Args:
            max_batch: how many requests go through the model at once, from 1 up.
        """
        self._max_batch = max_batch
        self._waiting: deque[Item] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, items: Iterable[Item]) -> None:
        """Append requests."""
        self._waiting.extend(items)

    def take(self, now_ms: int) -> Batch[Item]:
        """Take out the next batch: the oldest request and those nearest to it in length; drop the expired."""
        alive = [item for item in self._waiting if item.deadline_ms > now_ms]
        expired = [item for item in self._waiting if item.deadline_ms <= now_ms]
        if not alive:
            self._waiting.clear()
            return Batch([], expired)
        oldest = alive[0].length
        chosen = sorted(range(len(alive)), key=lambda i: (abs(alive[i].length - oldest), i))
        taken = set(chosen[: self._max_batch])
        self._waiting = deque(item for i, item in enumerate(alive) if i not in taken)
        return Batch(sorted((alive[i] for i in taken), key=lambda item: item.length), expired)
