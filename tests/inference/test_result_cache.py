import msgspec
import pytest

from inference.client import RedisService
from inference.engine import Engine
from inference.errors import MessageError
from inference.protocol import ReactRequest
from inference.redis_link import Link
from inference.wire import Keys
from inference.worker import CacheConfig, ResultCache, _cache
from tests import tiny
from tests.serving import HeldEngine, linked, sample, until, working

KEPT = CacheConfig(secret=b"secret", size=3, life_s=60)


async def everything(link: Link, namespace: str) -> bytes:
    """Return all that Redis holds in a namespace, as bytes to search through."""
    found = []
    for key in await link.run("KEYS", f"{{{namespace}}}:*"):
        found.append(key)
        found.append(await link.run("DUMP", key) or b"")
    return b"\n".join(found)


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"k": 1},
        {"k": 8},
        {"k": 100},
        {"categories": ["dance", "cry"], "k": 5},
        {"avoid_first": True},
        {"max_rating": "g"},
        {"ban_first": True},
        {"shift_last": 1.0},
        {"shift_last": 0.3, "k": 12, "ban_first": True},
    ],
    ids=str,
)
async def test_a_kept_result_answers_any_wish_just_like_the_model(
    held: HeldEngine, url: str, namespace: str, wish: dict[str, object]
) -> None:
    wish = dict(wish)
    ranked = held.react("I miss you", 12).reactions
    if wish.pop("avoid_first", False):
        wish["avoid"] = [ranked[0].id]
    if wish.pop("ban_first", False):
        wish["banned"] = [ranked[0].fingerprint]
    if shift := wish.pop("shift_last", None):
        wish["shifts"] = {ranked[-1].id: shift}
    request = ReactRequest(text="I miss you", **wish)  # type: ignore[arg-type]
    expected = held.answer(request)
    async with (
        working(url, namespace, held, cache=KEPT) as worker,
        RedisService(url, namespace=namespace) as service,
    ):
        await service.react(ReactRequest(text="I  miss you"))
        await until_kept(url, namespace, 1)
        reply = await service.react(request)
        assert reply.reactions == expected.reactions
        assert reply.hold == pytest.approx(expected.hold)
        assert reply.notes == expected.notes
        await until(lambda: sample(worker, "cache_lookups_total", result="hit") == 1)
    assert held.batches == [["I miss you"]]
    if "banned" in wish or "shifts" in wish:
        assert reply.reactions != held.react("I miss you", request.k).reactions


async def test_a_kept_result_that_is_too_short_for_a_shift_is_made_anew(
    held: HeldEngine, url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cache, "KEPT_GIFS", 4)
    ranked = held.react("I miss you", 12).reactions
    liked = ReactRequest(text="I miss you", k=1, shifts={ranked[-1].id: 1.0, ranked[0].id: -0.5})
    disliked = ReactRequest(text="I miss you", k=1, shifts={ranked[-1].id: -1.0})
    async with (
        working(url, namespace, held, cache=KEPT) as worker,
        RedisService(url, namespace=namespace) as service,
    ):
        await service.react(ReactRequest(text="I miss you"))
        await until_kept(url, namespace, 1)
        assert (await service.react(disliked)).reactions == [ranked[0]]
        assert len(held.batches) == 1
        assert (await service.react(liked)).reactions == [ranked[-1]]
        assert len(held.batches) == 2
        await until(lambda: sample(worker, "cache_lookups_total", result="hit") == 1)


async def test_wishes_that_cannot_be_granted_are_refused_over_the_wire(
    held: HeldEngine, url: str, namespace: str
) -> None:
    async with working(url, namespace, held), RedisService(url, namespace=namespace) as service:
        with pytest.raises(MessageError, match="420 hexadecimal digits"):
            await service.react(ReactRequest(text="boom", banned=["ab"]))
        with pytest.raises(MessageError, match="from -1 to 1"):
            await service.react(ReactRequest(text="boom", shifts={"a": float("inf")}))
    assert held.batches == []


async def until_kept(url: str, namespace: str, count: int) -> None:
    async with linked(url) as link:
        while await link.run("HLEN", Keys(namespace).cache) < count:
            pass


