"""The wire protocol: names of the keys in Redis, the fields of an entry, the codes of errors, the limits.

One stream of requests with one consumer group, one stream of replies a client. Times are those of the Redis
server: hosts whose clocks differ agree on a deadline. All keys share a hash tag, so that a cluster keeps them
in one slot. What changes them is in `inference.scripts`.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from inference import errors
from inference.protocol import ErrorReply

GROUP = "workers"
MAX_LIFE_MS = 60_000  # no request lives longer, whatever its sender asks for
LONGEST_NUMBER = 15  # digits: what is longer is garbage
UNDATED_LIFE_MS = 5_000  # a request whose deadline cannot be read
GRACE_MS = 1_000  # after a deadline, before the last traces of a request go
REPLY_LIFE_MS = 60_000  # replies that nobody fetches
REPLY_LENGTH = 10_000
WORKER_LIFE_MS = 1_500  # without a heartbeat for so long a worker counts as dead
WORKER_TRACE_MS = 60_000  # and is then forgotten, when it owes no answer

CODES: dict[str, type[errors.ReparteeError]] = {
    "message": errors.MessageError,
    "busy": errors.BusyError,
    "deadline": errors.DeadlineError,
    "duplicate": errors.DuplicateError,
    "unavailable": errors.UnavailableError,
    "stage": errors.StageError,
    "version": errors.VersionError,
    "service": errors.ServiceError,
}
_TEXT_FIELDS = (b"v", b"id", b"trace", b"deadline", b"reply", b"call")
_NAMES = {kind: code for code, kind in CODES.items()}


@dataclass(frozen=True)
class Keys:
    """Names of the keys under one namespace."""

    namespace: str = "repartee"

    @property
    def requests(self) -> str:
        """Stream of what is asked."""
        return self._key("requests")

    @property
    def workers(self) -> str:
        """Sorted set: names of the living workers by the time until which they count as such."""
        return self._key("workers")

    @property
    def control(self) -> str:
        """Stream of announcements to all workers."""
        return self._key("control")

    @property
    def cache(self) -> str:
        """Hash of cached results by keyed digest."""
        return self._key("cache")

    @property
    def cache_ages(self) -> str:
        """Sorted set: the digests of the cache by the time at which they expire."""
        return self._key("cache-ages")

    def replies(self, client: str) -> str:
        """Stream of what one client is answered, or of what workers say to one announcement."""
        return self._key(f"replies:{client}")

    def answered(self, request: str) -> str:
        """Mark that a request has been answered."""
        return self._key(f"answered:{request}")

    def _key(self, name: str) -> str:
        return f"{{{self.namespace}}}:{name}"


@dataclass(frozen=True)
class Entry:
    """One request in the stream; `deadline_ms` by the clock of Redis, `call` is the sender's own number."""

    entry: bytes
    version: int
    id: str
    trace: str
    deadline_ms: int
    reply: str
    call: str
    payload: bytes
    deliveries: int = 1

    @property
    def added_ms(self) -> int:
        """When it was added, by the clock of Redis."""
        return _milliseconds(self.entry)


def read_entry(entry: bytes, fields: Mapping[bytes, bytes], deliveries: int = 1) -> Entry:
    """Read the fields of a stream entry; what is missing or unreadable stays empty, to be refused."""
    texts = {name: fields.get(name, b"").decode(errors="replace") for name in _TEXT_FIELDS}
    added = _milliseconds(entry)
    deadline = _number(texts[b"deadline"], added + UNDATED_LIFE_MS)
    return Entry(
        entry=entry,
        version=_number(texts[b"v"], 0),
        id=texts[b"id"],
        trace=texts[b"trace"],
        deadline_ms=min(deadline, added + MAX_LIFE_MS),
        reply=texts[b"reply"],
        call=texts[b"call"],
        payload=fields.get(b"payload", b""),
        deliveries=deliveries,
    )


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else otherwise


def _milliseconds(entry: bytes) -> int:
    return int(entry.partition(b"-")[0])


def error_reply(error: Exception, trace: str = "") -> ErrorReply:
    """Turn an error into a typed reply; one that is not meant for people is named by its class only."""
    if not isinstance(error, errors.ReparteeError):
        error = errors.StageError(f"The worker failed at this message ({type(error).__name__}).")
    known = next((_NAMES[kind] for kind in type(error).__mro__ if kind in _NAMES), "service")
    return ErrorReply(code=known, text=str(error), trace=trace)


def to_error(reply: ErrorReply) -> errors.ReparteeError:
    """Turn a typed reply into the error to raise; a code of a later version is a plain `ServiceError`."""
    return CODES.get(reply.code, errors.ServiceError)(reply.text)


def unique_name() -> str:
    """Name this process, or a part of it: host, process and a random part."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
