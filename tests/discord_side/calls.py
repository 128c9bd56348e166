"""An HTTP request to the API, read once: JSON or multipart with payload_json and files[n]."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.discord_side.contract import Payload, Problem
from tests.discord_side.errors import invalid_form
from tests.discord_side.messages import Upload


@dataclass
class Call:
    """A request and, once it is answered, its answer."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    body: Any = None
    uploads: dict[int, Upload] = field(default_factory=dict)
    token: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    status: int = 0
    answer: Any = None

    @property
    def json(self) -> Payload:
        """The body of a request that must have an object."""
        return self.body if isinstance(self.body, dict) else {}

    def id(self, name: str) -> int:
        """Read a snowflake of the path."""
        return int(self.values[name]) if self.values[name].isdecimal() else 0

    def is_set(self, name: str) -> bool:
        """Read a boolean of the query."""
        return self.query.get(name, "").lower() in {"1", "true"}


async def read_call(request: web.Request, path: str) -> Call:
    """Read a request in full.

    Raises:
        Refusal: where the body cannot be parsed.
    """
    call = Call(request.method, path, dict(request.query))
    call.token = request.headers.get("Authorization")
    call.kind = request.content_type if request.can_read_body else ""
    if call.kind == "multipart/form-data":
        await _read_multipart(request, call)
    elif call.kind == "application/json":
        call.body = _parsed(await request.read())
    elif call.kind:
        await request.read()
    return call


async def _read_multipart(request: web.Request, call: Call) -> None:
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            number = re.fullmatch(r"files\[(\d+)\]", name)
            if number is None:
                raise invalid_form("multipart", [Problem((name,), "FILE_NAME", "files are named files[n]")])
            call.uploads[int(number[1])] = Upload(value.filename, value.file.read())
            value.file.close()
        elif name == "payload_json":
            call.body = _parsed(value if isinstance(value, bytes) else str(value).encode())
    call.body = {} if call.body is None else call.body


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise invalid_form("json", [Problem((), "JSON", f"The body is not JSON: {error}")]) from error
