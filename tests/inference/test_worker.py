import asyncio

import msgspec
import pytest

from inference.client import RedisService
from inference.engine import Engine
from inference.errors import DeadlineError, DuplicateError, StageError
from inference.protocol import ErrorReply, ReactRequest, decode_reply, encode
from inference.redis_link import Link
from inference.scripts import SUBMIT
from inference.wire import GROUP, Keys
from inference.worker import StuckError
from tests.serving import HeldEngine, firsts, linked, sample, until, working


async def submit(
    link: Link, keys: Keys, *, version: int = 1, payload: bytes, call: str = "1", id: str = "x"
) -> None:
    """Put a request into the stream as a client would, whatever is in it."""
    fields = [version, id, "t", 5_000, keys.replies("test"), call, payload]
    await link.run_script(SUBMIT, [keys.requests, keys.workers], [100, 60_000, 1_000, *fields])


async def reply(link: Link, keys: Keys) -> ErrorReply:
    """Return the next reply to what `submit` sent."""
    found = await link.read(keys.replies("test"), b"0", block_ms=5_000)
    decoded = decode_reply(found[0][1][b"payload"])
    assert isinstance(decoded, ErrorReply)
    return decoded


async def test_what_comes_while_the_model_is_busy_is_the_next_batch(
    held: HeldEngine, url: str, namespace: str
) -> None:
    held.gate.clear()
    async with (
        working(url, namespace, held, max_batch=8) as worker,
        RedisService(url, namespace=namespace) as service,
    ):
        first = asyncio.create_task(firsts(service, ["I miss you"]))
        await until(lambda: held.batches)
        others = asyncio.create_task(firsts(service, ["boom", "that is so funny", "so sad", "we dance"]))
        async with linked(url) as link:
            while await link.run("XLEN", Keys(namespace).requests) < 5:
                await asyncio.sleep(0.005)
        held.gate.set()
        assert await first == ["hug"]
        assert await others == ["mic_drop", "laugh", "cry", "dance"]
        assert [sorted(batch) for batch in held.batches] == [
            ["I miss you"],
            ["boom", "so sad", "that is so funny", "we dance"],
        ]
        assert held.batches[1][0] == "boom"  # the shortest
        assert sample(worker, "batch_size_sum") == 5
        await until(lambda: sample(worker, "requests_total", outcome="answered") == 5)


async def test_a_batch_has_a_bound(held: HeldEngine, url: str, namespace: str) -> None:
    held.gate.clear()
    async with (
        working(url, namespace, held, max_batch=3),
        RedisService(url, namespace=namespace) as service,
    ):
        asked = asyncio.create_task(firsts(service, ["boom"] * 10))
        await until(lambda: held.batches)
        held.gate.set()
        assert await asked == ["mic_drop"] * 10
    assert sum(map(len, held.batches)) == 10
    assert max(map(len, held.batches)) == 3


async def test_what_expired_in_the_queue_never_reaches_the_model(
    held: HeldEngine, url: str, namespace: str
) -> None:
    held.gate.clear()
    async with (
        working(url, namespace, held, max_batch=1) as worker,
        RedisService(url, namespace=namespace) as service,
    ):
        first = asyncio.create_task(firsts(service, ["I miss you"]))
        await until(lambda: held.batches)
        with pytest.raises(DeadlineError):
            await service.react(ReactRequest(text="boom", timeout_s=0.1))
        held.gate.set()
        assert await first == ["hug"]
        assert await firsts(service, ["so funny"]) == ["laugh"]
        assert held.batches == [["I miss you"], ["so funny"]]
        await until(lambda: sample(worker, "queue_depth") == 0)


