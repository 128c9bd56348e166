"""The payloads of commands, shortcuts, presses, choices and submissions, as Slack sends them."""

from __future__ import annotations

import time
from typing import Any

from tests.slack_side.hooks import Hook
from tests.slack_side.messages import ShownMessage
from tests.slack_side.surfaces import Surface, options_of
from tests.slack_side.views import ShownView, Trigger
from tests.slack_side.world import Channel, Payload, Person, World


def command(world: World, person: Person, name: str, text: str, hook: Hook, trigger: Trigger) -> Payload:
    """Describe a slash command: a flat form of strings."""
    return {
        "token": world.verification_token,
        "team_id": world.team_id,
        "team_domain": world.domain,
        "channel_id": hook.channel.id,
        "channel_name": hook.channel.shown_name,
        "user_id": person.id,
        "user_name": person.name,
        "command": name,
        "text": text,
        "api_app_id": world.app_id,
        "is_enterprise_install": "false",
        "response_url": hook.url,
        "trigger_id": trigger.id,
    }


def message_shortcut(
    world: World, person: Person, callback_id: str, message: ShownMessage, hook: Hook, trigger: Trigger
) -> Payload:
    """Describe a shortcut of a message; the message comes in full, even where the bot is no member."""
    return {
        **_base(world, person, "message_action"),
        "action_ts": world.new_ts(),
        "channel": _channel(message.channel),
        "callback_id": callback_id,
        "trigger_id": trigger.id,
        "response_url": hook.url,
        "message_ts": message.ts,
        "message": message.payload(),
    }


def global_shortcut(world: World, person: Person, callback_id: str, trigger: Trigger) -> Payload:
    """Describe a shortcut that belongs to no message."""
    return {
        **_base(world, person, "shortcut"),
        "action_ts": world.new_ts(),
        "callback_id": callback_id,
        "trigger_id": trigger.id,
    }


def message_action(
    world: World, person: Person, message: ShownMessage, action: Payload, hook: Hook, trigger: Trigger
) -> Payload:
    """Describe a press in a message; of an ephemeral one the app gets no text and no blocks."""
    container: Payload = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel.id,
        "is_ephemeral": message.is_ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    shown = {} if message.is_ephemeral else {"message": message.payload()}
    return {
        **_base(world, person, "block_actions"),
        "api_app_id": world.app_id,
        "container": container,
        "trigger_id": trigger.id,
        "channel": _channel(message.channel),
        **shown,
        "state": message.state(),
        "response_url": hook.url,
        "actions": [action],
    }


def view_action(world: World, person: Person, view: ShownView, action: Payload, trigger: Trigger) -> Payload:
    """Describe a press in a modal or home tab: no channel, no response URL."""
    return {
        **_base(world, person, "block_actions"),
        "api_app_id": world.app_id,
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger.id,
        "view": view.payload(world),
        "actions": [action],
    }


def submission(world: World, person: Person, view: ShownView, trigger: Trigger) -> Payload:
    """Describe a modal that is sent."""
    return {
        **_base(world, person, "view_submission"),
        "api_app_id": world.app_id,
        "trigger_id": trigger.id,
        "view": view.payload(world),
        "response_urls": [],
    }


def closing(world: World, person: Person, view: ShownView) -> Payload:
    """Describe a modal that is closed without being sent."""
    base = _base(world, person, "view_closed")
    return {**base, "api_app_id": world.app_id, "view": view.payload(world), "is_cleared": False}


def action(block: Payload, element: Payload, chosen: Payload) -> Payload:
    """Describe the one action of a press or choice."""
    described = {
        "type": element["type"],
        "block_id": block["block_id"],
        "action_id": element["action_id"],
        "action_ts": f"{time.time():.6f}",
    }
    for name in ("text", "value", "style", "url", "placeholder"):
        if name in element:
            described[name] = element[name]
    return described | {name: value for name, value in chosen.items() if name != "type"}


def chosen_value(element: Payload, values: list[str]) -> Payload:
    """Describe what is chosen in an element, by option text or value, or by id, date or text.

    Raises:
        LookupError: where there is no such option.
    """
    kind = str(element["type"])
    found: list[Any] = list(values)
    if "options" in element or "option_groups" in element:
        found = [_option(element, value) for value in values]
    noun = kind.removeprefix("multi_").removesuffix("_select").removesuffix("s")
    if kind.endswith("picker"):
        noun = {"datepicker": "date", "timepicker": "time"}.get(kind, "date_time")
    if kind in {"static_select", "multi_static_select", "radio_buttons", "overflow", "checkboxes"}:
        noun = "option"
    if kind.startswith("multi_") or kind == "checkboxes":
        return {"type": kind, f"selected_{noun}s": found}
    if kind.endswith(("_select", "picker")) or kind in {"radio_buttons", "overflow"}:
        return {"type": kind, f"selected_{noun}": found[0] if found else None}
    return {"type": kind, "value": found[0] if found else None}


def fill(surface: Surface, values: dict[str, str | list[str]]) -> None:
    """Choose and write in a view, by action_id, block_id, label or placeholder.

    Raises:
        LookupError: where nothing goes by a name.
    """
    kinds = frozenset(element["type"] for _, element in surface.controls) - {"button", "overflow"}
    for name, value in values.items():
        block, element = surface.find(name, kinds)
        chosen = chosen_value(element, value if isinstance(value, list) else [value] if value else [])
        surface.chosen[block["block_id"], element["action_id"]] = chosen


def missing_inputs(view: ShownView) -> list[str]:
    """List the inputs that Slack would ask to fill in before a modal can be sent."""
    values = view.state()["values"]
    missing = []
    for block, element in view.controls:
        if block["type"] == "input" and not block.get("optional", False):
            given = values[block["block_id"]][element["action_id"]]
            if not any(value for name, value in given.items() if name != "type"):
                missing.append(element["action_id"])
    return missing


def _option(element: Payload, value: str) -> Payload:
    for option in options_of(element):
        if value in {option["value"], option["text"]["text"]}:
            return option
    known = [option["text"]["text"] for option in options_of(element)]
    raise LookupError(f"no option {value!r}; there are {known}")


def _base(world: World, person: Person, kind: str) -> Payload:
    user = {"id": person.id, "username": person.name, "name": person.name, "team_id": world.team_id}
    return {
        "type": kind,
        "team": {"id": world.team_id, "domain": world.domain},
        "user": user,
        "token": world.verification_token,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _channel(channel: Channel) -> Payload:
    return {"id": channel.id, "name": channel.shown_name}
