"""conversations.*, users.*, reactions.*, auth.test: what the bot asks of the workspace."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.slack_side.calls import Call
from tests.slack_side.errors import Refusal, invalid_arguments
from tests.slack_side.events import Events
from tests.slack_side.messages import ShownMessage
from tests.slack_side.state import State
from tests.slack_side.world import Channel, Payload, Person

T = TypeVar("T")
EMOJI = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


class ConversationRoutes:
    """Answers questions about channels, messages and people; reactions too."""

    def __init__(self, state: State, events: Events) -> None:
        self._state, self._events = state, events
        self.routes: dict[str, Callable[[Call], Payload]] = {
            "auth.test": self._auth,
            "conversations.info": self._info,
            "conversations.members": self._members,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.open": self._open,
            "conversations.join": self._join,
            "users.info": self._user,
            "reactions.add": self._react,
            "reactions.remove": self._unreact,
        }

    def _auth(self, call: Call) -> Payload:
        world = self._state.world
        return {
            "url": f"https://{world.domain}.slack.com/",
            "team": world.team_name,
            "user": world.bot.name,
            "team_id": world.team_id,
            "user_id": world.bot.id,
            "bot_id": world.bot.bot_id,
            "is_enterprise_install": False,
        }

    def _info(self, call: Call) -> Payload:
        channel = self._state.channel(call.text("channel"), needs_bot=False)
        count = {"num_members": len(channel.members)} if call.is_set("include_num_members") else {}
        return {"channel": self._described(channel) | count}

    def _members(self, call: Call) -> Payload:
        channel = self._state.channel(call.text("channel"), needs_bot=False)
        members, more = _page(call, channel.members)
        return {"members": [each.id for each in members], **more}

    def _history(self, call: Call) -> Payload:
        channel = self._state.channel(call.text("channel"))
        told = [
            each
            for each in self._state.book.in_channel(channel)
            if each.thread_ts in {None, each.ts} or each.is_broadcast
        ]
        messages, more = _page(call, _between(call, told)[::-1])
        return {"messages": [self._with_thread(each) for each in messages], "pin_count": 0, **more}

    def _replies(self, call: Call) -> Payload:
        channel = self._state.channel(call.text("channel"))
        thread = self._state.book.replies(channel, call.text("ts"))
        if not thread:
            raise Refusal("thread_not_found")
        parent, answers = thread[:1], _between(call, thread[1:])
        messages, more = _page(call, [*parent, *answers])
        return {"messages": [self._with_thread(each) for each in messages], **more}

    def _open(self, call: Call) -> Payload:
        ids = [each for each in call.text("users").split(",") if each]
        if not ids and not call.text("channel"):
            raise invalid_arguments("required_arguments", "users or channel")
        people = [self._state.person(each) for each in ids]
        if any(each.is_bot for each in people):
            raise Refusal("cannot_dm_bot", rule="conversations.open")
        if len(people) == 1:
            channel = self._state.world.dm_of(people[0])
        elif people:
            channel = self._state.world.add_group(people)
        else:
            channel = self._state.channel(call.text("channel"))
        return {"channel": self._described(channel) if call.is_set("return_im") else {"id": channel.id}}

    def _join(self, call: Call) -> Payload:
        channel = self._state.channel(call.text("channel"), needs_bot=False)
        if channel.kind != "channel":
            raise Refusal("method_not_supported_for_channel_type", rule="conversations.join")
        if self._state.world.bot not in channel.members:
            channel.members.append(self._state.world.bot)
            self._events.joined(self._state.world.bot, channel, None)
        return {"channel": self._described(channel)}

    def _user(self, call: Call) -> Payload:
        return {"user": self._person(self._state.person(call.text("user")), call.is_set("include_locale"))}

    def _react(self, call: Call) -> Payload:
        message, name = self._reaction(call)
        people = message.reactions.setdefault(name, [])
        if self._state.world.bot in people:
            raise Refusal("already_reacted")
        people.append(self._state.world.bot)
        self._events.reacted(self._state.world.bot, message, name, is_added=True)
        return {}

    def _unreact(self, call: Call) -> Payload:
        message, name = self._reaction(call)
        people = message.reactions.get(name, [])
        if self._state.world.bot not in people:
            raise Refusal("no_reaction")
        people.remove(self._state.world.bot)
        if not people:
            del message.reactions[name]
        self._events.reacted(self._state.world.bot, message, name, is_added=False)
        return {}

    def _reaction(self, call: Call) -> tuple[ShownMessage, str]:
        name = call.text("name")
        if not EMOJI.fullmatch(name):
            raise Refusal("invalid_name", rule="emoji")
        channel = self._state.writable(call.text("channel"))
        return self._state.message(channel, call.text("timestamp")), name

    def _described(self, channel: Channel) -> Payload:
        world = self._state.world
        described: Payload = {
            "id": channel.id,
            "is_channel": channel.kind == "channel",
            "is_group": channel.kind == "group",
            "is_im": channel.is_dm,
            "is_mpim": channel.kind == "mpim",
            "is_private": channel.kind != "channel",
            "is_archived": channel.is_archived,
            "is_member": world.has_bot(channel),
            "is_general": channel is world.general,
            "created": 1_700_000_000,
            "context_team_id": world.team_id,
        }
        if channel.is_dm:
            return described | {"user": channel.counterpart.id}
        return described | {"name": channel.name, "name_normalized": channel.name, "creator": "U0CREATOR"}

    def _person(self, person: Person, has_locale: bool) -> Payload:
        world = self._state.world
        described: Payload = {
            "id": person.id,
            "team_id": world.team_id,
            "name": person.name,
            "real_name": person.name.title(),
            "deleted": False,
            "tz": person.tz,
            "tz_label": person.tz,
            "tz_offset": person.tz_offset_s,
            "is_admin": person.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": person.is_bot,
            "is_app_user": False,
            "profile": {"display_name": person.name, "real_name": person.name.title(), "team": world.team_id},
        }
        return described | ({"locale": person.locale} if has_locale else {})

    def _with_thread(self, message: ShownMessage) -> Payload:
        replies = self._state.book.replies(message.channel, message.ts)[1:]
        if not replies or message.thread_ts not in {None, message.ts}:
            return message.payload()
        counts = {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
        return message.payload() | counts


def _between(call: Call, messages: Sequence[ShownMessage]) -> list[ShownMessage]:
    oldest, latest = float(call.text("oldest") or 0), float(call.text("latest") or "inf")
    ends = {oldest, latest} if call.is_set("inclusive") else set()
    return [each for each in messages if oldest < float(each.ts) < latest or float(each.ts) in ends]


def _page(call: Call, items: Sequence[T]) -> tuple[Sequence[T], Payload]:
    start, limit = int(call.text("cursor") or 0), call.number("limit", 100)
    end = start + limit
    has_more = end < len(items)
    cursor = str(end) if has_more else ""
    return items[start:end], {"has_more": has_more, "response_metadata": {"next_cursor": cursor}}
