"""Small checks of JSON against Block Kit's rules; each finding has a JSON pointer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.slack_side.errors import Problem
from tests.slack_side.world import Payload


class Findings:
    """Collects what is wrong in blocks or a view."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, pointer: str, message: str) -> None:
        self.problems.append(Problem(pointer, message))

    def object(self, value: Any, pointer: str) -> Payload | None:
        """Return a JSON object, or note that it is none."""
        if isinstance(value, dict):
            return value
        self.add(pointer, "must be an object")
        return None

    def keys(self, item: Payload, pointer: str, required: str, optional: str) -> bool:
        """Check which keys are there; say whether all required are."""
        must, may = set(required.split()), set(optional.split())
        for name in sorted(must - item.keys()):
            self.add(pointer, f"missing required field: {name}")
        for name in sorted(item.keys() - must - may - {"type", "block_id"}):
            self.add(f"{pointer}/{name}", f"invalid additional property: {name}")
        return must <= item.keys()

    def string(self, value: Any, pointer: str, most: int, least: int = 1) -> None:
        if not isinstance(value, str):
            self.add(pointer, "must be a string")
        elif len(value) > most:
            self.add(pointer, f"must be less than {most + 1} characters")
        elif len(value) < least:
            self.add(pointer, f"must be more than {least - 1} characters")

    def items(self, value: Any, pointer: str, most: int, least: int = 1) -> list[tuple[str, Any]]:
        """Check a list's length; return its items with their pointers."""
        if not isinstance(value, list):
            self.add(pointer, "must be an array")
            return []
        if len(value) > most:
            self.add(pointer, f"no more than {most} items allowed")
        if len(value) < least:
            self.add(pointer, f"no less than {least} items required")
        return [(f"{pointer}/{number}", each) for number, each in enumerate(value)]

    def text(self, value: Any, pointer: str, most: int, kinds: Iterable[str] = ("plain_text",)) -> None:
        """Check a text object."""
        item = self.object(value, pointer)
        if item is None or not self.keys(item, pointer, "text", "emoji verbatim"):
            return
        if item.get("type") not in set(kinds):
            self.add(f"{pointer}/type", f"must be one of {', '.join(kinds)}")
        if "emoji" in item and item.get("type") != "plain_text":
            self.add(f"{pointer}/emoji", "invalid additional property: emoji")
        if "verbatim" in item and item.get("type") != "mrkdwn":
            self.add(f"{pointer}/verbatim", "invalid additional property: verbatim")
        self.string(item["text"], f"{pointer}/text", most)

    def unique(self, values: Iterable[tuple[str, Any]], name: str) -> None:
        """Note a value that comes twice."""
        seen: set[Any] = set()
        for pointer, value in values:
            if value in seen:
                self.add(pointer, f"`{name}` {value!r} already exists")
            seen.add(value)
