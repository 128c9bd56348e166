"""What is said to one person, where and when that person clicked: by the response URL of the interaction."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack._words import Payload, mrkdwn
from inference.errors import ServiceError

REFUSED = "Slack refused an answer ({status})."


class RefusedReplyError(ServiceError):
    """Slack did not take a reply; `is_stale` says that it knows a file of it no more."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(REFUSED.format(status=status))
        self.is_stale = "invalid_blocks" in body


class Replies:
    """Answers interactions; Bolt's own `respond` neither reuses connections nor tries again."""

    def __init__(self, session: aiohttp.ClientSession, handlers: Sequence[AsyncRetryHandler]) -> None:
        self._session = session
        self._handlers = list(handlers)

    async def say(self, url: str, text: str) -> None:
        """Say a line to the person.

        Raises:
            RefusedReplyError: Slack did not take it.
        """
        await self._send(url, {"text": mrkdwn(text), "replace_original": False})

    async def show(self, url: str, text: str, blocks: Sequence[Payload], *, replaces: bool) -> None:
        """Show blocks to the person, in the place of what was clicked where `replaces` says so.

        Raises:
            RefusedReplyError: Slack did not take it.
        """
        body: Payload = {"text": mrkdwn(text), "blocks": list(blocks), "replace_original": replaces}
        await self._send(url, body)

    async def remove(self, url: str) -> None:
        """Take away what was clicked.

        Raises:
            RefusedReplyError: Slack did not take it.
        """
        await self._send(url, {"delete_original": True})

    async def _send(self, url: str, body: Payload) -> None:
        client = AsyncWebhookClient(url, session=self._session, retry_handlers=self._handlers)
        answer = await client.send_dict({"response_type": "ephemeral", **body})
        if answer.status_code != 200:
            raise RefusedReplyError(answer.status_code, answer.body)
