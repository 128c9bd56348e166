"""The stand-in of Discord, tried with the real discord.py over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket

from tests.discord_side.commands import NotOffered
from tests.discord_side.messages import Upload
from tests.discord_side.sample_bot import GIF, SampleBot, picture
from tests.discord_side.server import DiscordSide
from tests.discord_side.world import MEMBER, Permission


@pytest.fixture
async def side() -> AsyncIterator[DiscordSide]:
    async with DiscordSide() as side:
        side.api.checks_answers = True
        yield side
    assert not side.violations, "\n".join(map(str, side.violations))


@contextlib.asynccontextmanager
async def connected(
    side: DiscordSide, monkeypatch: pytest.MonkeyPatch, intents: discord.Intents
) -> AsyncIterator[SampleBot]:
    monkeypatch.setattr(discord.http.Route, "BASE", side.api_url)
    async with SampleBot(intents) as bot:
        running = asyncio.create_task(bot.start(side.token))
        await side.wait_ready(shards=2, commands=4)
        yield bot
        await bot.close()
        await running


@pytest.fixture
async def bot(side: DiscordSide, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SampleBot]:
    async with connected(side, monkeypatch, discord.Intents.default()) as bot:
        yield bot


async def test_a_preview_is_shown_to_one_and_posted_at_the_press_of_a_button(
    side: DiscordSide, bot: SampleBot
) -> None:
    ann = side.people["ann"]
    handle = await side.slash(ann, "react", {"message": "we won", "mood": "Happy"})
    assert (await handle.acknowledged()).is_ephemeral
    preview = await handle.reply()
    assert preview.is_ephemeral
    assert preview.is_components_v2
    assert preview.texts == ["we won h"]
    assert preview.buttons == ["Send", "Cancel"]
    assert [file.data for file in preview.shown_files] == [GIF]
    assert preview.alt_texts == ["somebody smiles"]

    pressed = await side.press(ann, preview, "Send")
    post = await side.posted()
    assert [(file.filename, file.description, file.size) for file in post.attachments] == [
        ("smile.gif", "somebody smiles", len(GIF))
    ]
    assert post.is_silent
    assert await pressed.reply() is preview
    assert preview.texts == ["Sent."]
    assert preview.attachments == []
    assert side.messages() == [post]


async def test_the_context_menu_brings_the_text_and_follow_ups_decide_for_themselves_who_sees_them(
    side: DiscordSide, bot: SampleBot
) -> None:
    message = await side.say(side.people["bob"], "what a day")
    handle = await side.menu(side.people["ann"], "React with a GIF", message)
    reply = await handle.reply()
    assert (reply.content, reply.is_ephemeral) == ("what a day", True)
    followup = await handle.followup()
    assert (followup.content, followup.is_ephemeral, followup.reference) == ("and more", False, reply)


async def test_commands_are_offered_to_whom_they_are_for(side: DiscordSide, bot: SampleBot) -> None:
    handle = await side.slash(side.people["moderator"], "repartee channel", channel=side.other_channel)
    assert (await handle.reply()).content == "Here it is."
    with pytest.raises(NotOffered, match="permissions"):
        await side.slash(side.people["ann"], "repartee channel")
    with pytest.raises(NotOffered, match="are missing"):
        await side.slash(side.people["ann"], "react")
    with pytest.raises(NotOffered, match="installed for a user"):
        await side.slash(side.people["ann"], "react", {"message": "x"}, install="user")


async def test_only_who_speaks_to_the_bot_is_read_without_the_content_intent(
    side: DiscordSide, bot: SampleBot
) -> None:
    ann = side.people["ann"]
    await side.say(ann, "among ourselves")
    await side.say(ann, "you there", mentions_bot=True)
    message = await side.say(ann, "hello", channel=side.dm)
    await side.reacts(ann, message, "👍")
    heard = [await bot.heard.get() for _ in range(4)]
    assert sorted(heard) == [
        ("message", ""),
        ("message", f"{side.bot.mention} you there"),
        ("message", "hello"),
        ("reaction", "👍"),
    ]


async def test_a_resumed_session_is_told_once_what_it_missed(side: DiscordSide, bot: SampleBot) -> None:
    ann = side.people["ann"]
    async with side.disconnected():
        await side.say(ann, "meanwhile", channel=side.dm)
    await side.say(ann, "afterwards", channel=side.dm)
    assert [await bot.heard.get() for _ in range(2)] == [("message", "meanwhile"), ("message", "afterwards")]
    await side.gateway.ask_to_reconnect(0)
    await side.say(ann, "and again", channel=side.dm)
    assert await bot.heard.get() == ("message", "and again")
    assert bot.heard.empty()
    await side.until(lambda: side.gateway.resumes >= 3 or None, "three resumes")


async def test_discord_py_waits_out_a_rate_limit(side: DiscordSide, bot: SampleBot) -> None:
    side.fail("PATCH", "/messages/@original$", 429, {"retry_after": 0.01})
    handle = await side.slash(side.people["ann"], "react", {"message": "hm"})
    assert (await handle.reply()).texts == ["hm "]
    edits = [call.status for call in side.calls if call.method == "PATCH"]
    assert edits == [429, 200]


async def test_errors_on_demand_reach_the_bot_as_what_they_are(side: DiscordSide, bot: SampleBot) -> None:
    channel = bot.get_partial_messageable(side.channel.id)
    side.fail("POST", "/messages$", 403, {"code": 50001})
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send("hello")
    assert refused.value.code == 50001
    side.set_bot_permissions(side.channel, MEMBER & ~Permission.ATTACH_FILES)
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send(file=picture())
    assert refused.value.code == 50013
    await side.say(side.people["ann"], "and now?")
    await bot.heard.get()
    known = bot.get_channel(side.channel.id)
    assert isinstance(known, discord.TextChannel)
    assert known.permissions_for(known.guild.me).send_messages
    assert not known.permissions_for(known.guild.me).attach_files


async def test_a_reply_to_what_is_deleted_fails_and_a_nonce_posts_once(
    side: DiscordSide, bot: SampleBot
) -> None:
    channel = bot.get_partial_messageable(side.channel.id)
    message = await side.say(side.people["ann"], "hello")
    partial = channel.get_partial_message(message.id)
    first = await partial.reply("one", nonce="n1")
    again = await channel.send("one", nonce="n1")
    assert first.id == again.id
    assert [post.reference for post in side.posts()] == [message]
    await side.deletes(message)
    with pytest.raises(discord.HTTPException) as refused:
        await partial.reply("two")
    assert refused.value.code == 50035
    assert "Unknown message" in refused.value.text


async def test_a_request_can_be_held_and_an_event_delivered_twice(side: DiscordSide, bot: SampleBot) -> None:
    gate = side.hold("POST", "/callback$")
    handle = await side.slash(side.people["ann"], "react", {"message": "hm"})
    await gate.arrived()
    assert handle.callback is None
    gate.open()
    await handle.reply()
    await side.redeliver(handle)
    await side.until(lambda: side.violations or None, "the second acknowledgement")
    assert side.take_violations() == ["acknowledged_once"]
    message = await side.say(side.people["ann"], "hello", channel=side.dm)
    await side.redeliver(message)
    assert [await bot.heard.get() for _ in range(2)] == [("message", "hello")] * 2


async def test_uploads_selects_and_forms_work_for_whoever_installed_the_app(
    side: DiscordSide, bot: SampleBot
) -> None:
    ann = side.people["ann"]
    offered = await side.autocomplete(ann, "add", {"tag": "wav"}, focused="tag")
    assert await offered.choices() == [{"name": "waving", "value": "wav"}]
    handle = await side.slash(ann, "add", {"file": Upload("wave.gif", GIF)}, install="user")
    reply = await handle.reply()
    assert reply.channel is side.foreign_channel
    assert reply.content == f"wave.gif: {len(GIF)} bytes "
    with pytest.raises(LookupError, match="nobody but ann"):
        await side.select(side.people["bob"], reply, "Which pack?", ["Mine"])
    chosen = await side.select(ann, reply, "Which pack?", ["Mine"])
    assert (await chosen.modal())["title"] == "Name it"
    submitted = await side.submit(ann, chosen, {"called": "hello"})
    assert (await submitted.reply()).content == "hello is in m"


@pytest.mark.parametrize("is_resumable", [True, False])
async def test_an_invalid_session_begins_again(
    side: DiscordSide, bot: SampleBot, monkeypatch: pytest.MonkeyPatch, is_resumable: bool
) -> None:
    # After op 9 discord.py forgets what GET /gateway/bot told it and takes this address.
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(side.gateway.url))
    before = side.gateway.sessions[0].id
    await side.gateway.invalidate(0, is_resumable=is_resumable)
    await side.gateway.reconnected(0)
    assert (side.gateway.sessions[0].id == before) is is_resumable
    await side.say(side.people["ann"], "hello again", channel=side.dm)
    assert await bot.heard.get() == ("message", "hello again")


async def test_the_intents_that_are_not_granted_are_refused(
    side: DiscordSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    side.gateway.granted &= 0
    monkeypatch.setattr(discord.http.Route, "BASE", side.api_url)
    async with SampleBot(discord.Intents.all()) as bot:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await bot.start(side.token)
