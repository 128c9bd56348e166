"""A request to the Web API, read once: query, form, multipart or JSON, all into one dict of arguments."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.slack_side.errors import Refusal
from tests.slack_side.world import Payload

JSON_ARGUMENTS = frozenset({"blocks", "attachments", "view", "metadata", "files", "file_ids"})
TRUE = frozenset({"1", "true", "True", True})


@dataclass
class Call:
    """A request and, once it is answered, its answer; `method` may be response_url, upload or download."""

    method: str
    args: Payload = field(default_factory=dict)
    token: str = ""
    kind: str = ""
    data: bytes = field(default=b"", repr=False)
    status: int = 0
    answer: Any = None

    def text(self, name: str) -> str:
        """Read a string argument, empty where there is none."""
        value = self.args.get(name)
        return "" if value is None else str(value)

    def is_set(self, name: str, default: bool = False) -> bool:
        """Read a boolean argument."""
        return self.args.get(name, default) in TRUE

    def number(self, name: str, default: int) -> int:
        """Read a number.

        Raises:
            Refusal: invalid_arguments.
        """
        try:
            return int(self.args.get(name, default))
        except (TypeError, ValueError):
            raise Refusal("invalid_arguments", rule="number", messages=[f"{name} must be a number"]) from None

    @property
    def ok(self) -> bool:
        return isinstance(self.answer, dict) and bool(self.answer.get("ok"))


async def read_call(request: web.Request, method: str) -> Call:
    """Read a request in full.

    Raises:
        Refusal: where the body or a JSON argument cannot be parsed.
    """
    header = request.headers.get("Authorization", "")
    call = Call(method, dict(request.query), header.removeprefix("Bearer ").strip(), request.content_type)
    if request.content_type == "application/json" and request.can_read_body:
        call.args |= _parsed_object(await request.read())
    elif request.can_read_body:
        call.args |= {name: str(value) for name, value in (await request.post()).items()}
        call.token = call.token or call.text("token")
    for name in JSON_ARGUMENTS & call.args.keys():
        call.args[name] = _parsed(name, call.args[name])
    return call


def _parsed_object(body: bytes) -> Payload:
    try:
        found = json.loads(body)
    except ValueError:
        raise Refusal("invalid_json", rule="json") from None
    if not isinstance(found, dict):
        raise Refusal("json_not_object", rule="json")
    return found


def _parsed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        error = "invalid_blocks_format" if name == "blocks" else "invalid_arguments"
        raise Refusal(error, rule="json_argument", messages=[f"{name} is not JSON"]) from None
