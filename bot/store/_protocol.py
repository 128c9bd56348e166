"""The few operations that a store needs, each atomic, also among processes."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self


class Store(Protocol):
    """Values, tables of fields and short lists under string keys; an async context manager.

    What has a `life_s` is gone after so many seconds. All methods raise UnavailableError where the store
    cannot be used.
    """

    async def __aenter__(self) -> Self:
        """Connect, or open the file."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        ...

    async def put(self, key: str, value: bytes, *, life_s: float | None = None) -> None:
        """Set a value."""
        ...

    async def claim(self, key: str, *, life_s: float) -> bool:
        """Set a mark; whether it was not there before, so that only one of several callers gets True."""
        ...

    async def drop(self, key: str) -> bool:
        """Forget a value, a table or a list; whether there was one."""
        ...

    async def increase(self, key: str, *, life_s: float, by: int = 1) -> int:
        """Count `by` more and return the new count."""
        ...

    async def fields(self, key: str) -> dict[str, bytes]:
        """Return a table."""
        ...

    async def names(self, prefix: str) -> list[str]:
        """List what comes after `prefix` in the keys of tables, in alphabetical order."""
        ...

    async def put_field(self, key: str, field: str, value: bytes) -> None:
        """Set a field of a table."""
        ...

    async def drop_fields(self, key: str, *fields: str) -> int:
        """Forget fields of a table; how many there were."""
        ...

    async def has_field(self, key: str, field: str) -> bool:
        """Whether a table has a field."""
        ...

    async def add(self, key: str, field: str, amount: float) -> None:
        """Add to a number in a table, 0 where there is none."""
        ...

    async def push(self, key: str, item: str, *, keep: int, life_s: float) -> None:
        """Put an item in front of a list, which keeps its newest `keep`."""
        ...

    async def newest(self, key: str) -> list[str]:
        """Return a list, newest first."""
        ...
