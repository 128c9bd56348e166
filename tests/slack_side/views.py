"""Modals and home tabs, and the triggers that open them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.discord_side.bell import Bell
from tests.slack_side.errors import Refusal
from tests.slack_side.surfaces import Surface, with_ids
from tests.slack_side.world import Payload, Person, World

TRIGGER_S = 3.0


@dataclass(eq=False)
class ShownView(Surface):
    """A modal or a home tab on somebody's screen."""

    id: str = ""
    person: Person = field(default_factory=lambda: Person("", ""))
    view: Payload = field(default_factory=dict)
    hash: str = ""
    is_closed: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    parent: ShownView | None = None
    updates: int = 0

    @property
    def title(self) -> str:
        return str(self.view.get("title", {}).get("text", ""))

    def payload(self, world: World) -> Payload:
        """Describe it as the API does."""
        described = {
            "callback_id": "",
            "private_metadata": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **self.view,
            "id": self.id,
            "team_id": world.team_id,
            "app_id": world.app_id,
            "bot_id": world.bot.bot_id,
            "blocks": self.blocks,
            "state": self.state(),
            "hash": self.hash,
            "previous_view_id": self.parent.id if self.parent else None,
            "root_view_id": self.id if self.parent is None else self.parent.id,
        }
        return described

    def show(self, view: Payload, hash_: str) -> None:
        """Put a view here; what people had chosen in blocks that stay, stays."""
        self.view, self.blocks, self.hash = view, with_ids(view["blocks"]), hash_
        kept = {(block["block_id"], element["action_id"]) for block, element in self.controls}
        self.chosen = {key: value for key, value in self.chosen.items() if key in kept}
        self.errors = {}
        self.updates += 1


@dataclass
class Trigger:
    """What an interaction lets the bot do once within 3 s: open a modal."""

    id: str
    person: Person
    made_at: float
    is_used: bool = False
    view: ShownView | None = None


class ViewBook:
    """All modals and home tabs."""

    def __init__(self, world: World, bell: Bell) -> None:
        self._world, self._bell = world, bell
        self.all: dict[str, ShownView] = {}
        self.homes: dict[str, ShownView] = {}
        self.triggers: dict[str, Trigger] = {}

    def new_trigger(self, person: Person, now: float) -> Trigger:
        number = self._world.new_id("")
        trigger = Trigger(f"{number}.{len(self.triggers)}.{'f' * 32}", person, now)
        self.triggers[trigger.id] = trigger
        return trigger

    def use_trigger(self, trigger_id: str, now: float) -> Trigger:
        """Exchange a trigger.

        Raises:
            Refusal: where it is unknown, used or older than 3 s.
        """
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise Refusal("invalid_trigger_id", rule="trigger")
        if trigger.is_used:
            raise Refusal("exchanged_trigger_id", rule="trigger")
        if now - trigger.made_at > TRIGGER_S:
            raise Refusal("expired_trigger_id")
        trigger.is_used = True
        return trigger

    def open(self, person: Person, view: Payload, parent: ShownView | None = None) -> ShownView:
        """Show a new modal."""
        shown = ShownView(id=self._world.new_id("V"), person=person, parent=parent)
        self.all[shown.id] = shown
        return self.show(shown, view)

    def publish(self, person: Person, view: Payload) -> ShownView:
        """Show somebody's home tab."""
        shown = self.homes.get(person.id) or ShownView(id=self._world.new_id("V"), person=person)
        self.all[shown.id] = self.homes[person.id] = shown
        return self.show(shown, view)

    def show(self, shown: ShownView, view: Payload) -> ShownView:
        external = view.get("external_id")
        if external and any(each.view.get("external_id") == external for each in self._others(shown)):
            raise Refusal("duplicate_external_id", rule="external_id")
        shown.show(view, self._world.new_ts())
        self._bell.ring()
        return shown

    def close(self, shown: ShownView | None, *, clears_stack: bool = True) -> None:
        """Take a modal from the screen, and those beneath it."""
        while shown is not None:
            shown.is_closed = True
            shown = shown.parent if clears_stack else None
        self._bell.ring()

    def find(self, view_id: str, external_id: str) -> ShownView | None:
        living = [each for each in self.all.values() if not each.is_closed]
        matches = (
            each for each in living if view_id == each.id or external_id == each.view.get("external_id")
        )
        return next((each for each in matches if view_id or external_id), None)

    def _others(self, shown: ShownView) -> list[ShownView]:
        return [each for each in self.all.values() if each is not shown and not each.is_closed]
