import asyncio
from pathlib import Path

import pytest

from inference.client import RedisService
from inference.engine import Engine
from inference.errors import (
    BusyError,
    DeadlineError,
    DuplicateError,
    MessageError,
    ServiceError,
    UnavailableError,
)
from inference.protocol import ReactRequest
from inference.wire import Keys
from tests.serving import HeldEngine, firsts, free_port, linked, sample, server, until, working

TEXTS = ["I miss you", "so funny", "boom", "so sad", "we dance"] * 8
BEST = ["hug", "laugh", "mic_drop", "cry", "dance"] * 8


async def test_the_answers_are_those_of_the_engine(tiny_engine: Engine, url: str, namespace: str) -> None:
    async with working(url, namespace, tiny_engine), RedisService(url, namespace=namespace) as service:
        reply = await service.react(ReactRequest(text="I miss you", k=2, trace="abc"))
        alone = tiny_engine.react("I miss you", 2)
        assert [gif.id for gif in reply.reactions] == [gif.id for gif in alone.reactions]
        assert reply.reactions[0].alt_text == "A block moves: hug."
        assert reply.bundle == "tiny 1"
        assert reply.trace == "abc"
        assert {"queue", "prepare", "infer", "finish"} <= set(reply.timings_ms)
        assert (await service.react(ReactRequest(text="he died"))).is_held


async def test_each_of_many_gets_the_answer_to_its_own_message(
    tiny_engine: Engine, url: str, namespace: str
) -> None:
    async with (
        working(url, namespace, tiny_engine, threads=2),
        RedisService(url, namespace=namespace) as one,
        RedisService(url, namespace=namespace) as two,
    ):
        found = await asyncio.gather(firsts(one, TEXTS), firsts(two, TEXTS[::-1]))
    assert list(found) == [BEST, BEST[::-1]]


async def test_wishes_go_over_the_wire(tiny_engine: Engine, url: str, namespace: str) -> None:
    async with working(url, namespace, tiny_engine), RedisService(url, namespace=namespace) as service:
        first = (await service.react(ReactRequest(text="I miss you", k=1))).reactions[0]
        other = await service.react(ReactRequest(text="I miss you", k=1, avoid=[first.id]))
        assert Path(other.reactions[0].file).name == "hug-sad.gif"
        only = await service.react(ReactRequest(text="I miss you", k=5, categories=["dance"]))
        assert {gif.categories[0] for gif in only.reactions} == {"dance"}


async def test_what_cannot_be_answered_is_the_same_error_as_in_process(
    tiny_engine: Engine, url: str, namespace: str
) -> None:
    async with working(url, namespace, tiny_engine), RedisService(url, namespace=namespace) as service:
        with pytest.raises(MessageError, match="nothing to react to"):
            await service.react(ReactRequest(text=" "))
        with pytest.raises(MessageError, match="whole number from 1"):
            await service.react(ReactRequest(text="boom", k=0))


async def test_without_a_worker_it_ends_by_the_deadline_and_leaves_nothing(url: str, namespace: str) -> None:
    keys = Keys(namespace)
    async with RedisService(url, namespace=namespace) as service, linked(url) as link:
        with pytest.raises(DeadlineError, match="start one with repartee worker"):
            await service.react(ReactRequest(text="boom", timeout_s=0.1))
        async with asyncio.timeout(5):
            while await link.run("XLEN", keys.requests):
                await asyncio.sleep(0.005)
        assert 0 < await link.run("PTTL", keys.requests) <= 1_200


