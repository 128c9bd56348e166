"""Files that people shared in the workspace: fetched from Slack, and from nowhere else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import PackWishError
from bot.messages import PACK_ELSEWHERE, SLACK_PACK_CLOSED
from bot.packs import MAX_BYTES, check_size
from bot.slack._words import Payload
from inference.errors import ServiceError

FILES_HOST = "files.slack.com"
CLOSED = frozenset({"file_not_found", "file_deleted", "not_in_channel", "access_denied", "no_permission"})
PIECE = 64 * 1024
BROKEN = "Slack did not send the file: try again in a moment."


class Downloads:
    """Fetches files by their ids."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._client = client
        self._session = session

    async def fetch(self, file_id: str, path: Path) -> None:
        """Write a file of the workspace to a path.

        Raises:
            PackWishError: the bot may not see it, or it does not lie with Slack.
            RefusedError: it is too large.
            ServiceError: Slack does not send it.
        """
        file = await self._info(file_id)
        check_size(file.get("name") or "GIF", int(file.get("size") or 0))
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        if file.get("is_external") or not self._is_slacks(url):
            raise PackWishError(PACK_ELSEWHERE)  # the token goes to Slack only
        content = await self._get(url)
        check_size(file.get("name") or "GIF", len(content))
        await asyncio.to_thread(path.write_bytes, content)

    async def _info(self, file_id: str) -> Payload:
        try:
            found: Payload = (await self._client.files_info(file=file_id))["file"]
        except SlackApiError as error:
            if error.response["error"] not in CLOSED:
                raise
            raise PackWishError(SLACK_PACK_CLOSED) from error
        return found

    def _is_slacks(self, url: str) -> bool:
        address, api = urlsplit(url), urlsplit(self._client.base_url)
        if address.scheme == "https" and address.netloc in (FILES_HOST, f"files.{api.netloc}"):
            return True
        return (address.scheme, address.netloc) == (api.scheme, api.netloc)

    async def _get(self, url: str) -> bytes:
        """Return what lies there, a little more than is allowed at most.

        Who may not see a file is sent to a page to log in: by a redirect, or with that page in its place.
        """
        headers = {"Authorization": f"Bearer {self._client.token}"}
        content = bytearray()
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status != 200 or answer.content_type == "text/html":
                    raise PackWishError(SLACK_PACK_CLOSED)
                async for piece in answer.content.iter_chunked(PIECE):
                    content += piece
                    if len(content) > MAX_BYTES:
                        break
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceError(BROKEN) from error
        return bytes(content)
