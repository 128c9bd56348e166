"""Messages and reactions that come by themselves: mentions, direct messages, the automatic mode, thumbs."""

from __future__ import annotations

import contextlib

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import GoneError
from bot.feedback import THUMB
from bot.guards import is_pushy
from bot.messages import SLACK_CANNOT_READ, SLACK_NOTHING_SAID, refusal
from bot.places import Ask
from bot.reactor import Reactor
from bot.slack._gifs import Gifs
from bot.slack._people import People
from bot.slack._posting import Posting
from bot.slack._reading import (
    heard,
    is_direct,
    is_from_person,
    is_spoken_to,
    name_of,
    place_of,
    plain,
)
from bot.slack._words import Payload
from inference.errors import MessageError, ReparteeError

VOTES = {"+1": THUMB, "thumbsup": THUMB, "-1": -THUMB, "thumbsdown": -THUMB}
SHUFFLE = "shuffle"


class Listener:
    """Answers who speaks to the bot, and decides about what is said in its presence."""

    def __init__(
        self, client: AsyncWebClient, reactor: Reactor, gifs: Gifs, posting: Posting, people: People
    ) -> None:
        self._client = client
        self._posting = posting
        self._reactor = reactor
        self._gifs = gifs
        self._people = people

    async def mention(self, event: Payload) -> str:
        """Answer a mention, in its thread."""
        if not is_from_person(event, self._people.me):
            return "not a person"
        return await self._answer(event, event.get("thread_ts") or event["ts"])

    async def message(self, event: Payload) -> str:
        """Answer a direct message; decide about any other one."""
        if not is_from_person(event, self._people.me):
            return "not a person"
        if is_direct(event):
            return await self._answer(event, event.get("thread_ts", ""))
        if is_spoken_to(event, self._people.me):
            return "a mention"  # which comes as an event of its own
        return await self._volunteer(event)

    async def vote(self, event: Payload, *, is_taken_back: bool) -> str:
        """Count a thumb under a post, or one that is taken away."""
        item, name = event["item"], event["reaction"].partition("::")[0]
        if name not in VOTES or item.get("type") != "message" or event["user"] == self._people.me:
            return "no vote"
        voter = f"{event['user']}:{VOTES[name]}"
        count = self._reactor.posts.take_back if is_taken_back else self._reactor.posts.vote
        is_counted = await count(name_of(item["channel"], item["ts"]), voter, VOTES[name])
        return "counted" if is_counted else "not counted"

    async def _answer(self, event: Payload, thread: str) -> str:
        memory, asker = self._reactor.memory, event["user"]
        try:
            if not await memory.is_first(name_of(event["channel"], event["ts"])):
                return "delivered twice"
            if is_pushy(await memory.count_question(event["channel"], asker)):
                return "too many"
            return await self._react(event, thread)
        except ReparteeError as error:
            await self._say(event["channel"], thread, refusal(error))
            return type(error).__name__
        except Exception:
            await self._say(event["channel"], thread, refusal(ReparteeError()))
            raise

    async def _react(self, event: Payload, thread: str) -> str:
        channel, asker = event["channel"], event["user"]
        about = await self._about(event)
        if about is None or not plain(about.get("text", "")):
            has_picture = bool((about or {}).get("files"))
            line = refusal(MessageError()) if has_picture else SLACK_NOTHING_SAID
            await self._say(channel, thread, SLACK_CANNOT_READ if about is None else line)
            return "nothing said"
        if self._people.is_mine(about):
            raise MessageError
        place = place_of(self._people.team, channel)
        author = about.get("user", "")
        ask = Ask(plain(about["text"]), place, asker, author=author, target=about["ts"])
        pick = await self._reactor.best(ask)
        ts = await self._gifs.post(pick.reaction, channel, thread)
        await self._reactor.posts.keep(place, pick.reaction, name_of(channel, ts), asker=asker, author=author)
        return "gentle" if pick.is_held else "answered"

    async def _about(self, event: Payload) -> Payload | None:
        """Return the message to react to: this one, or the parent of its thread where it has no own words.

        Raises:
            GoneError: the parent has been deleted.
        """
        said, parent = plain(event.get("text", "")), event.get("thread_ts")
        is_shuffle = said.lower().strip(" .!?") == SHUFFLE
        if said and not is_shuffle:
            return event
        if not parent or parent == event["ts"]:
            return event | {"text": ""}
        try:
            answer = await self._client.conversations_replies(channel=event["channel"], ts=parent, limit=1)
        except SlackApiError as error:
            if error.response["error"] == "thread_not_found":
                raise GoneError from error
            return None
        messages: list[Payload] = answer["messages"]
        if not messages or messages[0]["ts"] != parent or messages[0].get("subtype") == "tombstone":
            raise GoneError
        return messages[0]

    async def _volunteer(self, event: Payload) -> str:
        told = heard(self._people.team, event)
        try:
            verdict = await self._reactor.volunteer.decide(told)
        except MessageError:
            return "nothing said"
        if verdict.reaction is None:
            return verdict.why
        thread = event.get("thread_ts") or event["ts"]
        try:
            await self._posting.check(event["channel"], event["ts"])
            ts = await self._gifs.post(verdict.reaction, event["channel"], thread)
        except BaseException:
            await self._reactor.volunteer.give_back(told)
            raise
        posted = name_of(event["channel"], ts)
        await self._reactor.posts.keep(told.place, verdict.reaction, posted, author=told.author)
        return "answered"

    async def _say(self, channel: str, thread: str, line: str) -> None:
        with contextlib.suppress(SlackApiError, ReparteeError):  # then no words get through either
            await self._posting.say(channel, thread, line)
