"""Who is who in the workspace: the bot itself, and those who may set a channel up."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack._words import Payload


class People:
    """Looks people up; `me` is the bot's user, `team` the workspace."""

    def __init__(self, client: AsyncWebClient, team: str, me: str, bot_id: str) -> None:
        self._client = client
        self.team = team
        self.me = me
        self._bot_id = bot_id

    def is_mine(self, message: Payload) -> bool:
        """Whether a message is one of the bot's own."""
        return message.get("user") == self.me or message.get("bot_id") == self._bot_id

    async def am_in(self, channel: str) -> bool:
        """Whether the bot is in a channel."""
        try:
            found = (await self._client.conversations_info(channel=channel))["channel"]
        except SlackApiError:
            return False
        return bool(found.get("is_member"))

    async def may_manage(self, person: str, channel: str = "") -> bool:
        """Whether a person runs the workspace, or has created the channel where one is given."""
        user = (await self._client.users_info(user=person))["user"]
        if user.get("is_admin") or user.get("is_owner"):
            return True
        if not channel:
            return False
        try:
            found = (await self._client.conversations_info(channel=channel))["channel"]
        except SlackApiError:  # the bot does not see it
            return False
        return bool(found.get("creator") == person)