async def test_a_cancelled_request_is_taken_back(url: str, namespace: str) -> None:
    keys = Keys(namespace)
    async with RedisService(url, namespace=namespace) as service, linked(url) as link:
        task = asyncio.create_task(service.react(ReactRequest(text="boom")))
        async with asyncio.timeout(5):
            while not await link.run("XLEN", keys.requests):
                await asyncio.sleep(0.005)
            task.cancel()
            while await link.run("XLEN", keys.requests):
                await asyncio.sleep(0.005)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_full_queue_is_busy_at_once(held: HeldEngine, url: str, namespace: str) -> None:
    held.gate.clear()
    async with (
        working(url, namespace, held),
        RedisService(url, namespace=namespace, queue_limit=3) as service,
    ):
        waiting = asyncio.create_task(firsts(service, ["I miss you"] * 3))
        await until(lambda: held.batches)
        with pytest.raises(BusyError, match="ask again"):
            await service.react(ReactRequest(text="boom"))
        held.gate.set()
        assert await waiting == ["hug"] * 3


async def test_one_id_is_answered_once_whoever_asks(held: HeldEngine, url: str, namespace: str) -> None:
    held.gate.clear()
    async with (
        working(url, namespace, held, threads=2),
        RedisService(url, namespace=namespace) as one,
        RedisService(url, namespace=namespace) as two,
    ):
        request = ReactRequest(text="I miss you", id="event-1")
        tasks = [asyncio.create_task(service.react(request)) for service in (one, two, one)]
        await until(lambda: held.batches)
        held.gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(not isinstance(result, BaseException) for result in results) == 1
        assert sum(isinstance(result, DuplicateError) for result in results) == 2
        with pytest.raises(DuplicateError):
            await two.react(request)


async def test_closing_tells_who_waits(url: str, namespace: str) -> None:
    async with RedisService(url, namespace=namespace) as service:
        task = asyncio.create_task(service.react(ReactRequest(text="boom")))
        await asyncio.sleep(0.05)
    with pytest.raises(ServiceError, match="closed"):
        await task
    with pytest.raises(ServiceError, match="closed"):
        await service.react(ReactRequest(text="boom"))
    async with linked(url) as link:
        assert await link.run("XLEN", Keys(namespace).requests) == 0


async def test_no_server_no_address_and_a_wrong_password_are_said_plainly() -> None:
    with server() as locked:
        async with linked(locked.connection_url) as link:
            await link.run("CONFIG", "SET", "requirepass", "sesame")
        secret = f"redis://:wrong-word@127.0.0.1:{locked.port}/0"
        for address in (secret, f"redis://127.0.0.1:{locked.port}/0"):
            with pytest.raises(UnavailableError, match="refuses the user or password") as refused:
                await RedisService(address).__aenter__()
            assert "wrong-word" not in str(refused.value)
        port = locked.port
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{port} cannot be reached") as gone:
        await RedisService(f"redis://:sesame@127.0.0.1:{port}/0").__aenter__()
    assert "sesame" not in str(gone.value)
    with pytest.raises(UnavailableError, match="REDIS_URL is not the address") as wrong:
        await RedisService("http://me:sesame@host").__aenter__()
    assert "sesame" not in str(wrong.value)


async def test_a_client_survives_a_server_that_forgets_everything(
    tiny_engine: Engine, namespace: str
) -> None:
    with server(port=free_port()) as first:
        url, port = first.connection_url, first.port
        async with (
            working(url, namespace, tiny_engine) as worker,
            RedisService(url, namespace=namespace) as service,
        ):
            assert await firsts(service, ["boom"]) == ["mic_drop"]
            first.stop()
            asked = asyncio.create_task(firsts(service, ["I miss you", "so funny"]))
            await until(lambda: sample(worker, "reconnects_total"))
            first.start()
            assert first.port == port
            assert await asked == ["hug", "laugh"]
            assert await firsts(service, ["so sad"]) == ["cry"]


async def test_during_an_outage_it_ends_by_the_deadline(namespace: str) -> None:
    with server() as only:
        async with RedisService(only.connection_url, namespace=namespace) as service:
            only.stop()
            with pytest.raises(UnavailableError, match=r"could not be reached within 0.2 s"):
                await service.react(ReactRequest(text="boom", timeout_s=0.2))


