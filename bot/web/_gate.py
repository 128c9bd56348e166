"""Who may come in: the token, sessions that are signed with it, and how often one may guess."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from collections import deque
from collections.abc import Callable

from bot.web._errors import ApiError
from bot.web.messages import TOO_MANY_ATTEMPTS

SESSION_LIFE_S = 12 * 3600
GUESSES = 10  # wrong tokens of one address within `WINDOW_S`
GUESSES_OF_ALL = 100
WINDOW_S = 60.0
ADDRESSES = 1_000
NONCE_BYTES = 16
EVERYBODY = ""
PURPOSE = b"repartee page 1"

Clock = Callable[[], float]


class Gate:
    """Knows the token; makes and checks sessions. Nothing of them is kept but those that were ended."""

    def __init__(self, token: str, *, clock: Clock = time.time) -> None:
        self._token = token.encode()
        self._key = hmac.digest(self._token, PURPOSE, hashlib.sha256)
        self._clock = clock
        self._ended: dict[str, float] = {}
        self.attempts = Attempts(clock=clock)

    def is_token(self, given: str) -> bool:
        """Whether this is the token; takes equally long wherever it differs."""
        return hmac.compare_digest(given.encode(errors="replace"), self._token)

    def begin(self) -> str:
        """Return the cookie of a new session."""
        ends = int(self._clock()) + SESSION_LIFE_S
        body = f"{ends}.{secrets.token_urlsafe(NONCE_BYTES)}"
        return f"{body}.{self._seal('session', body)}"

    def read(self, cookie: str) -> str:
        """Return the session of a cookie, "" where it was not issued here, is over or was ended."""
        body, _, seal = cookie.rpartition(".")
        if not hmac.compare_digest(self._seal("session", body).encode(), seal.encode(errors="replace")):
            return ""
        return body if float(body.partition(".")[0]) > self._clock() and body not in self._ended else ""

    def end(self, session: str) -> None:
        """Let a session be over before its time."""
        now = self._clock()
        self._ended = {body: ends for body, ends in self._ended.items() if ends > now}
        self._ended[session] = now + SESSION_LIFE_S

    def change_token(self, session: str) -> str:
        """Return what a page of this session must send along with a change."""
        return self._seal("change", session)

    def may_change(self, session: str, given: str) -> bool:
        """Whether a change comes from a page of this session."""
        return hmac.compare_digest(self.change_token(session).encode(), given.encode(errors="replace"))

    def _seal(self, what: str, body: str) -> str:
        return hmac.new(self._key, f"{what}:{body}".encode(errors="replace"), hashlib.sha256).hexdigest()


class Attempts:
    """Counts wrong tokens, by address and of all together."""

    def __init__(self, *, clock: Clock = time.time) -> None:
        self._clock = clock
        self._wrong: dict[str, deque[float]] = {}

    def check(self, address: str) -> None:
        """Let nobody guess on and on.

        Raises:
            ApiError: 429, there were too many wrong tokens within a minute.
        """
        for name, most in ((address, GUESSES), (EVERYBODY, GUESSES_OF_ALL)):
            times = self._recent(name)
            if len(times) >= most:
                wait_s = math.ceil(times[0] + WINDOW_S - self._clock())
                raise ApiError(429, "attempts", TOO_MANY_ATTEMPTS.format(seconds=wait_s), retry_s=wait_s)

    def note(self, address: str) -> None:
        """Note a wrong token."""
        for name in (address, EVERYBODY):
            self._recent(name).append(self._clock())

    def forget(self, address: str) -> None:
        """Forgive an address that knows the token."""
        self._wrong.pop(address, None)

    def _recent(self, name: str) -> deque[float]:
        times = self._wrong.setdefault(name, deque(maxlen=GUESSES_OF_ALL))
        while times and times[0] <= self._clock() - WINDOW_S:
            times.popleft()
        while len(self._wrong) > ADDRESSES:
            self._wrong.pop(next(known for known in self._wrong if known not in (name, EVERYBODY)))
        return times
