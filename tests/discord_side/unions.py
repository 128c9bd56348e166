"""Unions of Discord's API description, told apart by their `type` before they are validated.

Trying every branch costs fifteen milliseconds for a message with a few buttons, choosing first about one,
and the errors point at the one component that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

Payload = dict[str, Any]


class Validator(Protocol):
    """The part of a jsonschema validator that is used here (its classes are made at run time)."""

    def iter_errors(self, instance: Any) -> Iterator[ValidationError]: ...

    def descend(self, instance: Any, schema: Any, *, schema_path: int) -> Iterator[ValidationError]: ...


def _resolve(document: Payload, schema: Any) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].partition("#/")[2].split("/"):
            target = target[part.replace("~1", "/")]
        schema = target
    return schema


def mark_unions(document: Payload, node: Any) -> None:
    """Note at every union how to choose among its branches, under "x-choice"."""
    if isinstance(node, dict):
        for keyword in ("oneOf", "anyOf"):
            branches = node.get(keyword)
            if isinstance(branches, list) and "x-choice" not in node:
                node["x-choice"] = _choice([_resolve(document, branch) for branch in branches])
        for value in [value for key, value in node.items() if key != "x-choice"]:
            mark_unions(document, value)
    elif isinstance(node, list):
        for value in node:
            mark_unions(document, value)


def _choice(branches: Sequence[Any]) -> dict[str, Any]:
    """Sort branches: the constants, the null, those with a declared `type` value, and the rest."""
    choice: dict[str, Any] = {"consts": set(), "null": None, "types": {}, "rest": []}
    for index, branch in enumerate(branches):
        kinds = branch.get("properties", {}).get("type", {}).get("enum", [])
        if isinstance(branch.get("const"), str | int):
            choice["consts"].add(branch["const"])
        elif branch == {"type": "null"}:
            choice["null"] = index
        elif kinds:
            for kind in kinds:
                choice["types"].setdefault(kind, []).append(index)
        else:
            choice["rest"].append(index)
    return choice


def _candidates(choice: Mapping[str, Any], instance: Any) -> list[int]:
    if instance is None and choice["null"] is not None:
        return [choice["null"]]
    kind = instance.get("type") if isinstance(instance, dict) else None
    of_kind = choice["types"].get(kind, []) if isinstance(kind, int | str) else []
    return [*of_kind, *choice["rest"]]


def _union(
    validator: Validator, branches: Sequence[Any], instance: Any, schema: Payload
) -> Iterator[ValidationError]:
    """Validate a union (the description's oneOf branches exclude one another by `type`)."""
    choice = schema["x-choice"]
    if isinstance(instance, str | int) and instance in choice["consts"]:
        return
    candidates = _candidates(choice, instance)
    attempts = []
    for index in candidates:
        errors = list(validator.descend(instance, branches[index], schema_path=index))
        if not errors:
            return
        attempts.append(errors)
    if attempts:
        yield from min(attempts, key=len)
    else:
        yield ValidationError(f"{instance!r} is none of the kinds that are allowed here")


JUDGE: Any = vars(validators)["extend"](Draft202012Validator, {"oneOf": _union, "anyOf": _union})
