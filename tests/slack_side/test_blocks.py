"""Block Kit's limits: what is just right is taken, each mistake is found once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.slack_side.blocks import problems_of_message, problems_of_view
from tests.slack_side.sample_bot import plain

Block = dict[str, Any]
DIVIDER: Block = {"type": "divider"}
IMAGE: Block = {"type": "image", "image_url": "https://gifs.example/1.gif", "alt_text": "a smile"}


def section(text: str = "hello", **more: Any) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(**more: Any) -> Block:
    return {"type": "button", "text": plain("Send"), "action_id": "send", **more}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def select(count: int, kind: str = "static_select") -> Block:
    options = [{"text": plain(f"option {number}"), "value": str(number)} for number in range(count)]
    return {"type": kind, "action_id": "choose", "options": options}


GOOD = [
    section(accessory=IMAGE),
    IMAGE,
    DIVIDER,
    {"type": "header", "text": plain("Hello")},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "*small*"}, IMAGE]},
    actions(button(), select(3), select(5, "overflow") | {"action_id": "more"}),
]
BAD = {
    "51 blocks": [DIVIDER] * 51,
    "no blocks": [],
    "text": [section("x" * 3001)],
    "no text": [section("")],
    "raw text": [{"type": "section", "text": "hello"}],
    "unknown block": [{"type": "paragraph"}],
    "misspelt key": [section(accesory=IMAGE)],
    "block_id": [section(block_id="x" * 256)],
    "block_id twice": [section(block_id="one"), section(block_id="one")],
    "26 elements": [actions(*(button(action_id=str(number)) for number in range(26)))],
    "action_id": [actions(button(action_id="x" * 256))],
    "action_id twice": [actions(button(), button())],
    "label": [actions(button(text=plain("x" * 76)))],
    "value": [actions(button(value="x" * 2001))],
    "mrkdwn in a button": [actions(button(text={"type": "mrkdwn", "text": "*Send*"}))],
    "style": [actions(button(style="default"))],
    "image in actions": [actions(IMAGE)],
    "11 in a context": [{"type": "context", "elements": [plain("x")] * 11}],
    "no alt_text": [{"type": "image", "image_url": "https://gifs.example/1.gif"}],
    "long alt_text": [IMAGE | {"alt_text": "x" * 2001}],
    "two sources": [IMAGE | {"slack_file": {"id": "F0123456789"}}],
    "no source": [{"type": "image", "alt_text": "a smile"}],
    "webp": [IMAGE | {"image_url": "https://gifs.example/1.webp"}],
    "file id": [{"type": "image", "alt_text": "a smile", "slack_file": {"id": "smile"}}],
    "header": [{"type": "header", "text": plain("x" * 151)}],
    "one in an overflow": [actions(select(1, "overflow"))],
    "six in an overflow": [actions(select(6, "overflow"))],
    "101 options": [actions(select(101))],
    "text of an option": [actions(select(0) | {"options": [{"text": plain("x" * 76), "value": "1"}]})],
    "initial option": [actions(select(1) | {"initial_option": {"text": plain("other"), "value": "1"}})],
}


def modal(**more: Any) -> Block:
    return {"type": "modal", "title": plain("Settings"), "blocks": [section()], **more}


INPUT = {"type": "input", "label": plain("Name"), "element": {"type": "plain_text_input"}}
BAD_VIEWS = {
    "title": modal(title=plain("x" * 25)),
    "private_metadata": modal(private_metadata="x" * 3001),
    "101 blocks": modal(blocks=[DIVIDER] * 101),
    "no submit": modal(blocks=[INPUT]),
    "no title": {"type": "modal", "blocks": [section()]},
    "kind": {"type": "home", "blocks": [section()]},
    "callback_id": modal(callback_id="x" * 256),
}


def refuse_files(file: Block) -> str:
    return "invalid slack file"


def test_good_blocks_and_views_are_taken() -> None:
    assert problems_of_message(GOOD, refuse_files) == []
    assert problems_of_message([DIVIDER] * 50, refuse_files) == []
    view = modal(submit=plain("Save"), blocks=[*GOOD, INPUT])
    assert problems_of_view(view, frozenset({"modal"}), refuse_files) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_blocks_are_refused(name: str) -> None:
    assert len(problems_of_message(BAD[name], refuse_files)) == 1


@pytest.mark.parametrize("name", BAD_VIEWS)
def test_bad_views_are_refused(name: str) -> None:
    assert len(problems_of_view(BAD_VIEWS[name], frozenset({"modal"}), refuse_files)) == 1
