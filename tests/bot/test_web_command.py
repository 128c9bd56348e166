"""`repartee web` as a process of its own: the link that it shows leads in, its log does not."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.bot.processes import copied_catalogue, tiny_environment

START = """
import sys
from bot.cli._web import run
from bot.settings import WebSettings, read
from inference.errors import ReparteeError
try:
    run(read(WebSettings))
except ReparteeError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""
COMMAND = [sys.executable, "-c", START]


@pytest.fixture
def environment(tiny_bundle: Path, tiny_pack: Path, warm_data: Path, tmp_path: Path) -> dict[str, str]:
    return tiny_environment(tiny_bundle, tiny_pack, copied_catalogue(warm_data, tmp_path)) | {
        "REPARTEE_WEB_PORT": "0",
        "REPARTEE_WEB_LOG_FORMAT": "json",
        "REPARTEE_WEB_LOG_LEVEL": "debug",
        "REDIS_URL": "",
    }


async def test_its_link_leads_in_and_a_signal_ends_it(environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        link = re.fullmatch(r"Open (http://127\.0\.0\.1:\d+)/login#([\w-]{32})\n", line)
        assert link is not None, line
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {link[2]}"}) as http:
            async with http.post(f"{link[1]}/api/react", json={"text": "I miss you"}) as answer:
                assert (await answer.json())["reactions"][0]["gif"]["name"] == "hug"
            async with http.get(f"{link[1]}/healthz") as answer:
                assert await answer.text() == "ok\n"
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0
    assert b'"ready"' in log
    assert b'"stopped"' in log
    assert link[2].encode() not in log
    assert b"I miss you" not in log


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"REPARTEE_WEB_HOST": "0.0.0.0"}, "set REPARTEE_WEB_TOKEN"),
        ({"REPARTEE_WEB_TOKEN": "sesame"}, "too short"),
        ({"REPARTEE_WEB_PORT": "http"}, "REPARTEE_WEB_PORT cannot be used"),
    ],
)
def test_what_is_unsafe_is_refused_in_a_sentence(
    environment: dict[str, str], said: dict[str, str], sentence: str
) -> None:
    ended = subprocess.run(COMMAND, env=environment | said, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "sesame" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
