"""What is sent to the app, once or again, and how it is acknowledged."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.discord_side.bell import Bell
from tests.slack_side.errors import Violation
from tests.slack_side.world import Payload

EVENT, COMMAND, INTERACTIVE = "events_api", "slash_commands", "interactive"


@dataclass(frozen=True)
class Ack:
    """How an envelope was answered."""

    payload: Any
    seconds: float
    status: int = 200
    line: int = 0


@dataclass(eq=False)
class Envelope:
    """One delivery of a payload; `line` numbers the connection or endpoint that got it."""

    kind: str
    payload: Payload
    accepts_response: bool = False
    retry_num: int = 0
    retry_reason: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent_at: float = 0.0
    line: int = -1
    ack: Ack | None = None
    failure: str = ""
    sent: list[Envelope] = field(default_factory=list)

    @property
    def is_sent(self) -> bool:
        return self.line >= 0

    @property
    def is_acknowledged(self) -> bool:
        """Whether it was answered, and well."""
        return self.ack is not None and self.ack.status == 200 and not self.failure


class Line(Protocol):
    """The way to the app: its connections or its endpoints."""

    def send(self, envelope: Envelope) -> None: ...


@dataclass
class Patience:
    """How long Slack waits for an acknowledgement, and when it sends an event again."""

    ack_s: float = 3.0
    retry_delays_s: tuple[float, ...] = (0.0, 60.0, 300.0)


class Post:
    """Sends envelopes and keeps watch over their acknowledgement."""

    def __init__(self, bell: Bell, violations: list[Violation]) -> None:
        self._bell, self._violations = bell, violations
        self.patience = Patience()
        self.all: list[Envelope] = []
        self.line: Line | None = None
        self.on_ack: Callable[[Envelope], None] = lambda _: None
        self._open: dict[str, Envelope] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def send(self, kind: str, payload: Payload, *, accepts_response: bool = False) -> Envelope:
        """Send a payload for the first time."""
        envelope = Envelope(kind, payload, accepts_response)
        envelope.sent.append(envelope)
        return self._send(envelope)

    def resend(self, envelope: Envelope, reason: str = "timeout") -> Envelope:
        """Send the same payload once more, as a retry with its number and reason."""
        tries = envelope.sent
        again = Envelope(
            envelope.kind, envelope.payload, envelope.accepts_response, tries[-1].retry_num + 1, reason
        )
        again.sent = tries
        tries.append(again)
        return self._send(again)

    def started(self, envelope: Envelope, line: int) -> None:
        """Note that an envelope goes out now; from here its seconds count."""
        envelope.sent_at, envelope.line = time.perf_counter(), line
        self._watch(envelope, self.patience.ack_s, self._too_late)
        self._bell.ring()

    def acknowledge(self, envelope_id: str, payload: Any, line: int, status: int = 200) -> None:
        """Take an answer of the app."""
        envelope = self._open.pop(envelope_id, None)
        if envelope is None:
            detail = f"no open envelope {envelope_id}"
            self._violations.append(Violation("acknowledge", "acknowledged_once", detail))
            return
        if timer := self._timers.pop(envelope.id, None):
            timer.cancel()
        envelope.ack = Ack(payload, time.perf_counter() - envelope.sent_at, status, line)
        if status != 200:
            self._failed(envelope, "http_error")
        elif not envelope.failure:
            self._check_response(envelope)
            self.on_ack(envelope)
        self._bell.ring()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _send(self, envelope: Envelope) -> Envelope:
        self.all.append(envelope)
        self._open[envelope.id] = envelope
        if self.line is not None:
            self.line.send(envelope)
        return envelope

    def _watch(self, envelope: Envelope, delay_s: float, then: Callable[[Envelope], None]) -> None:
        loop = asyncio.get_running_loop()
        self._timers[envelope.id] = loop.call_later(delay_s, then, envelope)

    def _too_late(self, envelope: Envelope) -> None:
        self._failed(envelope, "timeout")
        self._bell.ring()

    def _failed(self, envelope: Envelope, reason: str) -> None:
        envelope.failure = reason
        if envelope.kind == EVENT and envelope.retry_num < len(self.patience.retry_delays_s):
            delay_s = self.patience.retry_delays_s[envelope.retry_num]
            self._watch(envelope, delay_s, lambda again: self._retry(again, reason))

    def _retry(self, envelope: Envelope, reason: str) -> None:
        if envelope.sent[-1] is envelope:
            self.resend(envelope, reason)

    def _check_response(self, envelope: Envelope) -> None:
        assert envelope.ack is not None
        if envelope.ack.payload and not envelope.accepts_response:
            detail = f"{envelope.payload.get('type')} takes no answer but {envelope.ack.payload}"
            self._violations.append(Violation("acknowledge", "accepts_response_payload", detail))
