"""Answering interactions: the callback, the original response and the follow-up messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.discord_side import handles
from tests.discord_side.calls import Call
from tests.discord_side.contract import Payload, Problem
from tests.discord_side.drafts import check_and_write, draft_edit, draft_new
from tests.discord_side.errors import Refusal, invalid_form, unknown_message
from tests.discord_side.handles import Acknowledgement, Handle
from tests.discord_side.messages import MENU_REPLY, REPLY, SLASH_REPLY, Flag, ShownMessage
from tests.discord_side.routing import NO_CONTENT, Router
from tests.discord_side.state import State

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
ORIGINAL, FOLLOWUP = f"{WEBHOOK}/messages/@original", f"{WEBHOOK}/messages/{{message_id}}"
DATA = ("data",)


class InteractionRoutes:
    """The life of an interaction's token."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._answers: dict[int, Callable[[Handle, Call], None]] = {
            handles.SEND: self._send,
            handles.DEFER: self._defer,
            handles.DEFER_UPDATE: self._defer_update,
            handles.UPDATE: self._update,
            handles.CHOICES: lambda handle, call: None,
            handles.SHOW_MODAL: lambda handle, call: None,
        }

    def add_to(self, router: Router) -> None:
        router.add("POST", CALLBACK, self.acknowledge)
        router.add("POST", WEBHOOK, self.follow_up)
        for template in (ORIGINAL, FOLLOWUP):
            router.add("GET", template, self.get)
            router.add("PATCH", template, self.edit)
            router.add("DELETE", template, self.delete)

    def acknowledge(self, call: Call) -> Payload | None:
        """Take the first answer to an interaction."""
        token = call.values["interaction_token"]
        handle = self._state.handles.to_acknowledge(call.id("interaction_id"), token)
        kind = call.json["type"]
        if kind not in handles.ANSWERS[handle.type]:
            problem = Problem(
                ("type",), "INTERACTION_CALLBACK_TYPE", f"{kind} does not answer a {handle.type}"
            )
            raise invalid_form("callback_type", [problem])
        self._answers[kind](handle, call)
        seconds = self._state.handles.clock() - handle.sent_at
        handle.callback = Acknowledgement(call.json, seconds)
        handle.bell.ring()
        self._state.delivery.bell.ring()
        return _callback_response(handle, kind) if call.is_set("with_response") else NO_CONTENT

    def follow_up(self, call: Call) -> Payload | None:
        """Post a further message; the first one takes a deferred response's place."""
        handle = self._handle(call)
        self._check_followup_count(handle)
        draft = draft_new(call.json, call)
        is_deferred = (
            handle.original is not None and handle.original.is_loading and not handle.original.is_deleted
        )
        if is_deferred and handle.original is not None:
            message = handle.original
            draft.flags = draft.flags & ~Flag.EPHEMERAL | message.flags & Flag.EPHEMERAL
        else:
            message = self._new_message(handle, draft.flags)
            message.type, message.reference = REPLY, handle.original
        check_and_write(message, draft, self._state.book, self._state.limits)
        if is_deferred:
            self._state.delivery.updated(message)
            handle.is_replied = True
        else:
            self._publish(message)
        handle.followups.append(message)
        handle.bell.ring()
        return message.payload() if call.is_set("wait") else NO_CONTENT

    def get(self, call: Call) -> Payload:
        return self._message(self._handle(call), call).payload()

    def edit(self, call: Call) -> Payload:
        """Edit the original response, which also ends its loading, or a follow-up."""
        handle = self._handle(call)
        message = self._message(handle, call)
        draft = draft_edit(message, call.json, call)
        check_and_write(message, draft, self._state.book, self._state.limits)
        self._state.delivery.updated(message)
        if message is handle.original:
            handle.replied()
        return message.payload()

    def delete(self, call: Call) -> None:
        handle = self._handle(call)
        self._state.delivery.deleted(self._message(handle, call))
        handle.bell.ring()
        return NO_CONTENT

    def _send(self, handle: Handle, call: Call) -> None:
        draft = draft_new(_data(call), call)
        message = self._new_message(handle, draft.flags)
        check_and_write(message, draft, self._state.book, self._state.limits, DATA)
        handle.original = message
        self._publish(message)
        handle.replied()

    def _defer(self, handle: Handle, call: Call) -> None:
        flags = Flag(_data(call).get("flags") or 0) & Flag.EPHEMERAL | Flag.LOADING
        handle.original = self._new_message(handle, flags)
        handle.original.flags = flags
        self._publish(handle.original)

    def _defer_update(self, handle: Handle, call: Call) -> None:
        handle.original = self._source(handle)

    def _update(self, handle: Handle, call: Call) -> None:
        message = handle.original = self._source(handle)
        draft = draft_edit(message, _data(call), call)
        check_and_write(message, draft, self._state.book, self._state.limits, DATA)
        self._state.delivery.updated(message)
        handle.replied()

    def _source(self, handle: Handle) -> ShownMessage:
        if handle.source is None or handle.source.is_deleted:
            raise unknown_message()
        return handle.source

    def _new_message(self, handle: Handle, flags: Flag) -> ShownMessage:
        kinds = {handles.COMMAND: MENU_REPLY if _is_menu(handle) else SLASH_REPLY}
        return ShownMessage(
            id=self._state.world.snowflake(),
            channel=handle.channel,
            author=self._state.world.bot,
            type=kinds.get(handle.type, REPLY),
            flags=flags & Flag.EPHEMERAL,
            reference=handle.source,
            interaction=handles.metadata(handle),
            application_id=self._state.world.application_id,
        )

    def _publish(self, message: ShownMessage) -> None:
        self._state.book.add(message)
        self._state.delivery.created(message)

    def _handle(self, call: Call) -> Handle:
        if call.id("webhook_id") != self._state.world.application_id:
            raise Refusal(404, 10015, "Unknown Webhook", rule="token_known")
        return self._state.handles.of_token(call.values["webhook_token"])

    def _message(self, handle: Handle, call: Call) -> ShownMessage:
        own = [*handle.followups, *([handle.original] if handle.original else [])]
        wanted = call.id("message_id") if "message_id" in call.values else None
        for message in [handle.original] if wanted is None else own:
            if message is not None and not message.is_deleted and wanted in {None, message.id}:
                return message
        raise unknown_message()

    def _check_followup_count(self, handle: Handle) -> None:
        is_guest = handle.is_user_install and not handle.channel.has_bot
        if is_guest and len(handle.followups) >= handles.USER_INSTALL_FOLLOWUPS:
            message = "This interaction has reached the maximum number of follow up messages"
            raise Refusal(400, 40094, message, rule="followup_count")


def _data(call: Call) -> Payload:
    return call.json.get("data") or {}


def _is_menu(handle: Handle) -> bool:
    return int(handle.event.data["data"].get("type", 1)) != 1


def _callback_response(handle: Handle, kind: int) -> Payload:
    data: Any = handle.event.data
    interaction: Payload = {"id": str(handle.id), "type": handle.type, "channel_id": data["channel_id"]}
    if "guild_id" in data:
        interaction["guild_id"] = data["guild_id"]
    message = handle.original
    if message is None:
        return {"interaction": interaction}
    interaction |= {
        "response_message_id": str(message.id),
        "response_message_loading": message.is_loading,
        "response_message_ephemeral": message.is_ephemeral,
    }
    if kind not in {handles.SEND, handles.UPDATE}:
        return {"interaction": interaction}
    return {"interaction": interaction, "resource": {"type": kind, "message": message.payload()}}
