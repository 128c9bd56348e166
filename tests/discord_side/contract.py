"""Discord's own OpenAPI description as a judge of requests: which operation, which parameters, which body."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.discord_side.unions import JUDGE, Validator, mark_unions

SHARED = Path(os.environ.get("REPARTEE_SHARED") or Path(__file__).parents[3] / "shared")
DESCRIPTION = SHARED / "contracts" / "discord-openapi.json"
URN = "urn:discord"
METHODS = frozenset({"get", "put", "post", "patch", "delete"})
# Discord takes snowflakes in bodies as numbers too, and discord.py sends attachment ids so.
SNOWFLAKE = {"type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)$"}
CODES = {
    "required": "BASE_TYPE_REQUIRED",
    "maxLength": "BASE_TYPE_BAD_LENGTH",
    "minLength": "BASE_TYPE_BAD_LENGTH",
    "maxItems": "BASE_TYPE_BAD_LENGTH",
    "minItems": "BASE_TYPE_BAD_LENGTH",
    "type": "BASE_TYPE_BAD_TYPE",
    "enum": "BASE_TYPE_CHOICES",
    "const": "BASE_TYPE_CHOICES",
    "pattern": "BASE_TYPE_BAD_FORMAT",
    "maximum": "NUMBER_TYPE_MAX",
    "minimum": "NUMBER_TYPE_MIN",
}

Payload = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """One thing that a request got wrong, and where in the body."""

    where: tuple[str | int, ...]
    code: str
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.where)) or 'request'}: {self.message} ({self.code})"


@dataclass(frozen=True)
class Operation:
    """One method of one path of the description."""

    method: str
    template: str
    description: Payload = field(repr=False)
    shared_parameters: Sequence[Payload] = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.description["operationId"])

    @property
    def parameters(self) -> list[Payload]:
        return [*self.shared_parameters, *self.description.get("parameters", [])]

    @property
    def needs_token(self) -> bool:
        return {} not in self.description.get("security", [{}])

    def content(self, kind: str) -> Payload | None:
        declared = self.description.get("requestBody", {}).get("content", {})
        return declared.get(kind, {}).get("schema") if kind in declared else None


def why_absent() -> str | None:
    """Say why requests cannot be validated here, if they cannot; tests skip with it."""
    if DESCRIPTION.is_file():
        return None
    return f"Discord's OpenAPI description is not here ({DESCRIPTION}; REPARTEE_SHARED names its folder)"


@functools.cache
def contract() -> Contract | None:
    """Load the description once a session; None where it is absent."""
    return None if why_absent() else Contract(json.loads(DESCRIPTION.read_bytes()))


class Contract:
    """The description, indexed for requests and with one validator kept for every schema asked for."""

    def __init__(self, document: Payload) -> None:
        document["components"]["schemas"]["SnowflakeType"] = SNOWFLAKE
        _make_absolute(document)
        mark_unions(document, document)
        self._registry: Any = Registry().with_resource(URN, DRAFT202012.create_resource(document))
        self._validators: dict[str, Validator] = {}
        self._operations: dict[tuple[str, int], list[Operation]] = {}
        for operation in _operations(document):
            key = operation.method, operation.template.strip("/").count("/")
            self._operations.setdefault(key, []).append(operation)

    def find(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
        """Find the operation of a request with the most literal path, and the values in its path."""
        candidates = self._operations.get((method.lower(), raw_path.strip("/").count("/")), [])
        found = [
            (operation, values)
            for operation in candidates
            if (values := match(operation.template, raw_path)) is not None
        ]
        return min(found, key=lambda pair: len(pair[1]), default=None)

    def check_parameters(
        self, operation: Operation, path: Mapping[str, str], query: Mapping[str, str]
    ) -> list[Problem]:
        """Check a path's values and a query against the declared parameters."""
        declared = {(each["in"], each["name"]): each for each in operation.parameters}
        given = {("path", name): value for name, value in path.items()}
        given |= {("query", name): value for name, value in query.items()}
        return [
            *self._missing(declared, given),
            *(problem for key, value in given.items() for problem in self._parameter(declared, key, value)),
        ]

    def _missing(
        self, declared: Mapping[tuple[str, str], Payload], given: Mapping[tuple[str, str], str]
    ) -> list[Problem]:
        required = {key for key, parameter in declared.items() if parameter.get("required")}
        return [
            Problem((name,), CODES["required"], "is required") for _, name in sorted(required - set(given))
        ]

    def _parameter(
        self, declared: Mapping[tuple[str, str], Payload], key: tuple[str, str], value: str
    ) -> list[Problem]:
        if key not in declared:
            return [Problem((key[1],), "UNKNOWN_PARAMETER", f"no {key[0]} parameter of this name")]
        schema = declared[key]["schema"]
        return self._problems(schema, _coerced(value, schema), (key[1],))

    def check_body(self, operation: Operation, kind: str, body: Any) -> list[Problem]:
        """Check a parsed body of a media type; `kind` is "" where the request had none."""
        declared = operation.description.get("requestBody")
        if not kind:
            is_missing = bool(declared and declared.get("required"))
            return [Problem((), CODES["required"], "this request needs a body")] if is_missing else []
        schema = operation.content(kind)
        if schema is None:
            return [Problem((), "CONTENT_TYPE", f"{operation.name} takes no body of type {kind}")]
        return self._problems(schema, body)

    def check_response(self, operation: Operation, status: int, body: Any) -> list[Problem]:
        """Check an answer of the stand-in's own."""
        declared = operation.description["responses"].get(str(status))
        if declared is None:
            return [Problem((), "STATUS", f"{operation.name} never answers {status}")]
        content = declared.get("content", {}).get("application/json")
        return [] if content is None else self._problems(content["schema"], body)

    def check_schema(self, name: str, value: Any) -> list[Problem]:
        """Check a value against one of the description's named schemas."""
        return self._problems({"$ref": f"{URN}#/components/schemas/{name}"}, value)

    def _problems(self, schema: Payload, value: Any, where: tuple[str | int, ...] = ()) -> list[Problem]:
        return [_problem(error, where) for error in self._validator(schema).iter_errors(value)]

    def _validator(self, schema: Payload) -> Validator:
        key = schema["$ref"] if "$ref" in schema else str(id(schema))
        if key not in self._validators:
            self._validators[key] = JUDGE(schema, registry=self._registry)
        return self._validators[key]


