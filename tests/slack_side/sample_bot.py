"""A small bot of real Bolt, to try the stand-in with: a command, a mention, buttons, a modal, a home tab."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest, AsyncRespond
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack_side.server import SlackSide

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
Body = dict[str, Any]


class SampleBot:
    """Answers what the tests ask."""

    def __init__(self, side: SlackSide, *, base_url: str | None = None) -> None:
        retries = [AsyncRateLimitErrorRetryHandler(max_retry_count=2), AsyncConnectionErrorRetryHandler()]
        # Its session is its own: Bolt copies the client for every request, and a shared one is reused.
        self.client = AsyncWebClient(
            token=side.bot_token, base_url=base_url or side.api_url, retry_handlers=retries
        )
        self.app = AsyncApp(client=self.client, signing_secret=side.signing_secret)
        self.retries: list[tuple[str, str]] = []
        self.heard: list[str] = []
        self.app.command("/react")(self.react)
        self.app.shortcut("react")(self.react_to)
        self.app.event("app_mention")(self.mentioned)
        self.app.event("message")(self.message)
        self.app.event("app_home_opened")(self.home_opened)
        self.app.event("reaction_added")(self.reacted)
        self.app.action("send")(self.send)
        self.app.action("cancel")(self.cancel)
        self.app.action("mode")(self.chose)
        self.app.action("settings")(self.settings)
        self.app.view("settings")(self.saved)
        self.http = AsyncSlackRequestHandler(self.app)

    async def react(self, ack: AsyncAck, respond: AsyncRespond, command: Body) -> None:
        await ack()
        await respond(f"A GIF for {command['text']}?", blocks=preview(command["text"]))

    async def react_to(self, ack: AsyncAck, respond: AsyncRespond, shortcut: Body) -> None:
        await ack()
        await respond("A GIF?", blocks=preview(shortcut["message"]["text"]))

    async def mentioned(self, event: Body, request: AsyncBoltRequest) -> None:
        number = request.headers.get("x-slack-retry-num", ["0"])[0]
        self.retries.append((number, request.headers.get("x-slack-retry-reason", [""])[0]))
        await self.client.files_upload_v2(
            channel=event["channel"],
            thread_ts=event.get("thread_ts") or event["ts"],
            filename="smile.gif",
            file=GIF,
            alt_txt="somebody smiles",
        )

    async def message(self, event: Body) -> None:
        self.heard.append(event.get("subtype") or event["text"])

    async def reacted(self, event: Body) -> None:
        self.heard.append(event["reaction"])

    async def home_opened(self, event: Body) -> None:
        button = {"type": "button", "text": plain("Settings"), "action_id": "settings"}
        view = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
        await self.client.views_publish(user_id=event["user"], view=view)

    async def send(self, ack: AsyncAck, respond: AsyncRespond, body: Body) -> None:
        await ack()
        await self.client.chat_postMessage(channel=body["channel"]["id"], text=body["actions"][0]["value"])
        await respond("Sent.", replace_original=True)

    async def cancel(self, ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(delete_original=True)

    async def chose(self, ack: AsyncAck, body: Body) -> None:
        await ack()
        self.heard.append(body["actions"][0]["selected_option"]["value"])

    async def settings(self, ack: AsyncAck, body: Body) -> None:
        await ack()
        field = {"type": "plain_text_input", "action_id": "name"}
        view = {
            "type": "modal",
            "callback_id": "settings",
            "title": plain("Settings"),
            "submit": plain("Save"),
            "blocks": [{"type": "input", "block_id": "name", "label": plain("Name"), "element": field}],
        }
        await self.client.views_open(trigger_id=body["trigger_id"], view=view)

    async def saved(self, ack: AsyncAck, view: Body) -> None:
        name = view["state"]["values"]["name"]["name"]["value"]
        if name == "wrong":
            await ack(response_action="errors", errors={"name": "not that"})
            return
        await ack()
        self.heard.append(name)

    @asynccontextmanager
    async def connected(self, side: SlackSide) -> AsyncIterator[AsyncSocketModeHandler]:
        """Keep a Socket Mode connection open for the length of a block."""
        handler = AsyncSocketModeHandler(self.app, side.app_token, ping_interval=0.1)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await side.connected()
        try:
            yield handler
        finally:
            client = handler.client
            await handler.close_async()  # type: ignore[no-untyped-call]
            tasks = [client.message_processor, client.current_session_monitor, client.message_receiver]
            await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


def preview(text: str) -> list[Body]:
    """Build a message with a choice and two buttons."""
    options = [{"text": plain(name.title()), "value": name} for name in ("all", "none")]
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{text}*"}},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "static_select",
                    "action_id": "mode",
                    "placeholder": plain("Mode"),
                    "options": options,
                },
                {"type": "button", "text": plain("Send"), "action_id": "send", "value": text},
                {"type": "button", "text": plain("Cancel"), "action_id": "cancel", "style": "danger"},
            ],
        },
    ]


def plain(text: str) -> Body:
    return {"type": "plain_text", "text": text}
