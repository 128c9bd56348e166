"""Acting as people: mentions, commands, shortcuts, presses, forms, reactions, and any of it twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.slack_side import interactions
from tests.slack_side.elements import CHOICES, IN_INPUT, PICKERS, SELECTS
from tests.slack_side.envelopes import COMMAND, EVENT, INTERACTIVE, Envelope
from tests.slack_side.events import Events
from tests.slack_side.files import StoredFile
from tests.slack_side.handles import Handle
from tests.slack_side.hooks import Hook
from tests.slack_side.messages import ShownMessage
from tests.slack_side.state import State
from tests.slack_side.views import ShownView, Trigger
from tests.slack_side.world import Channel, Payload, Person

BUTTONS = frozenset({"button"})
CHOOSABLE = SELECTS | CHOICES | PICKERS | IN_INPUT
NOTHING: Mapping[str, str | list[str]] = {}
Shown = ShownMessage | ShownView


class NotOffered(LookupError):
    """Slack would not let the person do it."""


class People:
    """What people do; every method returns when it is on its way to the app."""

    state: State
    events: Events

    async def say(
        self,
        person: Person,
        text: str,
        *,
        channel: Channel | None = None,
        thread: ShownMessage | None = None,
        files: Sequence[StoredFile] = (),
        subtype: str | None = None,
    ) -> Handle:
        """Write a message; `handle.message` is it. An app that is no member is told nothing."""
        place = channel or (thread.channel if thread else self.state.world.general)
        if person not in place.members:
            raise NotOffered(f"{person.name} is not in {place.name}")
        began = self.state.world.new_ts()
        message = ShownMessage(
            blocks=[] if person.is_bot else [_rich(text)],
            ts=self.state.world.new_ts(),
            channel=place,
            author=person,
            text=text,
            thread_ts=thread.thread if thread else None,
            files=list(files),
            subtype=subtype or ("file_share" if files else None),
            more={"app_id": "A012OTHER"} if person.is_bot else {"client_msg_id": self.state.world.new_id("")},
        )
        self.state.book.add(message)
        mentioned = self.events.mentioned(message) if self.state.world.bot.mention in text else None
        created = self.events.created(message)
        sent = [each for each in (mentioned, created) if each is not None]
        handle = Handle(self.state, person, place, f"message {message.ts}", began, sent[0] if sent else None)
        handle.also, handle.message = sent[1:], message
        return handle

    def own_file(self, name: str, data: bytes) -> StoredFile:
        """Let somebody upload a file, to be shared with a message."""
        file = self.state.files.open_ticket(name, len(data), "")
        file.data, file.is_completed, file.is_ready = data, True, True
        return file

    async def mention(
        self,
        person: Person,
        text: str,
        *,
        channel: Channel | None = None,
        thread: ShownMessage | None = None,
    ) -> Handle:
        """Write to the bot: an app_mention event, and the message event that a subscribed app gets too."""
        said = f"{self.state.world.bot.mention} {text}".strip()
        return await self.say(person, said, channel=channel, thread=thread)

    async def slash(
        self, person: Person, name: str, text: str = "", channel: Channel | None = None
    ) -> Handle:
        """Use a slash command; it works in any channel that the person is in."""
        place = channel or self.state.world.general
        if person not in place.members:
            raise NotOffered(f"{person.name} is not in {place.name}")
        hook, trigger = self._hook(person, place), self._trigger(person)
        payload = interactions.command(self.state.world, person, name, text, hook, trigger)
        return self._sent(COMMAND, payload, person, place, f"{name} {text}", hook, trigger, answers=True)

    async def shortcut(self, person: Person, callback_id: str, message: ShownMessage | None = None) -> Handle:
        """Use a message shortcut, or without a message a global one."""
        world, trigger = self.state.world, self._trigger(person)
        if message is None:
            payload = interactions.global_shortcut(world, person, callback_id, trigger)
            dm = world.dm_of(person)
            return self._sent(INTERACTIVE, payload, person, dm, callback_id, None, trigger)
        if message.is_ephemeral or message.is_deleted:
            raise NotOffered("there are no shortcuts on ephemeral or deleted messages")
        hook = self._hook(person, message.channel)
        payload = interactions.message_shortcut(world, person, callback_id, message, hook, trigger)
        return self._sent(INTERACTIVE, payload, person, message.channel, callback_id, hook, trigger)

    async def press(self, person: Person, shown: Shown, button: str) -> Handle:
        """Press a button by its label, action_id or value."""
        block, element = shown.find(button, BUTTONS)
        return self._act(person, shown, interactions.action(block, element, {}))

    async def select(self, person: Person, shown: Shown, control: str, *values: str) -> Handle:
        """Choose in a menu by its placeholder, label or action_id; options by text or value, else ids."""
        block, element = shown.find(control, CHOOSABLE)
        chosen = interactions.chosen_value(element, list(values))
        if element["type"] != "overflow":
            shown.chosen[block["block_id"], element["action_id"]] = chosen
        return self._act(person, shown, interactions.action(block, element, chosen))

    async def submit(
        self, person: Person, view: ShownView, values: Mapping[str, str | list[str]] = NOTHING
    ) -> Handle:
        """Fill in a modal and send it; what is not named keeps what it has."""
        if view.is_closed or "submit" not in view.view:
            raise NotOffered("the modal is closed or cannot be sent")
        interactions.fill(view, dict(values))
        if missing := interactions.missing_inputs(view):
            raise NotOffered(f"to be filled in: {missing}")
        trigger = self._trigger(person)
        payload = interactions.submission(self.state.world, person, view, trigger)
        dm = self.state.world.dm_of(person)
        return self._sent(INTERACTIVE, payload, person, dm, "submission", None, trigger, answers=True)

    async def closes(self, person: Person, view: ShownView) -> Handle | None:
        """Close a modal; the app hears of it only where it asked to."""
        self.state.views.close(view, clears_stack=False)
        if not view.view.get("notify_on_close"):
            return None
        payload = interactions.closing(self.state.world, person, view)
        return self._sent(INTERACTIVE, payload, person, self.state.world.dm_of(person), "closing", None, None)

    async def open_home(self, person: Person, tab: str = "home") -> Handle:
        """Look at the app's home."""
        began = self.state.world.new_ts()
        envelope = self.events.home_opened(person, tab)
        return Handle(self.state, person, self.state.world.dm_of(person), "home", began, envelope)

    async def reacts(self, person: Person, message: ShownMessage, name: str) -> Handle:
        """Add a reaction, "thumbsup" for instance."""
        message.reactions.setdefault(name, []).append(person)
        return self._reacted(person, message, name, is_added=True)

    async def unreacts(self, person: Person, message: ShownMessage, name: str) -> Handle:
        """Take a reaction back."""
        message.reactions[name].remove(person)
        if not message.reactions[name]:
            del message.reactions[name]
        return self._reacted(person, message, name, is_added=False)

    async def edits(self, message: ShownMessage, text: str) -> Handle:
        """Change what somebody wrote; a mention that comes in by an edit is no app_mention."""
        began = self.state.world.new_ts()
        message.change(text=text, blocks=[_rich(text)], edited_ts=self.state.world.new_ts())
        envelope = self.events.changed(message)
        return self._event(message.author, message.channel, "edit", began, envelope, message)

    async def deletes(self, message: ShownMessage) -> Handle:
        """Delete a message."""
        began = self.state.world.new_ts()
        message.is_deleted = True
        envelope = self.events.deleted(message)
        return self._event(message.author, message.channel, "deletion", began, envelope, message)

    async def joins(self, person: Person, channel: Channel, inviter: Person | None = None) -> Handle:
        """Let somebody, or the bot, into a channel."""
        began = self.state.world.new_ts()
        channel.members.append(person)
        envelope = self.events.joined(person, channel, inviter)
        return self._event(inviter or person, channel, "joining", began, envelope)

    async def leaves(self, person: Person, channel: Channel) -> None:
        """Take somebody, or the bot, out of a channel; the bot is not told."""
        channel.members.remove(person)

    async def event(self, event: Payload, person: Person, channel: Channel | None = None) -> Handle:
        """Send any event as it is."""
        began, place = self.state.world.new_ts(), channel or self.state.world.general
        envelope = self.events.send(event, str(event["type"]), channel)
        return self._event(person, place, str(event["type"]), began, envelope)

    async def redeliver(self, handle: Handle, reason: str = "timeout") -> Envelope:
        """Send an event or an interaction once more, with its retry number and reason."""
        if handle.envelope is None:
            raise NotOffered(f"{handle} was never sent")
        return self.state.post.resend(handle.envelope.sent[-1], reason)

    def _reacted(self, person: Person, message: ShownMessage, name: str, *, is_added: bool) -> Handle:
        began = self.state.world.new_ts()
        envelope = self.events.reacted(person, message, name, is_added=is_added)
        return self._event(person, message.channel, f"reaction {name}", began, envelope, message)

    def _event(
        self,
        person: Person,
        channel: Channel,
        name: str,
        began_ts: str,
        envelope: Envelope | None,
        message: ShownMessage | None = None,
    ) -> Handle:
        return Handle(self.state, person, channel, name, began_ts, envelope, message=message)

    def _act(self, person: Person, shown: Shown, action: Payload) -> Handle:
        world, trigger = self.state.world, self._trigger(person)
        name = f"press of {action['action_id']}"
        if isinstance(shown, ShownView):
            payload = interactions.view_action(world, person, shown, action, trigger)
            return self._sent(INTERACTIVE, payload, person, world.dm_of(person), name, None, trigger)
        if shown.is_deleted or shown.reader not in {None, person}:
            raise NotOffered(f"{person.name} does not see this message")
        hook = self._hook(person, shown.channel, shown)
        payload = interactions.message_action(world, person, shown, action, hook, trigger)
        return self._sent(INTERACTIVE, payload, person, shown.channel, name, hook, trigger)

    def _sent(
        self,
        kind: str,
        payload: Payload,
        person: Person,
        channel: Channel,
        name: str,
        hook: Hook | None,
        trigger: Trigger | None,
        *,
        answers: bool = False,
    ) -> Handle:
        began = self.state.world.new_ts()
        envelope = self.state.post.send(kind, payload, accepts_response=answers)
        return Handle(self.state, person, channel, name, began, envelope, hook=hook, trigger=trigger)

    def _hook(self, person: Person, channel: Channel, original: ShownMessage | None = None) -> Hook:
        return self.state.hooks.new(person, channel, original)

    def _trigger(self, person: Person) -> Trigger:
        return self.state.views.new_trigger(person, self.state.clock())


def is_event(envelope: Envelope, kind: str) -> bool:
    """Say whether an envelope carries an event of this type."""
    return envelope.kind == EVENT and envelope.payload["event"]["type"] == kind


def _rich(text: str) -> Payload:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": "rich", "elements": [section]}