async def test_no_word_of_a_message_stays_in_redis(tiny_engine: Engine, url: str, namespace: str) -> None:
    secret_words = "xylophone hug quixotic"
    async with (
        working(url, namespace, tiny_engine, cache=KEPT),
        RedisService(url, namespace=namespace) as service,
        linked(url) as link,
    ):
        await service.react(ReactRequest(text=secret_words, id="id-1"))
        await until_kept(url, namespace, 1)
        held_by_redis = await everything(link, namespace)
    assert b"cache" in held_by_redis
    assert b"xylophone" not in held_by_redis
    assert b"quixotic" not in held_by_redis


async def test_the_oldest_make_room(tiny_engine: Engine, url: str, namespace: str) -> None:
    async with (
        working(url, namespace, tiny_engine, cache=KEPT) as worker,
        RedisService(url, namespace=namespace) as service,
        linked(url) as link,
    ):
        for number, text in enumerate(["hug", "cry", "laugh", "dance", "boom"]):
            await service.react(ReactRequest(text=text))
            await until_kept(url, namespace, min(number + 1, 3))
        assert await link.run("HLEN", Keys(namespace).cache) == 3
        assert await link.run("ZCARD", Keys(namespace).cache_ages) == 3
        assert 0 < await link.run("PTTL", Keys(namespace).cache) <= 60_000
        await service.react(ReactRequest(text="boom"))
        await service.react(ReactRequest(text="hug"))
        await until(lambda: sample(worker, "cache_lookups_total", result="hit") == 1)


async def test_nothing_is_kept_beyond_its_time(tiny_engine: Engine, url: str, namespace: str) -> None:
    async with linked(url) as link:
        cache = ResultCache(link, Keys(namespace), CacheConfig(secret=b"s", size=10, life_s=60))
        tokens = tiny_engine.prepare(ReactRequest(text="hug"))
        vector, hold = tiny_engine.infer([tokens])[0]
        digest = cache.digest(tiny_engine, tokens)
        assert digest is not None
        await cache.store([(digest, tiny_engine.rank(tokens, vector, hold))])
        assert (await cache.lookup(tiny_engine, [digest, None], [tokens, tokens]))[0] is not None
        await link.run("ZADD", Keys(namespace).cache_ages, 1, digest)  # expired long ago
        assert await cache.lookup(tiny_engine, [digest], [tokens]) == [None]
        await cache.store([(b"other", tiny_engine.rank(tokens, vector, hold))])
        assert await link.run("HKEYS", Keys(namespace).cache) == [b"other"]


async def test_secrets_and_models_do_not_share(
    tiny_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("other")
    other = Engine.open(
        tiny.make_bundle(folder / "b", version="2"), [tiny.make_pack(folder / "p")], folder / "c.sqlite"
    )
    tokens = tiny_engine.prepare(ReactRequest(text="hug"))
    async with linked("redis://127.0.0.1:1") as link:
        one, two = (ResultCache(link, Keys(), CacheConfig(secret=secret)) for secret in (b"1", b"2"))
        digests = {
            one.digest(tiny_engine, tokens),
            two.digest(tiny_engine, tokens),
            one.digest(other, tokens),
        }
        assert len(digests) == 3
        long = tiny_engine.prepare(ReactRequest(text="hug " * 400))
        assert one.digest(tiny_engine, long) is None or len(long.text) <= 1_000


async def test_garbage_in_the_cache_is_passed_over(tiny_engine: Engine, url: str, namespace: str) -> None:
    async with (
        working(url, namespace, tiny_engine, cache=KEPT),
        RedisService(url, namespace=namespace) as service,
        linked(url) as link,
    ):
        first = await service.react(ReactRequest(text="boom"))
        await until_kept(url, namespace, 1)
        keys = Keys(namespace)
        (digest,) = await link.run("HKEYS", keys.cache)
        short = msgspec.msgpack.encode([False, False, 0.5, False, b"\1\0\0", b"", b""])
        far = [False, False, 0.5, False, b"\xff" * 4, b"\0" * 4, b"\0" * 4 * len(tiny.CATEGORIES)]
        for garbage in (b"\xc1", b"\xa2\xff\xfe", short, msgspec.msgpack.encode(far)):
            await link.run("HSET", keys.cache, digest, garbage)
            assert (await service.react(ReactRequest(text="boom"))).reactions == first.reactions
