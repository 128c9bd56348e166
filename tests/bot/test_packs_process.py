"""The bots' processes take GIFs in, find them, and leave nothing behind: put together as the commands do."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil
import pytest

from bot import messages
from inference.catalogue import OwnGifs
from tests.bot.drawing import draw
from tests.bot.processes import copied_catalogue, started, tiny_environment
from tests.discord_side.messages import Upload
from tests.discord_side.server import DiscordSide
from tests.slack_side.server import SlackSide

SECRET = "xylophone"


@pytest.fixture
def environment(tiny_bundle: Path, tiny_pack: Path, warm_data: Path, tmp_path: Path) -> dict[str, str]:
    return tiny_environment(tiny_bundle, tiny_pack, copied_catalogue(warm_data, tmp_path)) | {"REDIS_URL": ""}


async def test_discord_adds_finds_and_leaves(
    environment: dict[str, str], side: DiscordSide, tmp_path: Path
) -> None:
    environment |= {
        "DISCORD_TOKEN": side.token,
        "DISCORD_API_URL": side.api_url,
        "DISCORD_PORT": "0",
        "DISCORD_LOG_FORMAT": "json",
        "DISCORD_PACK_LIMIT": "7",
    }
    keeper, data = side.people["moderator"], draw(tmp_path / "a.gif", 1).read_bytes()
    async with started(environment, "discord") as process:
        await process.event("ready")
        shared = await side.say(side.people["bob"], "look", files=[Upload(f"{SECRET}.gif", data)])
        asked = await side.menu(keeper, messages.PACK_MENU, shared)
        said = {"tags": f"boom, {SECRET}", "category": "mic drop", "alt_text": "Fireworks."}
        told = await (await side.submit(keeper, asked, said)).reply()
        assert "1 of 7" in told.content
        children = psutil.Process(process.process.pid).children(recursive=True)
        assert children
        await process.event("own GIFs renewed")
        mood = {"message": "boom", "mood": "mic drop"}
        preview = await (await side.slash(keeper, "react", mood)).reply()
        assert "Fireworks." in [file.description for file in preview.shown_files]
        process.process.send_signal(signal.SIGTERM)
        assert await process.end() == 0
    assert not [child for child in children if child.is_running()]
    assert SECRET not in json.dumps(process.log)


async def test_slack_adds_and_leaves(environment: dict[str, str], tmp_path: Path) -> None:
    async with SlackSide() as side:
        environment |= {
            "SLACK_BOT_TOKEN": side.bot_token,
            "SLACK_APP_TOKEN": side.app_token,
            "SLACK_API_URL": side.api_url,
            "SLACK_PORT": "0",
            "SLACK_LOG_FORMAT": "json",
        }
        admin, data = side.people["admin"], draw(tmp_path / "a.gif", 1).read_bytes()
        async with started(environment, "slack") as process:
            await process.event("ready")
            await side.connected()
            shared = (await side.say(admin, "look", files=[side.own_file("a.gif", data)])).message
            assert shared is not None
            asked = await side.shortcut(admin, "rp_pack", shared)
            await side.submit(admin, await asked.view(), {"name": "Fireworks"})
            assert "1 of 500" in (await asked.ephemeral()).texts[0]
            process.process.send_signal(signal.SIGTERM)
            assert await process.end() == 0
        assert side.violations == []
    with OwnGifs(tmp_path / "catalogue.sqlite") as own:
        assert [(gif.scope, gif.entry.name) for gif in own.gifs()] == [
            (f"slack:{side.world.team_id}", "Fireworks")
        ]
