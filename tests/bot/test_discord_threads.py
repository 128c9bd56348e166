"""Threads: where the bot writes is the thread, what holds there is what holds in the channel around it."""

from __future__ import annotations

from pathlib import Path

import discord
import pytest

from bot import messages
from bot.errors import ForbiddenError
from bot.messages import refusal
from inference.engine import Engine
from tests.bot.stage import MENU, Stage, adult_hugs, playing
from tests.discord_side.commands import Value
from tests.discord_side.messages import ShownMessage
from tests.discord_side.server import DiscordSide
from tests.discord_side.world import MEMBER, Channel, Permission
from tests.serving import until


@pytest.fixture(autouse=True)
def thread(side: DiscordSide) -> Channel:
    """Open a thread before the bot connects: pytest runs what is autouse first."""
    side.api.checks_answers = True
    return side.world.add_thread("holidays", side.channel)


async def previewed_in(side: DiscordSide, channel: Channel, text: str) -> tuple[ShownMessage, ShownMessage]:
    """Let Bob say something in a channel and Ann right-click it; return what he said and the preview."""
    said = await side.say(side.people["bob"], text, channel=channel)
    return said, await (await side.menu(side.people["ann"], MENU, said)).reply()


async def test_the_bot_knows_a_thread_and_its_channel(stage: Stage, thread: Channel) -> None:
    for known in (stage.bot.get_channel(thread.id), await stage.bot.fetch_channel(thread.id)):
        assert isinstance(known, discord.Thread)
        assert known.type is discord.ChannelType.public_thread
        assert (known.name, known.owner_id) == ("holidays", stage.side.people["ann"].id)
        assert known.parent is not None
        assert known.parent.id == stage.side.channel.id


async def test_a_choice_is_sent_as_a_reply_in_the_thread(stage: Stage, thread: Channel) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said, preview = await previewed_in(side, thread, "I miss you")
    assert preview.is_ephemeral
    await side.press(ann, preview, "Send 2")
    post = await side.posted(channel=thread)
    assert post.reference is said
    assert [file.data for file in post.attachments] == [preview.shown_files[1].data]
    assert ann.mention in post.content
    assert post.allowed_mentions == {"parse": [], "replied_user": False}
    assert post.buttons == [messages.REMOVE, messages.NEVER]
    await side.deleted(preview)
    assert side.posts() == []
    await side.press(side.people["bob"], post, messages.REMOVE)  # as the author of what it answers
    await side.deleted(post)


async def test_a_mention_in_a_thread_is_answered_there(stage: Stage, thread: Channel) -> None:
    side = stage.side
    said = await side.say(side.people["ann"], "I miss you", channel=thread, mentions_bot=True)
    post = await side.posted(channel=thread)
    assert post.reference is said
    assert "hug" in (post.attachments[0].description or "").lower()
    assert side.posts() == []


async def test_the_age_limit_of_a_thread_is_that_of_its_channel(
    side: DiscordSide, thread: Channel, tiny_bundle: Path, tmp_path: Path
) -> None:
    pack = adult_hugs(tmp_path / "pack")
    engine = Engine.open(tiny_bundle, [pack], tmp_path / "catalogue.sqlite")
    adult_thread = side.world.add_thread("late", side.nsfw_channel)
    async with playing(side, engine, tmp_path):
        _, preview = await previewed_in(side, thread, "I miss you")
        assert "hug" not in preview.texts[1].lower()
        _, adult = await previewed_in(side, adult_thread, "I miss you")
        assert "hug" in adult.texts[1].lower()
        for place, is_adult in ((thread, False), (adult_thread, True)):
            await side.say(side.people["ann"], "I miss you", channel=place, mentions_bot=True)
            post = await side.posted(channel=place)
            assert ("hug" in (post.attachments[0].description or "").lower()) is is_adult


async def test_what_is_set_in_a_thread_holds_for_its_channel(listening: Stage, thread: Channel) -> None:
    side, bob, moderator = listening.side, listening.side.people["bob"], listening.side.people["moderator"]

    async def switch_to(mode: str) -> str:
        options: dict[str, Value] = {"mode": mode, "confidence": "chatty", "cooldown": 0}
        handle = await side.slash(moderator, "repartee channel", options, channel=thread)
        return (await handle.reply()).content

    answer = await switch_to("all")
    assert f"<#{side.channel.id}>" in answer
    assert (await listening.reactor.memory.channel(str(side.channel.id))).mode == "all"
    assert (await listening.reactor.memory.channel(str(thread.id))).mode == "off"
    said = await side.say(bob, "boom", channel=thread)
    post = await side.posted(channel=thread)
    assert (post.reference, post.is_silent) == (said, True)
    await switch_to("top")
    await side.say(bob, "boom", channel=thread)
    await until(lambda: listening.count("automatic", "off") == 1)
    said = await side.say(bob, "boom")
    assert (await side.posted()).reference is said
    assert side.posts(thread) == [post]


async def test_without_the_permission_for_threads_it_is_said_so(stage: Stage, thread: Channel) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    side.set_bot_permissions(side.channel, MEMBER & ~Permission.SEND_MESSAGES_IN_THREADS)
    _, preview = await previewed_in(side, thread, "I miss you")
    line = await (await side.press(ann, preview, "Send 1")).followup()
    assert (line.is_ephemeral, line.content) == (True, refusal(ForbiddenError()))
    await side.say(ann, "I miss you", channel=thread, mentions_bot=True)  # cannot even be told
    await until(lambda: stage.count("mention", "Forbidden") == 1)
    assert side.posts(thread) == []
    side.set_bot_permissions(side.channel, MEMBER)
    await side.press(ann, preview, "Send 1")
    assert (await side.posted(channel=thread)).attachments


async def test_in_a_thread_it_need_not_be_allowed_to_write_in_the_channel(
    stage: Stage, thread: Channel
) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    side.set_bot_permissions(side.channel, MEMBER & ~Permission.SEND_MESSAGES)
    _, preview = await previewed_in(side, thread, "I miss you")
    await side.press(ann, preview, "Send 1")
    assert (await side.posted(channel=thread)).attachments
    _, preview = await previewed_in(side, side.channel, "so funny haha")
    line = await (await side.press(ann, preview, "Send 1")).followup()
    assert line.content == refusal(ForbiddenError())
