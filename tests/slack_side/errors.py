"""Refusals in Slack's form, and the rules that were broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.slack_side.world import Payload


@dataclass(frozen=True)
class Problem:
    """What is wrong in blocks or a view, and where (a JSON pointer)."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


@dataclass(frozen=True)
class Violation:
    """A request that Slack would refuse or ignore, or that breaks a rule of ours."""

    method: str
    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.method} breaks {self.rule}: {self.detail}"


class Refusal(Exception):
    """An answer that is an error; with a `rule` it is collected as a violation too."""

    def __init__(
        self,
        error: str,
        *,
        rule: str = "",
        status: int = 200,
        messages: Sequence[object] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(error)
        self.error, self.rule, self.status = error, rule, status
        self.messages = [str(each) for each in messages]
        self.headers, self.more = dict(headers or {}), dict(more or {})

    @property
    def body(self) -> Payload:
        body: Payload = {"ok": False, "error": self.error, **self.more}
        if self.error == "invalid_blocks":
            body["errors"] = self.messages
        if self.messages:
            body["response_metadata"] = {"messages": [f"[ERROR] {each}" for each in self.messages]}
        return body

    @property
    def detail(self) -> str:
        return f"{self.error} {'; '.join(self.messages)}".strip()


def invalid_arguments(rule: str, *messages: object) -> Refusal:
    return Refusal("invalid_arguments", rule=rule, messages=messages)


def rate_limited(retry_after_s: float = 1) -> Refusal:
    return Refusal("ratelimited", status=429, headers={"Retry-After": f"{retry_after_s:g}"})
