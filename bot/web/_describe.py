"""The interface described: as OpenAPI 3.1 for programs, as a page for people, both out of one table."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from bot.web._operations import OPERATIONS, Operation, Parameter
from bot.web._records import AddedEvent, Failure, IntakeEvent, RefusedEvent, StageEvent

REFS = "#/components/schemas/{name}"
LINES = "application/x-ndjson"
EVERY_ERROR = (
    401,
    403,
    421,
    429,
)  # of who has no token, comes from another site, uses a name of others, or guesses
WHAT = {
    200: "Done",
    201: "Added",
    400: "A part of the address is wrong",
    401: "Not logged in",
    403: "Not allowed",
    404: "There is no such thing",
    409: "It is there already, or there is no room",
    413: "Too large",
    415: "Of the wrong kind",
    421: "Called by a name that is not its own",
    422: "Not what is expected, or refused",
    429: "Too many wrong tokens",
    503: "Nothing answers right now; try again",
}
ABOUT = (
    "Send the token along as `Authorization: Bearer TOKEN`. Errors are "
    '`{"error": {"code", "text"}}`, with a sentence for people in `text`. Messages are neither logged nor '
    "stored."
)


def describe(version: str) -> dict[str, Any]:
    """Return the description of the interface."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Repartee", "version": version, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": [], "change": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "repartee"},
                "change": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _schemas() -> dict[str, Any]:
    kinds: dict[type, None] = {Failure: None, StageEvent: None, AddedEvent: None, RefusedEvent: None}
    for operation in OPERATIONS:
        kinds.update({kind: None for kind in (operation.takes, operation.gives) if kind is not None})
    (_, *_), found = msgspec.json.schema_components([*kinds, IntakeEvent], ref_template=REFS)
    return dict(sorted(found.items()))


def _operation(operation: Operation) -> dict[str, Any]:
    body = {} if operation.takes is None else {"requestBody": _body(operation)}
    errors = sorted({*operation.errors, *EVERY_ERROR})
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        **body,
        "responses": {
            str(operation.status): {"description": WHAT[operation.status], "content": _content(operation)},
            **{str(status): _failure(status) for status in errors},
        },
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query" if parameter.is_query else "path",
        "required": not parameter.is_query,
        "description": parameter.text,
        "schema": {"type": "integer", "minimum": 0} if parameter.is_number else {"type": "string"},
    }


def _body(operation: Operation) -> dict[str, Any]:
    assert operation.takes is not None
    if not operation.is_form:
        return {"required": True, "content": {"application/json": {"schema": _ref(operation.takes)}}}
    fields = {name: {"type": "string"} for name in operation.takes.__struct_fields__}
    file = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"file": file, **fields}, "required": ["file"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def _content(operation: Operation) -> dict[str, Any]:
    if operation.gives is None:
        return {operation.media: {}}
    content: dict[str, Any] = {"application/json": {"schema": _ref(operation.gives)}}
    if operation.streams:
        events = [_ref(kind) for kind in (StageEvent, AddedEvent, RefusedEvent)]
        content[LINES] = {"schema": {"oneOf": events}}
    return content


def _failure(status: int) -> dict[str, Any]:
    return {"description": WHAT[status], "content": {"application/json": {"schema": _ref(Failure)}}}


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": REFS.format(name=kind.__name__)}


def handbook(description: dict[str, Any], template: str) -> str:
    """Return the page for people: `template` with each operation and each body filled in."""
    operations = "".join(_section(operation, description) for operation in OPERATIONS)
    index = "".join(
        f'<li><a href="#{operation.name}"><b class="method">{operation.method}</b> '
        f"<code>{html.escape(operation.path)}</code></a></li>"
        for operation in OPERATIONS
    )
    return template.replace("{{index}}", index).replace("{{operations}}", operations)


def _section(operation: Operation, description: dict[str, Any]) -> str:
    said = description["paths"][operation.path][operation.method.lower()]
    rows = [(p.name, "query" if p.is_query else "path", p.text) for p in operation.parameters]
    if operation.takes is not None:
        rows += _fields(operation.takes, description)
    if operation.is_form:
        rows.insert(0, ("file", "form", "The file itself"))
    parts = [
        f'<section class="panel" id="{operation.name}" aria-labelledby="{operation.name}-head">'
        f'<h2 id="{operation.name}-head"><b class="method">{operation.method}</b> '
        f"<code>{html.escape(operation.path)}</code></h2><p>{_text(operation.summary)}</p>",
        _table(("Sent", "In", "What it is"), rows),
        _table(("Status", "Means", "Body"), list(_statuses(said))),
        "</section>",
    ]
    return "".join(parts)


def _fields(kind: type[msgspec.Struct], description: dict[str, Any]) -> list[tuple[str, str, str]]:
    schema = description["components"]["schemas"][kind.__name__]
    needed = schema.get("required", [])
    return [
        (name, "body", (said.get("description") or _type(said)) + (" (needed)" if name in needed else ""))
        for name, said in schema["properties"].items()
    ]


def _type(said: dict[str, Any]) -> str:
    if "anyOf" in said:
        return " or ".join(dict.fromkeys(_type(part) for part in said["anyOf"]))
    if "enum" in said:
        return " or ".join(map(str, said["enum"]))
    if "minimum" in said and "maximum" in said:
        return f"a number from {said['minimum']} to {said['maximum']}"
    return {"string": "text", "array": "a list", "integer": "a number"}.get(said["type"], "anything")


def _statuses(said: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, response in said["responses"].items():
        bodies = []
        for media, content in response["content"].items():
            ref = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            bodies.append(ref or media)
        yield status, response["description"], ", ".join(bodies)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["".join(f"<td>{_text(cell)}</td>" for cell in row) for row in rows]
    if not lines:
        return ""
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(said: str) -> str:
    """Escape text; what stands between backquotes is code."""
    parts = html.escape(said).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def as_json(description: dict[str, Any]) -> bytes:
    """Write the description."""
    return json.dumps(description, ensure_ascii=False, indent=1).encode()
