"""What people see of blocks, in messages and views: texts, buttons, pictures, and what they have chosen."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.slack_side.world import Payload

_numbers = itertools.count(1)


@dataclass(eq=False)
class Surface:
    """Blocks on somebody's screen."""

    blocks: list[Payload] = field(default_factory=list)
    chosen: dict[tuple[str, str], Payload] = field(default_factory=dict)

    @property
    def controls(self) -> list[tuple[Payload, Payload]]:
        """Every element that can be pressed, chosen or written in, with its block."""
        return [(block, each) for block in self.blocks for each in _elements(block) if "action_id" in each]

    @property
    def buttons(self) -> list[str]:
        """The labels of the buttons, in order."""
        return [each["text"]["text"] for _, each in self.controls if each["type"] == "button"]

    @property
    def texts(self) -> list[str]:
        """Everything written in text objects, in order; labels of controls left out."""
        return [text for block in self.blocks for text in _texts(block)]

    @property
    def images(self) -> list[Payload]:
        """The image blocks and elements, in order."""
        return [
            each
            for block in self.blocks
            for each in (block, *_elements(block))
            if each.get("type") == "image"
        ]

    @property
    def alt_texts(self) -> list[str]:
        return [image["alt_text"] for image in self.images]

    @property
    def image_file_ids(self) -> list[str]:
        """The ids of the files that its images show (a slack_file given by url keeps its url)."""
        files = [image["slack_file"] for image in self.images if "slack_file" in image]
        return [file.get("id") or file["url"] for file in files]

    def find(self, name: str, kinds: frozenset[str]) -> tuple[Payload, Payload]:
        """Find a control by its label, placeholder, action_id or value.

        Raises:
            LookupError: where nothing or more than one thing goes by that name.
        """
        matching = [pair for pair in self.controls if pair[1]["type"] in kinds and name in _names(*pair)]
        if len(matching) != 1:
            known = [sorted(_names(*pair)) for pair in self.controls if pair[1]["type"] in kinds]
            raise LookupError(f"{len(matching)} controls are called {name!r}; there are {known}")
        return matching[0]

    def state(self) -> Payload:
        """Describe what is chosen, as payloads carry it: initial values, then people's choices."""
        values: dict[str, Payload] = {}
        for block, element in self.controls:
            if element["type"] in {"button", "overflow"}:
                continue
            key = block["block_id"], element["action_id"]
            values.setdefault(key[0], {})[key[1]] = self.chosen.get(key) or initial_value(element)
        return {"values": values}


def with_ids(blocks: Any) -> list[Payload]:
    """Copy blocks and give ids to what has none, as Slack does."""
    copied: list[Payload] = copy.deepcopy(list(blocks or []))
    for block in copied:
        block["block_id"] = block.get("block_id") or f"b{next(_numbers):04d}"
        for element in _elements(block):
            if element.get("type") not in {"image", "plain_text", "mrkdwn"}:
                element.setdefault("action_id", f"a{next(_numbers):04d}")
    return copied


def initial_value(element: Payload) -> Payload:
    """Describe an element that nobody has touched."""
    kind = element["type"]
    noun = kind.removeprefix("multi_").removesuffix("_select").removesuffix("s")
    if kind == "static_select" or kind == "radio_buttons":
        found: Payload = {"selected_option": element.get("initial_option")}
    elif kind in {"multi_static_select", "checkboxes"}:
        found = {"selected_options": element.get("initial_options", [])}
    elif kind.startswith("multi_"):
        found = {f"selected_{noun}s": element.get(f"initial_{noun}s", [])}
    elif kind.endswith("_select"):
        found = {f"selected_{noun}": element.get(f"initial_{noun}")}
    elif kind.endswith("picker"):
        noun = {"datepicker": "date", "timepicker": "time"}.get(kind, "date_time")
        found = {f"selected_{noun}": element.get(f"initial_{noun}")}
    else:
        found = {"value": element.get("initial_value")}
    return {"type": kind, **found}


def options_of(element: Payload) -> list[Payload]:
    """List the options of a select, also those in groups."""
    groups = element.get("option_groups") or [{"options": element.get("options", [])}]
    return [option for group in groups for option in group["options"]]


def _elements(block: Payload) -> list[Payload]:
    single = [block[name] for name in ("accessory", "element") if name in block]
    several = block.get("elements", []) if block.get("type") in {"actions", "context"} else []
    return [*single, *several]


def _names(block: Payload, element: Payload) -> set[str]:
    texts = (element.get("text"), element.get("placeholder"), block.get("label"))
    plain = {element.get("action_id"), element.get("value"), block["block_id"]}
    return {text["text"] for text in texts if text} | {name for name in plain if name}


def _texts(block: Payload) -> Iterator[str]:
    if block.get("type") == "markdown":
        yield block["text"]
    candidates = [block.get("text"), block.get("title"), block.get("label"), *block.get("fields", [])]
    for each in [*candidates, *(block.get("elements", []) if block.get("type") == "context" else [])]:
        if isinstance(each, dict) and "text" in each:
            yield str(each["text"])
