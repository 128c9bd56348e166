"""What goes wrong on Discord: events twice, a slow or dead engine, missing rights, lost lines, crowds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot import messages
from bot.errors import ForbiddenError, GoneError, NoGifError
from bot.guards import QUESTIONS_A_MINUTE
from bot.messages import refusal
from inference.client import LocalService, ReactionService
from inference.engine import Engine
from inference.errors import BusyError, ServiceError
from inference.protocol import ReactReply, ReactRequest
from tests import tiny
from tests.bot.stage import MENU, Stage, connected, previewed
from tests.discord_side.server import DiscordSide
from tests.discord_side.world import MEMBER, Permission
from tests.serving import until

SECRET = "xylophone"


class GatedService:
    """A service that answers when its gate is open."""

    def __init__(self, service: ReactionService) -> None:
        self.gate = asyncio.Event()
        self._service = service

    async def react(self, request: ReactRequest) -> ReactReply:
        await self.gate.wait()
        return await self._service.react(request)

    async def close(self) -> None:
        await self._service.close()


async def test_a_slow_engine_is_waited_for_after_the_acknowledgement(
    side: DiscordSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with LocalService(tiny_engine) as service:
        slow = GatedService(service)
        async with connected(side, slow, tmp_path):
            said = await side.say(side.people["bob"], "I miss you")
            handle = await side.menu(side.people["ann"], MENU, said)
            assert (await handle.acknowledged()).is_ephemeral
            assert not handle.is_replied
            slow.gate.set()
            assert (await handle.reply()).shown_files


async def test_what_is_under_way_is_finished_before_the_bot_leaves(
    side: DiscordSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with LocalService(tiny_engine) as service:
        slow = GatedService(service)
        async with connected(side, slow, tmp_path) as stage:
            said = await side.say(side.people["bob"], "I miss you")
            handle = await side.menu(side.people["ann"], MENU, said)
            await handle.acknowledged()
            leaving = asyncio.create_task(stage.bot.close())
            await asyncio.sleep(0)
            slow.gate.set()
            await leaving
            assert (await handle.reply()).shown_files


@pytest.mark.parametrize("error", [ServiceError, BusyError])
async def test_an_engine_that_is_down_is_said_so(
    side: DiscordSide, tiny_engine: Engine, tmp_path: Path, error: type[ServiceError]
) -> None:
    service = LocalService(tiny_engine, queue_limit=0)
    if error is ServiceError:
        await service.close()
    async with connected(side, service, tmp_path) as stage:
        said = await side.say(side.people["bob"], "I miss you")
        line = await (await side.menu(side.people["ann"], MENU, said)).reply()
        assert (line.is_ephemeral, line.content) == (True, refusal(error()))
        await side.say(side.people["ann"], "I miss you", mentions_bot=True)
        assert (await side.posted()).content == refusal(error())
        assert stage.count("menu", error.__name__) == 1
    await service.close()


async def test_a_command_that_is_delivered_twice_is_answered_once(stage: Stage) -> None:
    side = stage.side
    said = await side.say(side.people["bob"], "I miss you")
    handle = await side.menu(side.people["ann"], MENU, said)
    await side.redeliver(handle)
    await handle.reply()
    await until(lambda: stage.count("menu", "not ours any more") == 1)
    assert side.take_violations() == ["acknowledged_once"]
    await until(lambda: stage.count("menu", "answered") == 1)


async def test_a_click_that_is_delivered_twice_posts_once(stage: Stage) -> None:
    side = stage.side
    _, preview = await previewed(stage, "I miss you")
    click = await side.press(side.people["ann"], preview, "Send 1")
    await side.redeliver(click)
    await side.posted()
    await until(lambda: stage.count("preview send", "not ours any more") == 1)
    assert side.take_violations() == ["acknowledged_once"]
    assert len(side.posts()) == 1


async def test_a_mention_that_is_delivered_twice_is_answered_once(stage: Stage) -> None:
    side = stage.side
    said = await side.say(side.people["ann"], "I miss you", mentions_bot=True)
    await side.redeliver(said)
    await until(lambda: stage.count("mention", "delivered twice") == 1)
    await until(lambda: stage.count("mention", "answered") == 1)
    assert len(side.posts()) == 1


async def test_a_deleted_target_is_said_so_and_nothing_is_posted(stage: Stage) -> None:
    side = stage.side
    said, preview = await previewed(stage, "I miss you")
    await side.deletes(said)
    for _ in range(2):  # the choice is given back
        line = await (await side.press(side.people["ann"], preview, "Send 1")).followup()
        assert (line.is_ephemeral, line.content) == (True, refusal(GoneError()))
    assert side.posts() == []
    assert set(side.take_violations()) <= {"message_reference"}


@pytest.mark.parametrize("missing", [Permission.SEND_MESSAGES, Permission.ATTACH_FILES])
async def test_a_missing_permission_is_named(stage: Stage, missing: Permission) -> None:
    side = stage.side
    side.set_bot_permissions(side.channel, MEMBER & ~missing)
    _, preview = await previewed(stage, "I miss you")
    line = await (await side.press(side.people["ann"], preview, "Send 1")).followup()
    assert (line.is_ephemeral, line.content) == (True, refusal(ForbiddenError()))
    side.set_bot_permissions(side.channel, MEMBER)
    await side.press(side.people["ann"], preview, "Send 1")
    assert (await side.posted()).attachments


async def test_a_refusal_of_discord_is_said_so_and_the_choice_given_back(stage: Stage) -> None:
    side = stage.side
    _, preview = await previewed(stage, "I miss you")
    side.fail("POST", r"/channels/\d+/messages", 403, {"code": 50013, "message": "Missing Permissions"})
    line = await (await side.press(side.people["ann"], preview, "Send 1")).followup()
    assert line.content == refusal(ForbiddenError())
    await side.press(side.people["ann"], preview, "Send 1")
    assert (await side.posted()).attachments


async def test_a_mention_where_it_may_not_write_is_left_alone(stage: Stage) -> None:
    side, refused = stage.side, {"code": 50013, "message": "Missing Permissions"}
    side.fail("POST", r"/channels/\d+/messages", 403, refused, times=2)
    await side.say(side.people["ann"], "I miss you", mentions_bot=True)
    await until(lambda: stage.count("mention", "Forbidden") == 1)
    assert side.posts() == []


async def test_a_mention_where_it_may_write_but_send_no_files_is_told_so(stage: Stage) -> None:
    side = stage.side
    side.set_bot_permissions(side.channel, MEMBER & ~Permission.ATTACH_FILES)
    await side.say(side.people["ann"], "I miss you", mentions_bot=True)
    assert (await side.posted()).content == refusal(ForbiddenError())


async def test_one_person_cannot_flood_a_channel(stage: Stage) -> None:
    side = stage.side
    for _ in range(QUESTIONS_A_MINUTE + 2):
        await side.say(side.people["ann"], "I miss you", mentions_bot=True)
    await until(lambda: stage.count("mention", "too many") == 2)
    await until(lambda: stage.count("mention", "answered") == QUESTIONS_A_MINUTE)
    said = await side.say(side.people["bob"], "I miss you", mentions_bot=True)
    assert (await side.posted(QUESTIONS_A_MINUTE + 1)).reference is said


async def test_a_file_over_the_limit_of_the_interaction_is_not_offered(
    side: DiscordSide, tiny_bundle: Path, tmp_path: Path
) -> None:
    pack = tiny.make_pack(tmp_path / "pack")
    engine = Engine.open(tiny_bundle, [pack], tmp_path / "catalogue.sqlite")
    side.limits.attachment_bytes = 50_000
    for name in ("hug.gif", "hug-sad.gif"):
        with (pack / "gifs" / name).open("ab") as file:
            file.truncate(50_001)
    async with LocalService(engine) as service, connected(side, service, tmp_path) as stage:
        _, preview = await previewed(stage, "I miss you")
        assert all(file.size <= 50_000 for file in preview.shown_files)
        asked = await side.slash(side.people["ann"], "react", {"message": "I miss you", "mood": "hug"})
        assert (await asked.reply()).content == refusal(NoGifError())


async def test_a_rate_limit_is_waited_out(stage: Stage) -> None:
    side = stage.side
    _, preview = await previewed(stage, "I miss you")
    side.fail("POST", r"/channels/\d+/messages", 429, headers={"Retry-After": "0.05"})
    await side.press(side.people["ann"], preview, "Send 1")
    assert (await side.posted()).attachments
    statuses = [
        call.status for call in side.calls if call.path.endswith("/messages") and call.method == "POST"
    ]
    assert statuses == [429, 200]


async def test_a_lost_connection_is_resumed_and_nothing_answered_twice(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    await side.say(ann, "I miss you", mentions_bot=True)
    await side.posted()
    async with side.disconnected():
        said = await side.say(ann, "so funny haha", mentions_bot=True)
    assert (await side.posted(2)).reference is said
    await until(lambda: stage.count("mention", "answered") == 2)
    assert len(side.posts()) == 2


async def test_two_hundred_at_once(stage: Stage) -> None:
    side = stage.side
    said = await side.say(side.people["bob"], "I miss you")
    handles = [await side.menu(side.people["ann"], MENU, said) for _ in range(200)]
    previews = await asyncio.gather(*(handle.reply() for handle in handles))
    assert all(len(preview.shown_files) == 3 for preview in previews)
    assert stage.count("menu", "answered") == 200


async def test_no_word_is_logged_or_kept(
    listening: Stage, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    side = listening.side
    await previewed(listening, f"I miss you {SECRET}")
    await side.say(side.people["ann"], f"so funny {SECRET}", mentions_bot=True)
    await side.posted()
    side.fail("POST", r"/channels/\d+/messages", 400, {"code": 1, "message": SECRET})
    await side.say(side.people["ann"], f"boom {SECRET}", mentions_bot=True)
    await until(lambda: listening.count("mention", "HTTPException") == 1)
    written = capfd.readouterr()
    assert "failed" in written.out + written.err
    for text in (written.out, written.err, caplog.text):
        assert SECRET not in text
        assert side.token not in text
    for path in tmp_path.glob("bot.sqlite*"):
        assert SECRET.encode() not in path.read_bytes()
    assert messages.REMOVE in side.posts()[0].buttons
