"""views.*: modals and the home tab."""

from __future__ import annotations

from collections.abc import Callable

from tests.slack_side.blocks import MOST_VIEW_BYTES, problems_of_view
from tests.slack_side.calls import Call
from tests.slack_side.errors import Refusal, invalid_arguments
from tests.slack_side.state import State
from tests.slack_side.views import ShownView
from tests.slack_side.world import Payload, Person

MODAL, HOME = frozenset({"modal"}), frozenset({"home"})
MOST_MODALS = 3


class ViewRoutes:
    """Answers views.* and what a modal's submission is answered with."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.routes: dict[str, Callable[[Call], Payload]] = {
            "views.open": self._open,
            "views.push": self._open,
            "views.update": self._update,
            "views.publish": self._publish,
        }

    def checked(self, view: object, kinds: frozenset[str]) -> Payload:
        """Check a view.

        Raises:
            Refusal: view_too_large, or invalid_arguments with pointers.
        """
        if len(str(view).encode()) > MOST_VIEW_BYTES:
            raise Refusal("view_too_large", rule="view_size")
        problems = problems_of_view(view, kinds, self._state.files.problem)
        if problems or not isinstance(view, dict):
            is_ours = any(each.message != "invalid slack file" for each in problems)
            raise invalid_arguments("block_kit" if is_ours else "", *problems)
        return view

    def respond(self, shown: ShownView, payload: Payload) -> None:
        """Do what a submission was answered with: close, or errors, update, push, clear."""
        action, book = payload.get("response_action"), self._state.views
        if not payload:
            book.close(shown, clears_stack=False)
        elif action == "errors":
            shown.errors = dict(payload["errors"])
            self._check_errors(shown)
        elif action == "update":
            book.show(shown, self.checked(payload["view"], MODAL))
        elif action == "push":
            book.open(shown.person, self.checked(payload["view"], MODAL), shown)
        elif action == "clear":
            book.close(shown)
        else:
            self._state.flag("view_submission", "response_action", f"unknown: {payload}")
        self._state.bell.ring()

    def _open(self, call: Call) -> Payload:
        view = self.checked(call.args["view"], MODAL)
        trigger = self._state.views.use_trigger(call.text("trigger_id"), self._state.clock())
        parent = self._top(trigger.person)
        if call.method == "views.push" and parent is None:
            raise Refusal("not_found", rule="views.push")
        if parent is not None and _depth(parent) >= MOST_MODALS:
            raise Refusal("push_limit_reached", rule="views.push")
        trigger.view = self._state.views.open(trigger.person, view, parent)
        self._state.bell.ring()
        return {"view": trigger.view.payload(self._state.world)}

    def _update(self, call: Call) -> Payload:
        shown = self._state.views.find(call.text("view_id"), call.text("external_id"))
        if shown is None:
            raise Refusal("not_found")
        if call.text("hash") not in {"", shown.hash}:
            raise Refusal("hash_conflict")
        kinds = HOME if shown in self._state.views.homes.values() else MODAL
        self._state.views.show(shown, self.checked(call.args["view"], kinds))
        return {"view": shown.payload(self._state.world)}

    def _publish(self, call: Call) -> Payload:
        person = self._state.person(call.text("user_id"))
        shown = self._state.views.homes.get(person.id)
        if call.text("hash") and (shown is None or call.text("hash") != shown.hash):
            raise Refusal("hash_conflict")
        view = self.checked(call.args["view"], HOME)
        return {"view": self._state.views.publish(person, view).payload(self._state.world)}

    def _top(self, person: Person) -> ShownView | None:
        homes = self._state.views.homes.values()
        views = [each for each in self._state.views.all.values() if each not in homes and not each.is_closed]
        return next((each for each in reversed(views) if each.person is person), None)

    def _check_errors(self, shown: ShownView) -> None:
        inputs = {block["block_id"] for block in shown.blocks if block["type"] == "input"}
        if strangers := shown.errors.keys() - inputs:
            self._state.flag("view_submission", "errors", f"no input blocks: {sorted(strangers)}")


def _depth(view: ShownView) -> int:
    return 1 + (_depth(view.parent) if view.parent else 0)
