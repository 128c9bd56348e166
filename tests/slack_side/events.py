"""The Events API: what the app is told, as far as its subscriptions, scopes and channels reach."""

from __future__ import annotations

from tests.slack_side.envelopes import EVENT, Envelope
from tests.slack_side.messages import ShownMessage
from tests.slack_side.state import SUBSCRIPTIONS, State
from tests.slack_side.world import Channel, Payload, Person

MESSAGE_EVENTS = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


class Events:
    """Makes events and posts those that the app would get."""

    def __init__(self, state: State) -> None:
        self._state = state

    def created(self, message: ShownMessage) -> Envelope | None:
        """Tell of a new message."""
        return self._message(message.channel, self._placed(message))

    def mentioned(self, message: ShownMessage) -> Envelope | None:
        """Tell that a message names the bot; in direct messages there is no such event."""
        if message.channel.is_dm:
            return None
        event = self._placed(message) | {"type": "app_mention"}
        event.pop("channel_type")
        return self.send(event, "app_mention", message.channel)

    def changed(self, message: ShownMessage) -> Envelope | None:
        """Tell that a message is another now."""
        described, previous = message.payload(), message.versions[-1]
        return self._hidden(message, "message_changed", {"message": described, "previous_message": previous})

    def deleted(self, message: ShownMessage) -> Envelope | None:
        """Tell that a message is gone."""
        more = {"deleted_ts": message.ts, "previous_message": message.payload()}
        return self._hidden(message, "message_deleted", more)

    def reacted(self, person: Person, message: ShownMessage, name: str, *, is_added: bool) -> Envelope | None:
        """Tell of a reaction that came or went."""
        kind = "reaction_added" if is_added else "reaction_removed"
        event = {
            "type": kind,
            "user": person.id,
            "reaction": name,
            "item": {"type": "message", "channel": message.channel.id, "ts": message.ts},
            "item_user": message.author.id,
            "event_ts": self._state.world.new_ts(),
        }
        return self.send(event, kind, message.channel)

    def joined(self, person: Person, channel: Channel, inviter: Person | None) -> Envelope | None:
        """Tell that somebody, perhaps the bot, came into a channel."""
        event = {
            "type": "member_joined_channel",
            "user": person.id,
            "channel": channel.id,
            "channel_type": "G" if channel.kind == "group" else "C",
            "team": self._state.world.team_id,
            "event_ts": self._state.world.new_ts(),
        }
        inviting = {"inviter": inviter.id} if inviter else {}
        return self.send(event | inviting, "member_joined_channel", channel)

    def home_opened(self, person: Person, tab: str = "home") -> Envelope | None:
        """Tell that somebody looks at the app's home."""
        world, view = self._state.world, self._state.views.homes.get(person.id)
        event = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": world.dm_of(person).id,
            "tab": tab,
            "event_ts": world.new_ts(),
        }
        shown = {"view": view.payload(world)} if view is not None and tab == "home" else {}
        return self.send(event | shown, "app_home_opened", None)

    def send(self, event: Payload, subscription: str, channel: Channel | None) -> Envelope | None:
        """Send any event; nothing where the app is not subscribed, not allowed or not in the channel."""
        state, world = self._state, self._state.world
        scope = SUBSCRIPTIONS.get(subscription, "")
        if subscription not in state.subscriptions:
            return None
        if state.scopes is not None and scope and scope not in state.scopes:
            return None
        if channel is not None and not world.has_bot(channel):
            return None
        authorization = {
            "enterprise_id": None,
            "team_id": world.team_id,
            "user_id": world.bot.id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        body = {
            "token": world.verification_token,
            "team_id": world.team_id,
            "context_team_id": world.team_id,
            "context_enterprise_id": None,
            "api_app_id": world.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": world.new_id("Ev"),
            "event_time": int(state.clock()),
            "authorizations": [authorization],
            "is_ext_shared_channel": False,
            "event_context": f"4-{world.new_id('')}",
        }
        return state.post.send(EVENT, body)

    def _message(self, channel: Channel, event: Payload) -> Envelope | None:
        return self.send(event, f"message.{MESSAGE_EVENTS[channel.kind]}", channel)

    def _placed(self, message: ShownMessage) -> Payload:
        kind = message.channel.kind
        where = {"channel": message.channel.id, "channel_type": kind, "event_ts": message.ts}
        return {**message.payload(), "team": self._state.world.team_id, **where}

    def _hidden(self, message: ShownMessage, subtype: str, more: Payload) -> Envelope | None:
        stamp = self._state.world.new_ts()
        event = {
            "type": "message",
            "subtype": subtype,
            "hidden": True,
            "channel": message.channel.id,
            "channel_type": message.channel.kind,
            "ts": stamp,
            "event_ts": stamp,
            **more,
        }
        return self._message(message.channel, event)
