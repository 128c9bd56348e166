"""The Web API: who asks, what is asked, what goes wrong on purpose, and the answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from tests.slack_side.calls import Call, read_call
from tests.slack_side.chat_routes import ChatRoutes
from tests.slack_side.conversation_routes import ConversationRoutes
from tests.slack_side.errors import Refusal, Violation
from tests.slack_side.events import Events
from tests.slack_side.faults import Cut, Faults
from tests.slack_side.file_routes import FileRoutes
from tests.slack_side.hook_routes import METHOD as RESPONSE_URL
from tests.slack_side.hook_routes import HookRoutes
from tests.slack_side.methods import METHODS, check_arguments, check_scope
from tests.slack_side.publishing import Publisher
from tests.slack_side.state import State
from tests.slack_side.view_routes import ViewRoutes
from tests.slack_side.world import Payload

T = TypeVar("T")

# Sunset on 2025-11-12.
GONE = frozenset({"files.upload"})


class Api:
    """Answers every request; each is kept in `calls`."""

    def __init__(
        self, state: State, events: Events, bot_token: str, app_token: str, new_url: Callable[[], str]
    ) -> None:
        self._state, self._bot_token, self._app_token = state, bot_token, app_token
        self.calls: list[Call] = []
        self.faults = Faults()
        self.publisher = Publisher(state, events)
        self.files = FileRoutes(state, self.publisher)
        self.views = ViewRoutes(state)
        self.hooks = HookRoutes(state, self.publisher)
        self._routes: dict[str, Callable[[Call], Payload]] = {
            **ChatRoutes(state, self.publisher).routes,
            **self.files.routes,
            **self.views.routes,
            **ConversationRoutes(state, events).routes,
            "apps.connections.open": lambda _: {"url": new_url()},
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a method of the Web API."""
        call = Call(request.match_info["method"])

        async def do() -> Payload:
            read = await read_call(request, call.method)
            call.args, call.token, call.kind = read.args, read.token, read.kind
            return await self._do(call)

        return await self._answer(request, call, do)

    async def handle_upload(self, request: web.Request) -> web.Response:
        """Take a file at an upload URL: raw bytes, or the first file of a form."""
        call = Call("upload", {"file": request.match_info["file"]}, kind=request.content_type)

        async def do() -> str:
            call.data = await _uploaded(request)
            late = await self.faults.meet(call.method)
            said = self.files.upload(call.text("file"), call.data)
            return _unless(late, said)

        return await self._answer(request, call, do)

    async def handle_hook(self, request: web.Request) -> web.Response:
        """Take what is posted to a response URL."""
        call = Call(RESPONSE_URL)

        async def do() -> str:
            call.args = (await read_call(request, RESPONSE_URL)).args
            late = await self.faults.meet(call.method)
            try:
                self.hooks.post(request.match_info["key"], call.args)
            except Refusal as refusal:
                refusal.status = 404 if refusal.status == 200 else refusal.status
                raise
            return _unless(late, "ok")

        return await self._answer(request, call, do)

    async def handle_download(self, request: web.Request) -> web.Response:
        """Give a file's bytes to who shows the bot's token."""
        file = self._state.files.get(request.match_info["file"].partition("-")[2])
        if request.headers.get("Authorization") != f"Bearer {self._bot_token}":
            return web.Response(text="<!DOCTYPE html>Sign in", content_type="text/html")
        if self._state.scopes is not None and "files:read" not in self._state.scopes:
            return web.Response(text="<!DOCTYPE html>Sign in", content_type="text/html")
        if file is None or file.data is None:
            raise web.HTTPNotFound
        return web.Response(body=file.data, content_type=file.mimetype)

    async def _do(self, call: Call) -> Payload:
        late = await self.faults.meet(call.method)
        if call.method in GONE:
            raise Refusal("method_deprecated", rule="gone")
        if call.method not in METHODS:
            raise Refusal("unknown_method", rule="known_method", more={"req_method": call.method})
        self._check_token(call)
        channel = self._state.world.channels.get(call.text("channel"))
        check_scope(call, self._state.scopes, channel)
        self._state.violations += check_arguments(call)
        answer = {"ok": True, **self._routes[call.method](call)}
        return _unless(late, answer)

    def _check_token(self, call: Call) -> None:
        if not call.token:
            raise Refusal("not_authed", rule="token")
        is_for_app = METHODS[call.method].is_for_app
        expected, other = self._bot_token, self._app_token
        if is_for_app:
            expected, other = other, expected
        if call.token == other:
            raise Refusal("not_allowed_token_type", rule="token")
        if call.token != expected:
            raise Refusal("invalid_auth")

    async def _answer(
        self, request: web.Request, call: Call, do: Callable[[], Awaitable[object]]
    ) -> web.Response:
        self.calls.append(call)
        headers: dict[str, str] = {}
        try:
            call.status, call.answer = 200, await do()
        except Refusal as refusal:
            call.status, call.answer, headers = refusal.status, refusal.body, refusal.headers
            if refusal.rule:
                self._state.violations.append(Violation(call.method, refusal.rule, refusal.detail))
        except Cut:
            if request.transport is not None:
                request.transport.abort()
            call.status = 0
        self._state.bell.ring()
        if isinstance(call.answer, str):
            return web.Response(text=call.answer, status=call.status, headers=headers)
        if call.method == "auth.test" and self._state.scopes is not None:
            headers["X-OAuth-Scopes"] = ",".join(sorted(self._state.scopes))
        text = json.dumps(call.answer)
        return web.Response(
            text=text, status=call.status or 500, headers=headers, content_type="application/json"
        )


def _unless(late: Refusal | None, answer: T) -> T:
    if late is not None:
        raise late
    return answer


async def _uploaded(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            data = value.file.read()
            value.file.close()
            return data
    return b""
