"""Workers find what is added while they run, and what they keep is never told to another server."""

from pathlib import Path

import pytest

from inference.catalogue import NewGif, OwnGifs
from inference.client import LocalService, RedisService
from inference.engine import Engine
from inference.follow import Follower
from inference.protocol import ReactRequest
from inference.worker import CacheConfig
from tests.inference.test_own_gifs import GUILD, OTHER, new_gif
from tests.serving import sample, until, working

CACHED = CacheConfig(secret=b"s", size=10, life_s=60)


@pytest.fixture
def engine(tiny_bundle: Path, tiny_pack: Path, tmp_path: Path) -> Engine:
    return Engine.open(tiny_bundle, [tiny_pack], tmp_path / "catalogue.sqlite")


async def asked(service: RedisService | LocalService, scope: str) -> set[str]:
    reply = await service.react(ReactRequest(text="dance", k=60, scope=scope))
    return {reaction.name for reaction in reply.reactions if reaction.name.startswith("mine")}


def add(place: Path, *gifs: NewGif) -> None:
    with OwnGifs(place) as own:
        for gif in gifs:
            own.add(gif)


async def test_what_a_worker_keeps_for_one_server_is_not_told_to_another(
    engine: Engine, tmp_path: Path, url: str, namespace: str
) -> None:
    place = tmp_path / "catalogue.sqlite"
    add(place, new_gif(1, scope=GUILD), new_gif(2, scope=OTHER))
    with OwnGifs(place) as own:
        engine = engine.renewed(own)
    async with (
        working(url, namespace, engine, cache=CACHED) as worker,
        RedisService(url, namespace=namespace) as service,
    ):
        for _ in range(2):
            assert await asked(service, GUILD) == {"mine 1"}
            assert await asked(service, OTHER) == {"mine 2"}
            assert await asked(service, "") == set()
        await until(lambda: sample(worker, "cache_lookups_total", result="hit") > 0)
        before = sample(worker, "cache_lookups_total", result="miss")
        assert await asked(service, "discord:3") == set()  # sees what everybody sees, and shares what is kept
        assert sample(worker, "cache_lookups_total", result="miss") == before
        with OwnGifs(place) as own:
            own.remove(GUILD, own.find(GUILD, "mine 1").id)
            worker.renew(engine, engine.renewed(own))
        assert await asked(service, GUILD) == set()


async def test_a_service_in_this_process_follows_too(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "catalogue.sqlite"
    async with LocalService(engine) as service:
        follower = Follower(place, lambda: service.engine, service.renew, every_s=0.01)
        follower.start()
        try:
            add(place, new_gif(1, scope=GUILD))
            await until(lambda: service.engine is not engine)
        finally:
            follower.close()
        assert await asked(service, GUILD) == {"mine 1"}
        other = Engine(engine.bundle, engine._text, engine.stock)
        service.renew(engine, other)  # made of what serves no more
        assert service.engine is not other


def test_workers_whose_rows_differ_share_nothing(
    engine: Engine, tiny_bundle: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    place = tmp_path / "catalogue.sqlite"
    add(place, new_gif(1, scope=GUILD), new_gif(2), new_gif(3, scope=OTHER))
    with OwnGifs(place) as own:
        renewed = engine.renewed(own)
        own.remove("", own.find("", "mine 2").id)
        twice = renewed.renewed(own)
    opened = Engine.open(tiny_bundle, [tiny_pack], place)
    assert len({engine.fingerprint, renewed.fingerprint, twice.fingerprint, opened.fingerprint}) == 4
    assert [e.stock.key_of(GUILD) for e in (engine, opened)] == ["", GUILD]
