"""Previews in Slack, and what their buttons and the shortcuts on posts do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import GoneError, NotYoursError
from bot.messages import PICK, SLACK_BANNED, SLACK_NO_POST, SLACK_REACT_USAGE, SLACK_REMOVED
from bot.places import Ask
from bot.reactor import Reactor
from bot.records import Preview
from bot.slack._gifs import CANCEL_ID, PREVIOUS_ID, SHUFFLE_ID, Gifs, split_value
from bot.slack._people import People
from bot.slack._posting import Posting, explained
from bot.slack._reading import name_of, place_of, plain
from bot.slack._replies import RefusedReplyError, Replies
from bot.slack._words import Payload, escape
from inference.errors import MessageError


class Previews:
    """Shows previews and does what people click."""

    def __init__(
        self,
        client: AsyncWebClient,
        reactor: Reactor,
        gifs: Gifs,
        posting: Posting,
        replies: Replies,
        people: People,
        check: Callable[[str], None],
    ) -> None:
        """Put it together; `check` refuses names of previews that this bot did not issue."""
        self._client = client
        self._reactor = reactor
        self._gifs = gifs
        self._posting = posting
        self._replies = replies
        self._people = people
        self._check = check

    async def command(self, command: Payload) -> None:
        """Show GIFs for what somebody typed after /react."""
        said = plain(command.get("text", ""))
        if not said:
            await self._replies.say(command["response_url"], SLACK_REACT_USAGE)
            return
        place = place_of(command["team_id"], command["channel_id"])
        await self._show(Ask(said, place, asker=command["user_id"]), command["response_url"])

    async def shortcut(self, shortcut: Payload) -> None:
        """Show GIFs for a message."""
        message, channel = shortcut["message"], shortcut["channel"]["id"]
        ask = Ask(
            plain(message.get("text", "")),
            place_of(shortcut["team"]["id"], channel),
            asker=shortcut["user"]["id"],
            author=message.get("user", ""),
            target=f"{message.get('thread_ts') or message['ts']}/{message['ts']}",
        )
        if self._people.is_mine(message):
            raise MessageError
        await self._show(ask, shortcut["response_url"])

    async def press(self, body: Payload) -> None:
        """Deal with a click in a preview."""
        action, person, url = body["actions"][0], body["user"]["id"], body["response_url"]
        name, place = split_value(action["value"])
        act = action["action_id"]
        self._check(name)
        if act == CANCEL_ID:
            await self._reactor.drop(name, person)
            await self._replies.remove(url)
        elif act in (SHUFFLE_ID, PREVIOUS_ID):
            await self._draw(await self._reactor.turn(name, person, place), url, replaces=True)
        else:
            await self._send(name, person, place)
            with contextlib.suppress(RefusedReplyError):  # it is posted all the same
                await self._replies.remove(url)

    async def remove(self, shortcut: Payload) -> None:
        """Take a post away."""
        message, channel = _post_of(shortcut), shortcut["channel"]["id"]
        person = shortcut["user"]["id"]
        if not self._people.is_mine(shortcut["message"]):
            await self._replies.say(shortcut["response_url"], SLACK_NO_POST)
            return
        posts, name = self._reactor.posts, name_of(channel, message)
        try:
            await posts.remove(name, person, is_moderator=False)
        except NotYoursError:
            is_moderator = await self._people.may_manage(person, channel)
            await posts.remove(name, person, is_moderator=is_moderator)
        await self._take_away(shortcut, SLACK_REMOVED)

    async def ban(self, shortcut: Payload) -> None:
        """Never show the GIF of a post in this workspace again."""
        message, channel = _post_of(shortcut), shortcut["channel"]["id"]
        if not self._people.is_mine(shortcut["message"]):
            await self._replies.say(shortcut["response_url"], SLACK_NO_POST)
            return
        is_moderator = await self._people.may_manage(shortcut["user"]["id"])  # it is for the whole workspace
        post = await self._reactor.posts.ban(name_of(channel, message), is_moderator=is_moderator)
        await self._take_away(shortcut, SLACK_BANNED.format(name=escape(post.name)))

    async def _take_away(self, shortcut: Payload, line: str) -> None:
        with contextlib.suppress(GoneError), explained():  # another click may have done so before
            await self._client.chat_delete(channel=shortcut["channel"]["id"], ts=shortcut["message"]["ts"])
        await self._replies.say(shortcut["response_url"], line)

    async def _show(self, ask: Ask, url: str) -> None:
        await self._draw(await self._reactor.preview(ask), url, replaces=False)

    async def _draw(self, preview: Preview, url: str, *, replaces: bool) -> None:
        """Show a page; where the workspace no longer has a GIF of it, upload these anew."""
        try:
            await self._replies.show(url, PICK, await self._gifs.preview(preview), replaces=replaces)
        except RefusedReplyError as error:
            if not error.is_stale:
                raise
            await self._gifs.forget(preview.shown)
            await self._replies.show(url, PICK, await self._gifs.preview(preview), replaces=replaces)

    async def _send(self, name: str, person: str, number: int) -> None:
        preview, chosen = await self._reactor.choose(name, person, number)
        try:
            thread, _, message = preview.target.partition("/")
            if message:
                await self._posting.check(preview.channel, message)
            ts = await self._gifs.post(chosen, preview.channel, thread, who=person)
        except BaseException:
            await self._reactor.give_back(preview)
            raise
        await self._reactor.settle(preview, chosen, name_of(preview.channel, ts))


def _post_of(shortcut: Payload) -> str:
    return str(shortcut["message"]["ts"])