async def test_one_bad_message_costs_its_neighbours_nothing(
    held: HeldEngine, url: str, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    held.gate.clear()
    held.poison = "funeral"
    async with (
        working(url, namespace, held) as worker,
        RedisService(url, namespace=namespace) as service,
    ):
        first = asyncio.create_task(firsts(service, ["I miss you"]))
        await until(lambda: held.batches)
        good = asyncio.create_task(firsts(service, ["boom", "so sad"]))
        bad = asyncio.create_task(service.react(ReactRequest(text="the funeral")))
        async with linked(url) as link:
            while await link.run("XLEN", Keys(namespace).requests) < 4:
                await asyncio.sleep(0.005)
        held.gate.set()
        assert await good == ["mic_drop", "cry"]
        with pytest.raises(StageError, match="RuntimeError"):
            await bad
        assert await first == ["hug"]
        await until(lambda: sample(worker, "errors_total", code="stage") == 1)
        assert [batch for batch in held.batches if "the funeral" in batch and len(batch) == 1] == [
            ["the funeral"]
        ]
    printed = capsys.readouterr()
    assert "a stage failed" in printed.out + printed.err
    assert "funeral" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("version", "payload", "code"),
    [
        (1, b"\xc1 garbage", "stage"),
        (1, msgspec.msgpack.encode({"text": 5}), "stage"),
        (1, b"", "stage"),
        (99, encode(ReactRequest(text="boom")), "version"),
        (1, encode(ReactRequest(text="\x07")), "message"),
    ],
)
async def test_what_cannot_be_read_is_answered_and_not_tried_again(
    tiny_engine: Engine, url: str, namespace: str, version: int, payload: bytes, code: str
) -> None:
    keys = Keys(namespace)
    async with working(url, namespace, tiny_engine), linked(url) as link:
        await submit(link, keys, version=version, payload=payload)
        assert (await reply(link, keys)).code == code
        await until_empty(link, keys)


async def until_empty(link: Link, keys: Keys) -> None:
    async with asyncio.timeout(5):
        while await link.run("XLEN", keys.requests):
            await asyncio.sleep(0.005)


async def test_an_entry_without_any_field_is_struck_off(
    tiny_engine: Engine, url: str, namespace: str
) -> None:
    keys = Keys(namespace)
    async with working(url, namespace, tiny_engine), linked(url) as link:
        await link.run("XADD", keys.requests, "*", "nonsense", "1")
        await until_empty(link, keys)


async def test_later_fields_of_a_request_are_ignored(tiny_engine: Engine, url: str, namespace: str) -> None:
    keys = Keys(namespace)
    async with working(url, namespace, tiny_engine), linked(url) as link:
        await submit(link, keys, payload=msgspec.msgpack.encode({"text": "boom", "later": 1}))
        found = await link.read(keys.replies("test"), b"0", block_ms=5_000)
        assert found[0][1][b"call"] == b"1"


async def test_what_a_dead_worker_owed_is_answered_by_a_living_one(
    tiny_engine: Engine, url: str, namespace: str
) -> None:
    keys = Keys(namespace)
    async with linked(url) as link, RedisService(url, namespace=namespace) as service:
        asked = asyncio.create_task(firsts(service, ["I miss you", "boom"]))
        await take_as(link, keys, "dead", count=2)
        async with working(url, namespace, tiny_engine) as worker:
            assert await asked == ["hug", "mic_drop"]
            await until(lambda: sample(worker, "claimed_total") == 2)


async def take_as(link: Link, keys: Keys, consumer: str, *, count: int) -> None:
    """Take requests out of the stream like a worker that then dies."""
    await link.run("XGROUP", "CREATE", keys.requests, GROUP, "0", "MKSTREAM")
    taken = 0
    async with asyncio.timeout(5):
        while taken < count:
            taken += len(await link.read_group(GROUP, consumer, keys.requests, count=count, block_ms=100))


async def test_what_ends_one_worker_after_another_is_given_up(
    held: HeldEngine, url: str, namespace: str
) -> None:
    keys = Keys(namespace)
    async with linked(url) as link, RedisService(url, namespace=namespace) as service:
        asked = asyncio.create_task(service.react(ReactRequest(text="boom", timeout_s=10)))
        await take_as(link, keys, "dead-1", count=1)
        for number in (2, 3):
            entry = (await link.run("XRANGE", keys.requests, "-", "+"))[0][0]
            await link.run("XCLAIM", keys.requests, GROUP, f"dead-{number}", 0, entry)
        async with working(url, namespace, held):
            with pytest.raises(StageError, match="workers ended at it 3 times"):
                await asked
        assert held.batches == []


async def test_a_duplicate_that_was_read_ahead_is_told_without_the_model(
    held: HeldEngine, url: str, namespace: str
) -> None:
    held.gate.clear()
    async with (
        working(url, namespace, held, max_batch=1),
        RedisService(url, namespace=namespace) as one,
        RedisService(url, namespace=namespace) as two,
    ):
        first = asyncio.create_task(one.react(ReactRequest(text="boom", id="event")))
        await until(lambda: held.batches)
        second = asyncio.create_task(two.react(ReactRequest(text="boom", id="event")))
        await asyncio.sleep(0.1)
        held.gate.set()
        assert (await first).reactions
        with pytest.raises(DuplicateError):
            await second
    assert held.batches == [["boom"]]


