"""HTTP mode: signed requests to the app's endpoints, by URL or straight into an ASGI callable."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp

from tests.slack_side.envelopes import COMMAND, EVENT, Envelope, Post

Message = MutableMapping[str, Any]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Target = str | Asgi


@dataclass(frozen=True)
class Answer:
    """What the app answered."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> Any:
        """Its body: JSON, or text as a message's text; empty where there is nothing."""
        if not self.body.strip():
            return {}
        is_json = self.headers.get("content-type", "").startswith("application/json")
        return json.loads(self.body) if is_json else {"text": self.body}


class Endpoints:
    """The app's endpoints, one or more replicas behind a balancer that takes turns."""

    def __init__(self, targets: tuple[Target, ...], path: str, secret: str, post: Post) -> None:
        self._targets, self._path, self._post = targets, path, post
        self.secret = secret
        self.age_s = 0.0
        self.answers: list[Answer] = []
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, envelope: Envelope) -> None:
        self._turn += 1
        line = self._turn % len(self._targets)
        self._post.started(envelope, line)
        task = asyncio.create_task(self._deliver(envelope, line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def request(
        self,
        body: bytes,
        kind: str = "application/json",
        more: Mapping[str, str] | None = None,
        line: int = 0,
    ) -> Answer:
        """Send a signed request; `secret` and `age_s` may be forged beforehand."""
        stamp = str(int(time.time() - self.age_s))
        signed = hmac.new(self.secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": kind,
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={signed}",
            **(more or {}),
        }
        target = self._targets[line]
        if isinstance(target, str):
            answer = await _post_url(target, body, headers)
        else:
            answer = await _call(target, self._path, body, headers)
        self.answers.append(answer)
        return answer

    async def verify(self) -> Answer:
        """Ask the app to prove that it owns its address."""
        asked = {"type": "url_verification", "token": "verification-token", "challenge": "3eZbrw1aB"}
        return await self.request(json.dumps(asked).encode())

    async def _deliver(self, envelope: Envelope, line: int) -> None:
        kind = "application/x-www-form-urlencoded"
        more = {}
        if envelope.kind == EVENT:
            body, kind = json.dumps(envelope.payload), "application/json"
        elif envelope.kind == COMMAND:
            body = urlencode(envelope.payload)
        else:
            body = urlencode({"payload": json.dumps(envelope.payload)})
        if envelope.retry_num:
            more = {
                "x-slack-retry-num": str(envelope.retry_num),
                "x-slack-retry-reason": envelope.retry_reason.replace("timeout", "http_timeout"),
            }
        try:
            answer = await self.request(body.encode(), kind, more, line)
        except (aiohttp.ClientError, OSError):
            answer = Answer(503, "")
        payload = answer.payload if answer.status == 200 else {}
        # An event's answer has no meaning; Bolt sends an empty one.
        self._post.acknowledge(envelope.id, {} if envelope.kind == EVENT else payload, line, answer.status)


async def _post_url(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        text = await response.text()
        return Answer(
            response.status, text, {name.lower(): value for name, value in response.headers.items()}
        )


async def _call(app: Asgi, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    sent: list[Message] = []
    received = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return received.pop() if received else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": urlsplit(path).path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 443),
        "server": ("repartee.example", 443),
    }
    await app(scope, receive, send)
    start = next(each for each in sent if each["type"] == "http.response.start")
    text = b"".join(each.get("body", b"") for each in sent if each["type"] == "http.response.body").decode()
    found = {name.decode().lower(): value.decode() for name, value in start.get("headers", [])}
    return Answer(start["status"], text, found)
