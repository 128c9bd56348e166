"""The HTTP side: every request is read, authorised, validated, made to suffer its fault, and answered."""

from __future__ import annotations

import json
import traceback
from collections import deque
from collections.abc import Mapping

from aiohttp import web

from tests.discord_side.app_routes import AppRoutes
from tests.discord_side.calls import Call, read_call
from tests.discord_side.channel_routes import ChannelRoutes
from tests.discord_side.contract import Operation, contract
from tests.discord_side.errors import Refusal, Violation, invalid_form
from tests.discord_side.faults import Faults
from tests.discord_side.interaction_routes import InteractionRoutes
from tests.discord_side.routing import Handler, Router
from tests.discord_side.state import State

PREFIX = "/api/v10"
KEPT_CALLS = 10_000
TOKENLESS = ("/interactions/", "/webhooks/")
# Generous: without these headers discord.py sends one request of a route at a time.
RATE_LIMIT = {
    "X-RateLimit-Limit": "10000",
    "X-RateLimit-Remaining": "9999",
    "X-RateLimit-Reset-After": "1",
}


class Api:
    """Answers requests, and keeps them and what was wrong with them."""

    def __init__(self, state: State, token: str) -> None:
        self.faults = Faults()
        self.calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self.violations: list[Violation] = []
        self.checks_answers = False
        self._token, self._bell = f"Bot {token}", state.delivery.bell
        self._contract, self._router = contract(), Router()
        for routes in (AppRoutes(state), ChannelRoutes(state), InteractionRoutes(state)):
            routes.add_to(self._router)

    async def handle(self, request: web.Request) -> web.Response:
        """Serve one request."""
        call = Call(request.method, request.rel_url.raw_path.removeprefix(PREFIX))
        headers: Mapping[str, str] = {}
        try:
            call = await read_call(request, call.path)
            headers = await self._answer(call)
        except Refusal as refusal:
            call.status, call.answer = refusal.status, refusal.body
            if refusal.rule:
                self._violated(refusal.rule, call, "; ".join(map(str, refusal.problems)) or str(refusal))
        except Exception:
            call.status, call.answer = 500, {"message": "the stand-in broke", "code": 0}
            self._violated("the stand-in broke", call, traceback.format_exc())
        self.calls.append(call)
        self._bell.ring()
        body = None if call.status == 204 else json.dumps(call.answer).encode()
        kind = None if body is None else "application/json"
        return web.Response(body=body, status=call.status, headers=headers, content_type=kind)

    async def _answer(self, call: Call) -> Mapping[str, str]:
        """Answer into the call and return the headers."""
        if not call.path.startswith(TOKENLESS) and call.token != self._token:
            raise Refusal(401, 0, "401: Unauthorized", rule="authorization")
        operation = self._validated(call)
        handler = self._handler(call)
        fault = await self.faults.meet(call)
        if fault is not None:
            call.status, call.answer = fault.status, dict(fault.body)
            return fault.headers
        call.answer = handler(call)
        call.status = 204 if call.answer is None else 200
        if self.checks_answers and operation is not None:
            self._check_answer(operation, call)
        return {**RATE_LIMIT, "X-RateLimit-Bucket": f"{call.method}-{len(call.values)}-{handler.__name__}"}

    def _validated(self, call: Call) -> Operation | None:
        if self._contract is None:
            return None
        found = self._contract.find(call.method, call.path)
        if found is None:
            raise Refusal(404, 0, "404: Not Found", rule="declared_path")
        operation, values = found
        problems = [
            *self._contract.check_parameters(operation, values, call.query),
            *self._contract.check_body(operation, call.kind, call.body),
        ]
        if problems:
            raise invalid_form("schema", problems)
        return operation

    def _handler(self, call: Call) -> Handler:
        found = self._router.find(call.method, call.path)
        if found is None:
            raise Refusal(404, 0, "404: Not Found", rule="path that the stand-in serves")
        handler, call.values = found
        return handler

    def _check_answer(self, operation: Operation, call: Call) -> None:
        assert self._contract is not None
        problems = self._contract.check_response(operation, call.status, call.answer)
        if problems:
            self._violated("the stand-in's answer", call, "; ".join(map(str, problems)))

    def _violated(self, rule: str, call: Call, detail: str) -> None:
        self.violations.append(Violation(rule, call.method, call.path, detail))