async def test_stopping_answers_what_was_read_and_signs_off(
    held: HeldEngine, url: str, namespace: str
) -> None:
    held.gate.clear()
    async with RedisService(url, namespace=namespace) as service, linked(url) as link:
        async with working(url, namespace, held) as worker:
            asked = asyncio.create_task(firsts(service, ["I miss you"]))
            await until(lambda: held.batches)
            worker.stop()
            assert worker.complaint == "The worker is stopping."
            held.gate.set()
        assert await asked == ["hug"]
        keys = Keys(namespace)
        assert await link.run("ZCARD", keys.workers) == 0
        assert await link.run("XINFO", "CONSUMERS", keys.requests, GROUP) == []


async def test_a_batch_that_never_ends_ends_the_worker(held: HeldEngine, url: str, namespace: str) -> None:
    held.gate.clear()

    async def get_stuck() -> None:
        async with (
            working(url, namespace, held, stage_limit_s=0.2) as worker,
            RedisService(url, namespace=namespace) as service,
        ):
            asked = asyncio.create_task(service.react(ReactRequest(text="boom", timeout_s=0.5)))
            await until(lambda: worker.illness)
            assert "in work for" in worker.illness
            with pytest.raises(DeadlineError):
                await asked
            held.gate.set()

    with pytest.raises(ExceptionGroup) as ended:
        await get_stuck()
    assert ended.group_contains(StuckError)


async def test_an_idle_stream_expires_and_serving_goes_on(
    tiny_engine: Engine, url: str, namespace: str
) -> None:
    keys = Keys(namespace)
    async with (
        working(url, namespace, tiny_engine) as worker,
        RedisService(url, namespace=namespace) as service,
        linked(url) as link,
    ):
        assert await firsts(service, ["boom"]) == ["mic_drop"]
        await link.run("DEL", keys.requests)  # as its expiry does
        assert await firsts(service, ["so sad", "I miss you"]) == ["cry", "hug"]
        assert sample(worker, "reconnects_total") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"v": "9" * 5_000},
        {"deadline": "9" * 5_000},
        {"deadline": "1e30"},
        {"reply": "{other}:string"},
        {"reply": "\xff"},
        {"id": "x" * 100_000},
        {"call": ""},
    ],
    ids=str,
)
async def test_nonsense_in_one_entry_costs_nobody_else_anything(
    held: HeldEngine, url: str, namespace: str, changes: dict[str, str]
) -> None:
    keys = Keys(namespace)
    fields = {"v": "1", "id": "x", "trace": "t", "deadline": "0", "reply": keys.replies("t"), "call": "1"}
    fields |= {"deadline": "9" * 13} | changes
    held.gate.clear()
    async with (
        working(url, namespace, held),
        RedisService(url, namespace=namespace) as service,
        linked(url) as link,
    ):
        await link.run("SET", "{other}:string", "x")
        first = asyncio.create_task(firsts(service, ["so sad"]))
        await until(lambda: held.batches)
        flat = [part for pair in fields.items() for part in pair]
        await link.run("XADD", keys.requests, "*", *flat, "payload", encode(ReactRequest(text="boom")))
        others = asyncio.create_task(firsts(service, ["I miss you", "boom"]))
        while await link.run("XLEN", keys.requests) < 4:
            await asyncio.sleep(0.005)
        held.gate.set()
        assert await first == ["cry"]
        assert await others == ["hug", "mic_drop"]
        assert await firsts(service, ["so funny"]) == ["laugh"]
        await until_empty(link, keys)


async def test_what_was_never_begun_is_not_given_up_with_what_killed(
    held: HeldEngine, url: str, namespace: str
) -> None:
    keys = Keys(namespace)
    async with linked(url) as link, RedisService(url, namespace=namespace) as service:
        asked = asyncio.create_task(firsts(service, ["boom", "I miss you", "so sad"]))
        await take_as(link, keys, "dead-1", count=3)
        owed = [entry for entry, _ in await link.run("XRANGE", keys.requests, "-", "+")]
        await link.run("XCLAIM", keys.requests, GROUP, "dead-2", 0, *owed)
        await link.run("XCLAIM", keys.requests, GROUP, "dead-3", 0, owed[0])
        async with working(url, namespace, held):
            with pytest.raises(StageError, match="workers ended at it 3 times"):
                await asked
            await until_empty(link, keys)
        assert sorted(held.batches) == [["I miss you"], ["so sad"]]
