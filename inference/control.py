"""Announcements to all running workers over Redis, and what each of them says to it."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Sequence

import msgspec

from inference.errors import ServiceError, UnavailableError
from inference.redis_link import BLOCK_MS, PASSING, START, UNREACHABLE, Link
from inference.wire import REPLY_LIFE_MS, Keys

KEPT = 100
FIELD = b"message"
NOBODY = "No worker is running: start one with repartee worker."


class Reload(msgspec.Struct, frozen=True, kw_only=True):
    """Load bundle and packs anew and swap them in; None stands for those that a worker was started with."""

    id: str
    bundle: str | None = None
    packs: list[str] | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker says: whether it serves what was announced, and what it serves or why not."""

    worker: str
    is_done: bool
    text: str


def new_reload(bundle: str | None = None, packs: Sequence[str] | None = None) -> Reload:
    """Return an announcement with an id of its own."""
    return Reload(id=uuid.uuid4().hex, bundle=bundle, packs=None if packs is None else list(packs))


async def announce(link: Link, keys: Keys, reload: Reload) -> None:
    """Tell all running workers."""
    payload = msgspec.msgpack.encode(reload)
    await link.run("XADD", keys.control, "MAXLEN", KEPT, "*", FIELD, payload)


async def answer(link: Link, keys: Keys, reload: Reload, verdict: Verdict) -> None:
    """Say to whoever announced how it went."""
    replies = keys.replies(reload.id)
    await link.run("XADD", replies, "*", FIELD, msgspec.msgpack.encode(verdict))
    await link.run("PEXPIRE", replies, REPLY_LIFE_MS)


async def last_announcement(link: Link, keys: Keys) -> bytes:
    """Return where the stream of announcements ends now."""
    found = await link.run("XREVRANGE", keys.control, "+", "-", "COUNT", 1)
    return bytes(found[0][0]) if found else START


async def next_announcements(link: Link, keys: Keys, last: bytes) -> list[tuple[bytes, Reload | None]]:
    """Wait a second for announcements after `last`; one that cannot be read is None."""
    found = await link.read(keys.control, last, block_ms=BLOCK_MS)
    return [(entry, _decode(fields)) for entry, fields in found]


async def living_workers(link: Link, keys: Keys) -> list[str]:
    """Return the names of the workers that run."""
    seconds, micros = await link.run("TIME")
    now = int(seconds) * 1000 + int(micros) // 1000
    return [name.decode() for name in await link.run("ZRANGEBYSCORE", keys.workers, now, "+inf")]


async def reload_workers(
    url: str, namespace: str, reload: Reload, timeout_s: float
) -> AsyncIterator[Verdict | list[str]]:
    """Announce and give each worker's verdict as it comes; at the end the names of those that gave none.

    Raises:
        UnavailableError: Redis cannot be reached.
        ServiceError: no worker runs.
    """
    link, keys = Link(url), Keys(namespace)
    try:
        await link.check()
        missing = set(await living_workers(link, keys))
        if not missing:
            raise ServiceError(NOBODY)
        await announce(link, keys, reload)
        ends_at, seen = time.monotonic() + timeout_s, START
        while missing and time.monotonic() < ends_at:
            for entry, fields in await link.read(keys.replies(reload.id), seen, block_ms=BLOCK_MS):
                seen = entry
                verdict = msgspec.msgpack.decode(fields[FIELD], type=Verdict)
                missing.discard(verdict.worker)
                yield verdict
            missing &= set(await living_workers(link, keys))
        yield sorted(missing)
    except PASSING as error:
        raise UnavailableError(UNREACHABLE.format(place=link.place, reason=error)) from error
    finally:
        await link.close()


def _decode(fields: dict[bytes, bytes]) -> Reload | None:
    try:
        return msgspec.msgpack.decode(fields.get(FIELD, b""), type=Reload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
