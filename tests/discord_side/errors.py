"""Refusals in Discord's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.discord_side.contract import Payload, Problem

INVALID_FORM = 50035


@dataclass(frozen=True)
class Violation:
    """A request that Discord would refuse, or that breaks a rule of ours, and which rule."""

    rule: str
    method: str
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} breaks {self.rule}: {self.detail}"


class Refusal(Exception):
    """An answer that is an error; with a `rule` it is collected as a violation too."""

    def __init__(
        self, status: int, code: int, message: str, *, rule: str = "", problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.rule = status, code, rule
        self.message, self.problems = message, problems

    @property
    def body(self) -> Payload:
        body: Payload = {"message": self.message, "code": self.code}
        return body | {"errors": _nested(self.problems)} if self.problems else body


def invalid_form(rule: str, problems: Sequence[Problem]) -> Refusal:
    """Refuse a body, as Discord does with code 50035."""
    return Refusal(400, INVALID_FORM, "Invalid Form Body", rule=rule, problems=problems)


def unknown_message() -> Refusal:
    return Refusal(404, 10008, "Unknown Message")


def missing_access() -> Refusal:
    return Refusal(403, 50001, "Missing Access")


def missing_permissions() -> Refusal:
    return Refusal(403, 50013, "Missing Permissions")


def unknown_reference() -> Refusal:
    """Refuse a reply to a message that is gone."""
    problem = Problem(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    return Refusal(400, INVALID_FORM, "Invalid Form Body", problems=[problem])


def rate_limit_headers(body: Mapping[str, Any]) -> dict[str, str]:
    """Name the headers that come with a 429; discord.py takes one without Via for Cloudflare's ban."""
    retry_after_s = float(body.get("retry_after", 0.0))
    scope = {"X-RateLimit-Scope": "global", "X-RateLimit-Global": "true"}
    return {
        "Via": "1.1 google",
        "Retry-After": f"{retry_after_s:g}",
        **(scope if body.get("global") else {"X-RateLimit-Scope": "user"}),
    }


def _nested(problems: Sequence[Problem]) -> Payload:
    errors: Payload = {}
    for problem in problems:
        node = errors
        for part in problem.where:
            node = node.setdefault(str(part), {})
        node.setdefault("_errors", []).append({"code": problem.code, "message": problem.message})
    return errors