async def test_a_server_that_is_full_is_waited_out(tiny_engine: Engine, namespace: str) -> None:
    with server() as full:
        async with (
            working(full.connection_url, namespace, tiny_engine) as worker,
            RedisService(full.connection_url, namespace=namespace) as service,
            linked(full.connection_url) as link,
        ):
            await link.run("CONFIG", "SET", "maxmemory", "1")
            asked = asyncio.create_task(firsts(service, ["I miss you"]))
            await until(lambda: worker.complaint)
            await link.run("CONFIG", "SET", "maxmemory", "0")
            assert await asked == ["hug"]
            await until(lambda: not worker.complaint)


async def test_an_idle_client_outlives_a_restart(tiny_engine: Engine, namespace: str) -> None:
    with server(port=free_port()) as only:
        async with (
            working(only.connection_url, namespace, tiny_engine),
            RedisService(only.connection_url, namespace=namespace) as service,
        ):
            assert await firsts(service, ["boom"]) == ["mic_drop"]
            only.stop()
            only.start()
            async with linked(only.connection_url) as link, asyncio.timeout(10):
                while (
                    not (await link.run("INFO", "commandstats")).get("cmdstat_xread", {}).get("calls", 0) > 1
                ):
                    await asyncio.sleep(0.05)  # until a read was quiet, after which replies are trimmed
            assert await firsts(service, ["so sad"]) == ["cry"]


async def test_an_id_whose_asker_gave_up_may_be_asked_again(
    held: HeldEngine, url: str, namespace: str
) -> None:
    held.gate.clear()
    async with (
        working(url, namespace, held),
        RedisService(url, namespace=namespace) as service,
        linked(url) as link,
    ):
        request = ReactRequest(text="I miss you", id="event")
        first = asyncio.create_task(service.react(request))
        await until(lambda: held.batches)
        first.cancel()
        while await link.run("XLEN", Keys(namespace).requests):
            await asyncio.sleep(0.005)
        held.gate.set()
        assert (await service.react(request)).reactions


async def test_an_id_that_ended_in_an_error_may_be_asked_again(
    tiny_engine: Engine, url: str, namespace: str
) -> None:
    async with working(url, namespace, tiny_engine), RedisService(url, namespace=namespace) as service:
        with pytest.raises(MessageError):
            await service.react(ReactRequest(text=" ", id="event"))
        assert (await service.react(ReactRequest(text="boom", id="event"))).reactions


@pytest.mark.parametrize("timeout_s", [float("nan"), float("inf"), 0.0, -1.0])
async def test_a_time_that_is_none_is_refused(url: str, namespace: str, timeout_s: float) -> None:
    async with RedisService(url, namespace=namespace) as service:
        with pytest.raises(MessageError, match="a number above 0"):
            await service.react(ReactRequest(text="boom", timeout_s=timeout_s))
        with pytest.raises(MessageError, match="ask for 1000 at most"):
            await service.react(ReactRequest(text="boom", k=2**70))


async def test_broken_characters_are_no_obstacle(tiny_engine: Engine, url: str, namespace: str) -> None:
    async with working(url, namespace, tiny_engine), RedisService(url, namespace=namespace) as service:
        texts = ["boom \ud83d", "\ud83d\ude02" + " " * 300_000]  # half a pair, and two halves of one
        assert await firsts(service, texts) == ["mic_drop", "laugh"]


@pytest.mark.parametrize(
    "address",
    [
        "redis://:sesame#1@host/0",
        "redis://:1234#sesame@host/0",
        "redis://:se/same@host/0",
        "redis://:sesame?@host/0",
        "redis://:[sesame@host/0",
        "redis://:x@host:sesame/0",
    ],
)
async def test_a_password_that_breaks_the_address_is_not_shown(address: str) -> None:
    with pytest.raises(UnavailableError, match="%2F") as wrong:
        await RedisService(address).__aenter__()
    assert "sesame" not in str(wrong.value)
    assert "1234" not in str(wrong.value)