def _operations(document: Payload) -> Iterator[Operation]:
    for template, methods in document["paths"].items():
        for method in METHODS & set(methods):
            yield Operation(method, template, methods[method], methods.get("parameters", []))


def match(template: str, raw_path: str) -> dict[str, str] | None:
    """Read the values out of a path, if it is of this template."""
    expected, given = template.strip("/").split("/"), raw_path.strip("/").split("/")
    if len(expected) != len(given):
        return None
    values = {}
    for name, segment in zip(expected, given, strict=True):
        if name.startswith("{"):
            values[name.strip("{}")] = unquote(segment)
        elif name != unquote(segment):
            return None
    return values


def _make_absolute(node: Any) -> None:
    """Give every reference the document's own URN, so that any part of it can be a validator's root."""
    values: list[Any] = list(node.values()) if isinstance(node, dict) else node
    for value in values:
        if isinstance(value, dict | list):
            _make_absolute(value)
    if isinstance(node, dict) and isinstance(node.get("$ref"), str) and node["$ref"].startswith("#"):
        node["$ref"] = URN + node["$ref"]


def _coerced(value: str, schema: Payload) -> Any:
    """Read a query's text as the type that is declared; booleans as Discord reads them."""
    kind = schema.get("type")
    if kind == "boolean" and value.lower() in {"0", "1", "true", "false"}:
        return value.lower() in {"1", "true"}
    if kind == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value.split(",") if kind == "array" else value


def _problem(error: ValidationError, where: tuple[str | int, ...]) -> Problem:
    message = error.message if len(error.message) < 300 else f"{error.message[:300]}…"
    place = [*where, *error.absolute_path]
    if error.validator == "required":
        place += re.findall(r"^'(.+)' is a required property$", error.message)
    return Problem(tuple(place), CODES.get(str(error.validator), "SCHEMA"), message)
