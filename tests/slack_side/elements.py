"""Block Kit's elements: buttons, selects, inputs, images (docs.slack.dev/reference/block-kit)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from tests.slack_side.checks import Findings
from tests.slack_side.world import Payload

BOTH = ("plain_text", "mrkdwn")
SELECTS = frozenset(
    f"{many}{kind}_select"
    for many in ("", "multi_")
    for kind in ("static", "external", "users", "conversations", "channels")
)
CHOICES = frozenset({"checkboxes", "radio_buttons", "overflow"})
PICKERS = frozenset({"datepicker", "timepicker", "datetimepicker"})
TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
IN_ACTIONS = SELECTS | CHOICES | PICKERS | {"button"}
IN_SECTION = IN_ACTIONS | {"image"}
IN_INPUT = (SELECTS | CHOICES | PICKERS | TYPED) - {"overflow"}
FILE_ID = re.compile(r"F[A-Z0-9]{8,}")
MOST_OPTIONS = {"checkboxes": 10, "radio_buttons": 10, "overflow": 5}

FileCheck = Callable[[Payload], str]
"""Says what is wrong with a slack_file, or nothing."""


class Elements(Findings):
    """Checks elements by their type."""

    def __init__(self, file_problem: FileCheck) -> None:
        super().__init__()
        self._file_problem = file_problem

    def element(self, value: Any, pointer: str, allowed: frozenset[str]) -> None:
        """Check an element, and that it may stand here."""
        item = self.object(value, pointer)
        if item is None:
            return
        kind = item.get("type")
        if kind not in allowed:
            self.add(f"{pointer}/type", f"unsupported type: {kind}")
        elif kind == "image":
            self.image(item, pointer, "")
        elif kind == "button":
            self._button(item, pointer)
        elif kind in SELECTS:
            self._select(item, pointer)
        elif kind in CHOICES:
            self._choice(item, pointer)
        elif kind in TYPED:
            self._typed(item, pointer)
        else:
            self._common(item, pointer, "", "initial_date initial_time initial_date_time placeholder")

    def image(self, item: Payload, pointer: str, optional: str) -> None:
        """Check an image block or element: its alternative text and exactly one source."""
        if self.keys(item, pointer, "alt_text", f"image_url slack_file {optional}"):
            self.string(item["alt_text"], f"{pointer}/alt_text", 2000)
        if ("image_url" in item) == ("slack_file" in item):
            self.add(pointer, "must provide either image_url or slack_file")
        elif "image_url" in item:
            self._image_url(item["image_url"], f"{pointer}/image_url")
        else:
            self._slack_file(item["slack_file"], f"{pointer}/slack_file")
        if "title" in item:
            self.text(item["title"], f"{pointer}/title", 2000)

    def confirmation(self, value: Any, pointer: str) -> None:
        item = self.object(value, pointer)
        if item is not None and self.keys(item, pointer, "title text confirm deny", "style"):
            self.text(item["title"], f"{pointer}/title", 100)
            self.text(item["text"], f"{pointer}/text", 300, BOTH)
            self.text(item["confirm"], f"{pointer}/confirm", 30)
            self.text(item["deny"], f"{pointer}/deny", 30)
            self._style(item, pointer)

    def _image_url(self, url: Any, pointer: str) -> None:
        self.string(url, pointer, 3000)
        parts = urlsplit(str(url))
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            self.add(pointer, "invalid url")
        elif PurePosixPath(parts.path).suffix.lower() not in {"", ".png", ".jpg", ".jpeg", ".gif"}:
            self.add(pointer, "downloading image failed")

    def _slack_file(self, value: Any, pointer: str) -> None:
        item = self.object(value, pointer)
        if item is None:
            return
        self.keys(item, pointer, "", "id url")
        if ("id" in item) == ("url" in item):
            self.add(pointer, "must provide either id or url")
        elif "id" in item and not FILE_ID.fullmatch(str(item["id"])):
            self.add(f"{pointer}/id", "input must match regex pattern: ^[F][A-Z0-9]{8,}$")
        elif problem := self._file_problem(item):
            self.add(pointer, problem)

    def _common(self, item: Payload, pointer: str, required: str, optional: str) -> bool:
        complete = self.keys(item, pointer, required, f"{optional} action_id confirm focus_on_load")
        if "action_id" in item:
            self.string(item["action_id"], f"{pointer}/action_id", 255)
        if "confirm" in item:
            self.confirmation(item["confirm"], f"{pointer}/confirm")
        if "placeholder" in item:
            self.text(item["placeholder"], f"{pointer}/placeholder", 150)
        return complete

    def _button(self, item: Payload, pointer: str) -> None:
        if self._common(item, pointer, "text", "url value style accessibility_label"):
            self.text(item["text"], f"{pointer}/text", 75)
        for name, most in (("value", 2000), ("url", 3000), ("accessibility_label", 75)):
            if name in item:
                self.string(item[name], f"{pointer}/{name}", most)
        self._style(item, pointer)

    def _style(self, item: Payload, pointer: str) -> None:
        if item.get("style", "primary") not in {"primary", "danger"}:
            self.add(f"{pointer}/style", "must be one of primary, danger")

    def _select(self, item: Payload, pointer: str) -> None:
        kind = str(item["type"])
        many, name = kind.startswith("multi_"), kind.removeprefix("multi_").removesuffix("_select")
        noun = {"static": "option", "external": "option"}.get(name, name.removesuffix("s"))
        optional = f"placeholder initial_{noun}{'s' if many else ''} {'max_selected_items' if many else ''}"
        extra = {
            "static": "options option_groups",
            "external": "min_query_length",
            "conversations": "default_to_current_conversation response_url_enabled filter",
            "channels": "response_url_enabled",
        }
        self._common(item, pointer, "", f"{optional} {extra.get(name, '')}")
        if name == "static":
            self._static_options(item, pointer)

    def _static_options(self, item: Payload, pointer: str) -> None:
        if ("options" in item) == ("option_groups" in item):
            self.add(pointer, "must define either `options` or `option_groups`")
        elif "options" in item:
            self._options(item["options"], f"{pointer}/options", 100, 1)
        else:
            for where, group in self.items(item["option_groups"], f"{pointer}/option_groups", 100):
                found = self.object(group, where)
                if found is not None and self.keys(found, where, "label options", ""):
                    self.text(found["label"], f"{where}/label", 75)
                    self._options(found["options"], f"{where}/options", 100, 1)
        self._initial(item, pointer)

    def _choice(self, item: Payload, pointer: str) -> None:
        kind = str(item["type"])
        initial = {"checkboxes": "initial_options", "radio_buttons": "initial_option"}.get(kind, "")
        if self._common(item, pointer, "options", initial):
            least = 2 if kind == "overflow" else 1
            kinds = ("plain_text",) if kind == "overflow" else BOTH
            self._options(item["options"], f"{pointer}/options", MOST_OPTIONS[kind], least, kinds)
            self._initial(item, pointer)

    def _options(
        self, value: Any, pointer: str, most: int, least: int, kinds: tuple[str, ...] = ("plain_text",)
    ) -> None:
        for where, option in self.items(value, pointer, most, least):
            found = self.object(option, where)
            if found is None or not self.keys(found, where, "text value", "description url"):
                continue
            self.text(found["text"], f"{where}/text", 75, kinds)
            self.string(found["value"], f"{where}/value", 150)
            if "description" in found:
                self.text(found["description"], f"{where}/description", 75, kinds)

    def _initial(self, item: Payload, pointer: str) -> None:
        groups = item.get("option_groups") or [{"options": item.get("options", [])}]
        known = [option for group in groups for option in group.get("options", [])]
        chosen = [
            *item.get("initial_options", []),
            *([item["initial_option"]] if "initial_option" in item else []),
        ]
        if any(option not in known for option in chosen):
            self.add(pointer, "initial_option must exactly match one of the options")
        if item.get("initial_options") == []:
            self.add(f"{pointer}/initial_options", "no less than 1 items required")

    def _typed(self, item: Payload, pointer: str) -> None:
        optional = "initial_value placeholder dispatch_action_config"
        extra = {
            "plain_text_input": "multiline min_length max_length",
            "number_input": "min_value max_value is_decimal_allowed",
        }
        required = "is_decimal_allowed" if item["type"] == "number_input" else ""
        self._common(item, pointer, required, f"{optional} {extra.get(str(item['type']), '')}")
        if "initial_value" in item and not isinstance(item["initial_value"], str):
            self.add(f"{pointer}/initial_value", "must be a string")
        if not 0 <= int(item.get("min_length", 0)) <= int(item.get("max_length", 3000)) <= 3000:
            self.add(pointer, "min_length and max_length must be between 0 and 3000")
