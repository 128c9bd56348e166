"""Sentences of the bots in Slack's own markup."""

from __future__ import annotations

import re
from typing import Any

from slack_sdk.errors import SlackApiError

FILE_ALT_TEXT, BLOCK_ALT_TEXT = 1000, 2000  # characters that Slack takes with a file and in an image block
KNOWN_CODES = frozenset(
    (
        *("missing_scope", "not_in_channel", "channel_not_found", "is_archived", "restricted_action"),
        *("no_permission", "invalid_auth", "not_authed", "account_inactive", "token_revoked", "ratelimited"),
        *("invalid_blocks", "invalid_arguments", "msg_too_long", "file_not_found", "file_deleted"),
        *("storage_limit_reached", "user_not_found", "expired_trigger_id", "internal_error", "fatal_error"),
    )
)

Payload = dict[str, Any]


def escape(text: str) -> str:
    """Return a text in which nothing is markup or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(text: str) -> str:
    """Turn the little Markdown of our sentences into Slack's: bold is one star, small print is none."""
    return re.sub(r"^-# ", "", text.replace("**", "*"), flags=re.M)


def section(text: str, **more: Any) -> Payload:
    """Return a paragraph."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(text)[:3000]}, **more}


def context(text: str) -> Payload:
    """Return a line of small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn(text)[:3000]}]}


def label(text: str) -> Payload:
    """Return a text without any markup."""
    return {"type": "plain_text", "text": text, "emoji": True}


def button(text: str, action: str, value: str = "", *, style: str = "") -> Payload:
    """Return a button."""
    found: Payload = {"type": "button", "text": label(text), "action_id": action}
    if value:
        found["value"] = value
    return found | ({"style": style} if style else {})


def code_of(error: Exception) -> object:
    """Return the name that Slack gives an error, None where it is none that we know: it goes into the log."""
    code = error.response.get("error") if isinstance(error, SlackApiError) else None
    return code if code in KNOWN_CODES else None
