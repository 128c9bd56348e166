import asyncio
from pathlib import Path

import pytest

from inference.client import LocalService, ReactionService
from inference.engine import Engine
from inference.errors import BusyError, DeadlineError, MessageError, ServiceError
from inference.protocol import ReactRequest
from tests.serving import HeldEngine


class HeldAnswers(HeldEngine):
    """Holds back whole answers, as the service in the process asks for them one by one."""

    def answer(self, request: ReactRequest):  # type: ignore[no-untyped-def]
        self.batches.append([request.text])
        assert self.gate.wait(10)
        return super().answer(request)


@pytest.fixture
def slow(tiny_engine: Engine) -> HeldEngine:
    held = HeldAnswers.over(tiny_engine)
    held.gate.clear()
    return held


async def ask(service: ReactionService, text: str) -> list[str]:
    """Ask as an adapter does, that knows of a service only this."""
    reply = await service.react(ReactRequest(text=text, k=2))
    return [Path(gif.file).name for gif in reply.reactions]


async def test_a_request_gets_what_the_engine_answers(tiny_engine: Engine) -> None:
    async with LocalService(tiny_engine) as service:
        assert (await ask(service, "I miss you"))[0] == "hug.gif"
        only = await service.react(ReactRequest(text="I miss you", categories=["dance"], trace="t1"))
        assert {gif.categories[0] for gif in only.reactions} == {"dance"}
        assert only.trace == "t1"
        assert only.hold_threshold == 0.5
        assert not only.is_held
        assert (await service.react(ReactRequest(text="he died"))).is_held
        assert len(service) == len(tiny_engine)
        assert service.bundle == "tiny 1"
        assert service.catalogue == tiny_engine.catalogue_version


async def test_what_cannot_be_answered_is_refused(tiny_engine: Engine) -> None:
    async with LocalService(tiny_engine) as service:
        with pytest.raises(MessageError, match="nothing to react to"):
            await ask(service, " ")
        with pytest.raises(MessageError, match="nothing to react to"):
            service.check_text("\x07")
        with pytest.raises(MessageError, match="whole number from 1"):
            service.check_count(0)


async def test_a_closed_service_says_so(tiny_engine: Engine) -> None:
    async with LocalService(tiny_engine) as service:
        assert await ask(service, "boom")
    with pytest.raises(ServiceError, match="closed"):
        await ask(service, "boom")
    await service.close()


async def test_who_waits_too_long_is_told(slow: HeldEngine) -> None:
    async with LocalService(slow) as service:
        with pytest.raises(DeadlineError, match=r"no answer within 0\.05 s"):
            await service.react(ReactRequest(text="boom", timeout_s=0.05))
        slow.gate.set()
        assert await ask(service, "I miss you")


async def test_a_full_queue_is_busy_at_once(slow: HeldEngine) -> None:
    async with LocalService(slow, queue_limit=2) as service:
        waiting = [asyncio.create_task(ask(service, "I miss you")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="ask again"):
            await ask(service, "boom")
        slow.gate.set()
        assert [files[0] for files in await asyncio.gather(*waiting)] == ["hug.gif", "hug.gif"]


async def test_closing_finishes_what_has_begun_and_tells_the_others(slow: HeldEngine) -> None:
    service = LocalService(slow)
    first = asyncio.create_task(ask(service, "I miss you"))
    while not slow.batches:
        await asyncio.sleep(0.005)
    second = asyncio.create_task(ask(service, "boom"))
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(service.close())
    await asyncio.sleep(0.01)
    slow.gate.set()
    await closing
    assert (await first)[0] == "hug.gif"
    with pytest.raises(ServiceError, match="closed"):
        await second
