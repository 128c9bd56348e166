"""Writing into channels: one message after another, as Slack takes about one a second and refuses a crowd."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import GoneError, NotInvitedError
from bot.slack._words import mrkdwn
from inference.errors import BusyError

PATIENCE_S = 60.0
BUSY = "So many messages wait for this channel that one more would come too late."
NOT_INVITED = frozenset({"not_in_channel", "channel_not_found"})
GONE = frozenset({"thread_not_found", "message_not_found"})


class Posting:
    """Posts messages; who waits out a rate limit holds only its own channel up."""

    def __init__(self, client: AsyncWebClient, *, patience_s: float = PATIENCE_S) -> None:
        self._client = client
        self._patience_s = patience_s
        self._channels: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def post(self, *, channel: str, **content: Any) -> str:
        """Post a message and return its time stamp.

        Raises:
            BusyError: so many wait already that it would come too late.
            NotInvitedError: the bot is not in the channel.
            GoneError: the thread is gone.
        """
        lock = self._channels[channel]
        try:
            async with asyncio.timeout(self._patience_s):
                await lock.acquire()
        except TimeoutError:
            raise BusyError(BUSY) from None
        try:
            with explained():
                answer = await self._client.chat_postMessage(channel=channel, **content)
        finally:
            lock.release()
        return str(answer["ts"])

    async def say(self, channel: str, thread: str, line: str) -> None:
        """Post a line, in a thread where one is given.

        Raises:
            BusyError: so many wait already that it would come too late.
            NotInvitedError: the bot is not in the channel.
            GoneError: the thread is gone.
        """
        await self.post(channel=channel, thread_ts=thread or None, text=mrkdwn(line))

    async def check(self, channel: str, message: str) -> None:
        """Look whether a message is still there.

        Raises:
            GoneError: it has been deleted.
            NotInvitedError: the bot is not in the channel.
        """
        with explained():
            await self._client.chat_getPermalink(channel=channel, message_ts=message)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what Slack refuses into what can be said to a person."""
    try:
        yield
    except SlackApiError as error:
        if error.response["error"] in NOT_INVITED:
            raise NotInvitedError from error
        if error.response["error"] in GONE:
            raise GoneError from error
        raise
