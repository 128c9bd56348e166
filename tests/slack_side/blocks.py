"""Block Kit's blocks and views, and their limits (docs.slack.dev/reference/block-kit/blocks, views)."""

from __future__ import annotations

from typing import Any

from tests.slack_side.elements import BOTH, IN_ACTIONS, IN_INPUT, IN_SECTION, Elements, FileCheck
from tests.slack_side.errors import Problem
from tests.slack_side.world import Payload

MODELLED = frozenset({"section", "divider", "image", "actions", "context", "input", "header", "markdown"})
# Known to Slack; of these only block_id is checked.
LIGHTLY_CHECKED = frozenset({"rich_text", "video", "table", "file", "context_actions"})
IN_VIEWS = (MODELLED | {"rich_text", "video"}) - {"markdown"}
MOST_IN_MESSAGE, MOST_IN_VIEW, MOST_VIEW_BYTES = 50, 100, 250_000
VIEW_KEYS = "private_metadata callback_id external_id"


class Blocks(Elements):
    """Checks blocks and views."""

    def blocks(self, value: Any, pointer: str, most: int, allowed: frozenset[str]) -> None:
        """Check a list of blocks, and that ids do not come twice."""
        blocks = self.items(value, pointer, most)
        for where, block in blocks:
            if (item := self.object(block, where)) is not None:
                self._block(item, where, allowed)
        objects = [(where, block) for where, block in blocks if isinstance(block, dict)]
        ids = [(f"{where}/block_id", block["block_id"]) for where, block in objects if block.get("block_id")]
        self.unique(ids, "block_id")

    def view(self, value: Any, kinds: frozenset[str]) -> None:
        """Check a modal or a home tab."""
        view = self.object(value, "/view")
        if view is None:
            return
        if view.get("type") not in kinds:
            return self.add("/view/type", f"must be one of {', '.join(sorted(kinds))}")
        is_modal = view["type"] == "modal"
        modal_keys = "submit close clear_on_close notify_on_close submit_disabled"
        optional = f"{VIEW_KEYS} {modal_keys}" if is_modal else VIEW_KEYS
        if self.keys(view, "/view", "title blocks" if is_modal else "blocks", optional):
            self.blocks(view["blocks"], "/view/blocks", MOST_IN_VIEW, IN_VIEWS)
        for name in {"title", "submit", "close"} & view.keys():
            self.text(view[name], f"/view/{name}", 24)
        for name, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
            if name in view:
                self.string(view[name], f"/view/{name}", most, least=0)
        has_input = any(
            each.get("type") == "input" for each in view.get("blocks", []) if isinstance(each, dict)
        )
        if is_modal and has_input and "submit" not in view:
            self.add("/view", "submit is required when an input block is within the blocks array")
        return None

    def _block(self, block: Payload, pointer: str, allowed: frozenset[str]) -> None:
        kind = block.get("type")
        if "block_id" in block:
            self.string(block["block_id"], f"{pointer}/block_id", 255, least=0)
        if kind not in allowed:
            self.add(f"{pointer}/type", f"unsupported block type: {kind}")
        elif kind in MODELLED:
            {
                "section": self._section,
                "divider": self._divider,
                "image": self._image_block,
                "actions": self._actions,
                "context": self._context,
                "input": self._input,
                "header": self._header,
                "markdown": self._markdown,
            }[str(kind)](block, pointer)

    def _section(self, block: Payload, pointer: str) -> None:
        self.keys(block, pointer, "", "text fields accessory expand")
        if "text" not in block and "fields" not in block:
            self.add(pointer, "must define either `text` or `fields`")
        if "text" in block:
            self.text(block["text"], f"{pointer}/text", 3000, BOTH)
        if "fields" in block:
            for where, each in self.items(block["fields"], f"{pointer}/fields", 10):
                self.text(each, where, 2000, BOTH)
        if "accessory" in block:
            self.element(block["accessory"], f"{pointer}/accessory", IN_SECTION)

    def _divider(self, block: Payload, pointer: str) -> None:
        self.keys(block, pointer, "", "")

    def _image_block(self, block: Payload, pointer: str) -> None:
        self.image(block, pointer, "title")

    def _actions(self, block: Payload, pointer: str) -> None:
        if self.keys(block, pointer, "elements", ""):
            elements = self.items(block["elements"], f"{pointer}/elements", 25)
            for where, each in elements:
                self.element(each, where, IN_ACTIONS)
            objects = [(where, each) for where, each in elements if isinstance(each, dict)]
            ids = [
                (f"{where}/action_id", each["action_id"]) for where, each in objects if "action_id" in each
            ]
            self.unique(ids, "action_id")

    def _context(self, block: Payload, pointer: str) -> None:
        if not self.keys(block, pointer, "elements", ""):
            return
        for where, each in self.items(block["elements"], f"{pointer}/elements", 10):
            if isinstance(each, dict) and each.get("type") == "image":
                self.image(each, where, "")
            else:
                self.text(each, where, 3000, BOTH)

    def _input(self, block: Payload, pointer: str) -> None:
        if self.keys(block, pointer, "label element", "hint optional dispatch_action"):
            self.text(block["label"], f"{pointer}/label", 2000)
            self.element(block["element"], f"{pointer}/element", IN_INPUT)
        if "hint" in block:
            self.text(block["hint"], f"{pointer}/hint", 2000)

    def _header(self, block: Payload, pointer: str) -> None:
        if self.keys(block, pointer, "text", "level"):
            self.text(block["text"], f"{pointer}/text", 150)

    def _markdown(self, block: Payload, pointer: str) -> None:
        if self.keys(block, pointer, "text", ""):
            self.string(block["text"], f"{pointer}/text", 12_000)


def problems_of_message(blocks: Any, file_problem: FileCheck) -> list[Problem]:
    """Check the blocks of a message."""
    checked = Blocks(file_problem)
    checked.blocks(blocks, "/blocks", MOST_IN_MESSAGE, MODELLED | LIGHTLY_CHECKED)
    return checked.problems


def problems_of_view(view: Any, kinds: frozenset[str], file_problem: FileCheck) -> list[Problem]:
    """Check a view of one of these kinds, modal or home."""
    checked = Blocks(file_problem)
    checked.view(view, kinds)
    return checked.problems
