"""Channels, their messages and reactions over HTTP."""

from __future__ import annotations

from typing import Any

from tests.discord_side import payloads
from tests.discord_side.calls import Call
from tests.discord_side.contract import Payload
from tests.discord_side.drafts import check_and_write, draft_edit, draft_new
from tests.discord_side.errors import (
    Refusal,
    missing_permissions,
    unknown_message,
    unknown_reference,
)
from tests.discord_side.messages import REPLY, ShownMessage
from tests.discord_side.routing import NO_CONTENT, Router
from tests.discord_side.state import State
from tests.discord_side.world import Channel, Permission

MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = f"{MESSAGES}/{{message_id}}"
REACTION = f"{MESSAGE}/reactions/{{emoji_name}}/@me"


class ChannelRoutes:
    """What a bot does in channels that it is in."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_to(self, router: Router) -> None:
        router.add("GET", "/channels/{channel_id}", self.get_channel)
        router.add("POST", "/channels/{channel_id}/typing", self.type)
        router.add("GET", MESSAGES, self.list_messages)
        router.add("POST", MESSAGES, self.create)
        router.add("GET", MESSAGE, self.get)
        router.add("PATCH", MESSAGE, self.edit)
        router.add("DELETE", MESSAGE, self.delete)
        router.add("PUT", REACTION, self.react)
        router.add("DELETE", REACTION, self.unreact)

    def get_channel(self, call: Call) -> Payload:
        return payloads.channel(self._channel(call), self._state.world.bot)

    def type(self, call: Call) -> None:
        self._channel(call, Permission.SEND_MESSAGES)
        return NO_CONTENT

    def list_messages(self, call: Call) -> list[Payload]:
        """Newest first, as Discord lists them."""
        channel = self._channel(call, Permission.READ_MESSAGE_HISTORY)
        before, after = int(call.query.get("before", 1 << 63)), int(call.query.get("after", 0))
        found = [each for each in self._state.book.in_channel(channel) if after < each.id < before]
        limit = int(call.query.get("limit", 50))
        found = found[:limit] if "after" in call.query else found[-limit:]
        return [self._state.delivery.readable(message) for message in reversed(found)]

    def get(self, call: Call) -> Payload:
        message = self._state.message(self._channel(call, Permission.READ_MESSAGE_HISTORY), self._id(call))
        return self._state.delivery.readable(message)

    def create(self, call: Call) -> Payload:
        """Post a message; one of a nonce that was seen in the channel is not posted again."""
        channel = self._channel(call, Permission.SEND_MESSAGES)
        if call.uploads and not channel.bot_may(Permission.ATTACH_FILES):
            raise missing_permissions()
        nonce = call.json.get("nonce")
        if nonce is not None and call.json.get("enforce_nonce"):
            known = self._state.book.of_nonce(channel, nonce)
            if known is not None:
                return known.payload()
        message = self._new_message(channel, call.json)
        check_and_write(message, draft_new(call.json, call), self._state.book, self._state.limits)
        self._state.book.add(message)
        self._state.delivery.created(message)
        return message.payload()

    def edit(self, call: Call) -> Payload:
        message = self._own_message(call)
        draft = draft_edit(message, call.json, call)
        check_and_write(message, draft, self._state.book, self._state.limits)
        self._state.delivery.updated(message)
        return message.payload()

    def delete(self, call: Call) -> None:
        channel = self._channel(call)
        message = self._state.message(channel, self._id(call))
        is_own = message.author is self._state.world.bot
        if not is_own and not channel.bot_may(Permission.MANAGE_MESSAGES):
            raise missing_permissions()
        self._state.delivery.deleted(message)
        return NO_CONTENT

    def react(self, call: Call) -> None:
        self._set_reaction(call, is_added=True)

    def unreact(self, call: Call) -> None:
        self._set_reaction(call, is_added=False)

    def _set_reaction(self, call: Call, *, is_added: bool) -> None:
        channel = self._channel(call, Permission.READ_MESSAGE_HISTORY)
        message = self._state.message(channel, self._id(call))
        emoji = call.values["emoji_name"]
        is_first = not message.reactions.get(emoji)
        if is_added and is_first and not channel.bot_may(Permission.ADD_REACTIONS):
            raise missing_permissions()
        self._state.delivery.reacted(message, self._state.world.bot, emoji, is_added=is_added)

    def _channel(self, call: Call, needed: Permission = Permission.VIEW_CHANNEL) -> Channel:
        channel = self._state.channel(call.id("channel_id"))
        if not channel.bot_may(needed):
            raise missing_permissions()
        return channel

    def _id(self, call: Call) -> int:
        return call.id("message_id")

    def _own_message(self, call: Call) -> ShownMessage:
        message = self._state.message(self._channel(call), self._id(call))
        if message.author is not self._state.world.bot:
            raise Refusal(403, 50005, "Cannot edit a message authored by another user")
        return message

    def _new_message(self, channel: Channel, body: Payload) -> ShownMessage:
        reference = self._referenced(channel, body.get("message_reference"))
        pings = (body.get("allowed_mentions") or {}).get("replied_user", body.get("allowed_mentions") is None)
        return ShownMessage(
            id=self._state.world.snowflake(),
            channel=channel,
            author=self._state.world.bot,
            type=REPLY if reference else 0,
            reference=reference,
            mentions=[reference.author] if reference and pings else [],
            nonce=body.get("nonce"),
        )

    def _referenced(self, channel: Channel, reference: Any) -> ShownMessage | None:
        if reference is None:
            return None
        if not channel.bot_may(Permission.READ_MESSAGE_HISTORY):
            raise Refusal(403, 160002, "You cannot reply without permission to read message history")
        try:
            return self._state.message(channel, int(reference["message_id"]))
        except Refusal as refusal:
            if refusal.code != unknown_message().code or reference.get("fail_if_not_exists", True):
                raise unknown_reference() from refusal
            return None
