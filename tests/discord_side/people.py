"""Acting as people: commands, buttons, messages, reactions, and doing any of it twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.discord_side import components as parts
from tests.discord_side.commands import (
    MESSAGE_MENU,
    SLASH,
    CommandBook,
    Form,
    Value,
    leaf,
    nested,
)
from tests.discord_side.contract import Payload
from tests.discord_side.handles import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, Event, Handle
from tests.discord_side.interactions import make_handle
from tests.discord_side.messages import REPLY, ShownMessage, Upload
from tests.discord_side.state import State
from tests.discord_side.world import Channel, Person

BUTTONS = frozenset({parts.BUTTON})
NOTHING: Mapping[str, Value] = {}


class People:
    """What people do; every method returns when the event is sent."""

    state: State

    def __init__(self) -> None:
        self._events: dict[int, tuple[Event, Channel]] = {}

    async def slash(
        self,
        person: Person,
        command: str,
        options: Mapping[str, Value] = NOTHING,
        *,
        channel: Channel | None = None,
        install: str = "guild",
    ) -> Handle:
        """Use a slash command, "name" or "name subcommand"; a choice may be given by its name.

        Raises:
            NotOffered: where the client would not let the person do it.
        """
        place = self._place(channel, install)
        return self._command(person, place, self._filled(person, command, options, place, install), install)

    async def autocomplete(
        self,
        person: Person,
        command: str,
        options: Mapping[str, Value],
        *,
        focused: str,
        channel: Channel | None = None,
        install: str = "guild",
    ) -> Handle:
        """Type into an option; `handle.choices()` is what is offered."""
        place = self._place(channel, install)
        data = self._filled(person, command, options, place, install, focused)
        return self._command(person, place, data, install, AUTOCOMPLETE)

    async def menu(
        self, person: Person, command: str, message: ShownMessage, *, install: str = "guild"
    ) -> Handle:
        """Use a message's context menu; the message comes in full, whatever the intents."""
        registered = self._commands.find(command, MESSAGE_MENU, person, message.channel, install)
        data = {
            "id": registered["id"],
            "name": command,
            "type": MESSAGE_MENU,
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): message.payload()}},
        }
        return self._command(person, message.channel, data, install)

    async def press(self, person: Person, message: ShownMessage, button: str) -> Handle:
        """Press a button by its label, emoji or custom id.

        Raises:
            LookupError: where the message shows no such button, or it is disabled.
        """
        control = parts.find_control(message.components, button, BUTTONS)
        return self._component(person, message, control, {})

    async def select(
        self, person: Person, message: ShownMessage, select: str, values: Sequence[str]
    ) -> Handle:
        """Choose in a select by its placeholder or custom id; values by label or value."""
        control = parts.find_control(message.components, select, parts.SELECTS)
        options = {
            name: each["value"] for each in control["options"] for name in (each["value"], each["label"])
        }
        return self._component(person, message, control, {"values": [options[value] for value in values]})

    async def submit(self, person: Person, shown_by: Handle, values: Mapping[str, str]) -> Handle:
        """Send the form that an interaction was answered with; values by custom id."""
        form = await shown_by.modal()
        data = {
            "custom_id": form["custom_id"],
            "components": [_submitted(component, values) for component in form["components"]],
        }
        handle = make_handle(
            self.state,
            MODAL,
            person,
            shown_by.channel,
            data,
            install=_install(shown_by),
            source=shown_by.source,
        )
        return self._sent(handle)

    async def say(
        self,
        person: Person,
        text: str,
        *,
        channel: Channel | None = None,
        reply_to: ShownMessage | None = None,
        pings: bool = True,
        mentions_bot: bool = False,
        files: Sequence[Upload] = (),
    ) -> ShownMessage:
        """Write a message; a reply pings its author unless told otherwise."""
        place = channel or (self.state.world.channel if reply_to is None else reply_to.channel)
        message = ShownMessage(
            id=self.state.world.snowflake(),
            channel=place,
            author=person,
            content=f"{self.state.world.bot.mention} {text}" if mentions_bot else text,
            type=REPLY if reply_to else 0,
            reference=reply_to,
            mentions=[reply_to.author] if reply_to and pings else [],
            attachments=[self.state.book.store(upload, place.id) for upload in files],
        )
        self.state.book.add(message)
        self._events[message.id] = self.state.delivery.created(message), place
        return message

    async def edits(self, message: ShownMessage, text: str) -> None:
        """Change what somebody wrote."""
        message.versions.append(message.payload())
        message.content = text
        self.state.delivery.updated(message)

    async def reacts(self, person: Person, message: ShownMessage, emoji: str) -> None:
        self.state.delivery.reacted(message, person, emoji, is_added=True)

    async def unreacts(self, person: Person, message: ShownMessage, emoji: str) -> None:
        self.state.delivery.reacted(message, person, emoji, is_added=False)

    async def deletes(self, message: ShownMessage) -> None:
        """Delete a message; later references to it fail."""
        self.state.delivery.deleted(message)

    async def redeliver(self, again: Handle | ShownMessage) -> None:
        """Send the event of an interaction or of somebody's message a second time, unchanged."""
        if isinstance(again, Handle):
            self.state.gateway.dispatch(again.event.name, again.event.data, again.event.guild_id)
        else:
            event, channel = self._events[again.id]
            self.state.delivery.send(event, channel, again)

    @property
    def _commands(self) -> CommandBook:
        return self.state.commands

    def _place(self, channel: Channel | None, install: str) -> Channel:
        world = self.state.world
        return channel or (world.channel if install == "guild" else world.foreign_channel)

    def _filled(
        self,
        person: Person,
        command: str,
        options: Mapping[str, Value],
        channel: Channel,
        install: str,
        focused: str | None = None,
    ) -> Payload:
        name, *path = command.split()
        registered = self._commands.find(name, SLASH, person, channel, install)
        form = Form(leaf(registered, path), self.state.book, channel, self.state.world.bot)
        filled = nested(registered, path, form.fill(options, focused))
        resolved = {"resolved": form.resolved} if form.resolved else {}
        return {"id": registered["id"], "name": name, "type": SLASH, "options": filled, **resolved}

    def _command(
        self, person: Person, channel: Channel, data: Payload, install: str, kind: int = COMMAND
    ) -> Handle:
        return self._sent(make_handle(self.state, kind, person, channel, data, install=install))

    def _component(self, person: Person, message: ShownMessage, control: Payload, more: Payload) -> Handle:
        if message.is_deleted:
            raise LookupError("the message is deleted")
        reader = (message.interaction or {}).get("user", {})
        if message.is_ephemeral and reader.get("id") != str(person.id):
            raise LookupError(f"nobody but {reader.get('username')} sees this message")
        data = {
            "component_type": control["type"],
            "custom_id": control["custom_id"],
            "id": control["id"],
            **more,
        }
        owners = (message.interaction or {}).get("authorizing_integration_owners", {"0": ""})
        install = "guild" if "0" in owners else "user"
        handle = make_handle(
            self.state, COMPONENT, person, message.channel, data, install=install, source=message
        )
        return self._sent(handle)

    def _sent(self, handle: Handle) -> Handle:
        event = handle.event
        self.state.gateway.dispatch(event.name, event.data, event.guild_id)
        return handle


def _install(handle: Handle) -> str:
    return "user" if handle.is_user_install else "guild"


def _submitted(component: Payload, values: Mapping[str, str]) -> Payload:
    """Fill in a form's label or row; what has no value given keeps its own."""
    if "component" in component:
        return {"type": component["type"], "id": 0, "component": _submitted(component["component"], values)}
    if "components" in component:
        inner = [_submitted(each, values) for each in component["components"]]
        return {"type": component["type"], "id": 0, "components": inner}
    if "custom_id" not in component:
        return {"type": component["type"], "id": 0}
    value = values.get(component["custom_id"], component.get("value") or "")
    chosen = {"value": value} if component["type"] == 4 else {"values": [value] if value else []}
    return {"type": component["type"], "id": 0, "custom_id": component["custom_id"], **chosen}
