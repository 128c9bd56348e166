"""The stand-in of Slack, tried with the real slack_sdk and Bolt over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from starlette.applications import Starlette
from starlette.routing import Route

from tests.slack_side.sample_bot import GIF, SampleBot
from tests.slack_side.server import SlackSide


@pytest.fixture
async def side() -> AsyncIterator[SlackSide]:
    async with SlackSide() as side:
        yield side
    assert not side.violations, "\n".join(map(str, side.violations))


@pytest.fixture
def bot(side: SlackSide) -> SampleBot:
    return SampleBot(side)


@pytest.fixture
async def socket(side: SlackSide, bot: SampleBot) -> AsyncIterator[AsyncSocketModeHandler]:
    async with bot.connected(side) as handler:
        yield handler


@pytest.mark.usefixtures("socket")
async def test_a_command_is_answered_to_one_and_a_button_posts_and_replaces(side: SlackSide) -> None:
    ann = side.people["ann"]
    asked = await side.slash(ann, "/react", "we won")
    assert (await asked.acknowledged()).payload == {}
    preview = await asked.ephemeral()
    assert preview.texts == ["*we won*"]
    assert preview.buttons == ["Send", "Cancel"]
    assert side.ephemerals(side.people["bob"]) == []
    chosen = await side.select(ann, preview, "Mode", "All")
    await chosen.acknowledged()
    pressed = await side.press(ann, preview, "Send")
    assert (await pressed.posted()).text == "we won"
    assert await pressed.replaced() is preview
    assert (preview.text, preview.buttons) == ("Sent.", [])


@pytest.mark.usefixtures("socket")
async def test_a_shortcut_brings_the_message_and_cancel_deletes_the_original(side: SlackSide) -> None:
    ann, bob = side.people["ann"], side.people["bob"]
    said = await side.say(bob, "what a day", channel=side.world.foreign)
    assert not said.is_sent
    assert said.message is not None
    asked = await side.shortcut(ann, "react", said.message)
    preview = await asked.ephemeral()
    assert preview.texts == ["*what a day*"]
    cancelled = await side.press(ann, preview, "cancel")
    await cancelled.removed()
    assert side.ephemerals(ann, side.world.foreign) == []


@pytest.mark.usefixtures("socket")
async def test_a_mention_is_answered_in_its_thread_with_a_file(side: SlackSide, bot: SampleBot) -> None:
    asked = await side.mention(side.people["ann"], "smile")
    post = await asked.shared()
    assert [(file.name, file.data, file.alt_text) for file in post.files] == [
        ("smile.gif", GIF, "somebody smiles")
    ]
    assert asked.message is not None
    assert post.thread_ts == asked.message.ts
    assert (await asked.acknowledged()).seconds < 3
    assert bot.retries == [("0", "")]


@pytest.mark.usefixtures("socket")
async def test_a_redelivered_event_says_so_and_one_that_is_not_acknowledged_comes_again(
    side: SlackSide, bot: SampleBot
) -> None:
    asked = await side.mention(side.people["ann"], "smile")
    await asked.acknowledged()
    again = await side.redeliver(asked)
    await side.until(lambda: again.ack, "the second acknowledgement")
    assert again.payload["event_id"] == asked.envelopes[0].payload["event_id"]
    await side.posted(2)
    assert bot.retries == [("0", ""), ("1", "timeout")]


async def test_an_event_that_nobody_acknowledges_comes_again(side: SlackSide, bot: SampleBot) -> None:
    side.state.post.patience.ack_s = 0.05
    async with bot.connected(side) as handler:
        handler.client.socket_mode_request_listeners.clear()
        asked = await side.mention(side.people["ann"], "smile")
        again = await asked.delivered(2)
    assert (again.retry_num, again.retry_reason, asked.envelopes[0].failure) == (1, "timeout", "timeout")


@pytest.mark.usefixtures("socket")
async def test_a_refresh_and_a_lost_line_are_survived(side: SlackSide, bot: SampleBot) -> None:
    for reason in ("warning", "refresh_requested"):
        await side.refresh(reason)
    asked = await side.mention(side.people["ann"], "still there?")
    assert (await asked.acknowledged()).line == 2
    await side.drop(politely=True)
    await (await side.mention(side.people["ann"], "and now?")).acknowledged()
    await side.drop()
    assert (await (await side.mention(side.people["ann"], "and now?")).acknowledged()).line == 4
    await side.posted(3)


@pytest.mark.usefixtures("socket")
async def test_a_line_that_answers_no_pings_is_given_up(side: SlackSide) -> None:
    connection = side.sockets.open[0]
    connection.ping()
    await side.until(lambda: side.sockets.pongs or None, "a pong")
    connection.is_silent = True
    await side.until(lambda: len(side.sockets.all) > 1 or None, "another connection")
    assert connection.pings > 0


@pytest.mark.usefixtures("socket")
async def test_each_event_goes_to_one_of_several_connections(side: SlackSide) -> None:
    other = SampleBot(side)
    async with other.connected(side):
        await side.connected(2)
        asked = [await side.say(side.people["ann"], str(number)) for number in range(4)]
        lines = [(await each.acknowledged()).line for each in asked]
    assert sorted(lines) == [0, 0, 1, 1]


@pytest.mark.usefixtures("socket")
async def test_a_429_is_waited_out(side: SlackSide) -> None:
    side.fail("chat.postMessage", status=429, headers={"Retry-After": "0"})
    ann = side.people["ann"]
    preview = await (await side.slash(ann, "/react", "we won")).ephemeral()
    pressed = await side.press(ann, preview, "Send")
    assert (await pressed.posted()).text == "we won"
    assert [call.status for call in side.called("chat.postMessage")] == [429, 200]


@pytest.mark.usefixtures("socket")
async def test_home_modal_and_its_errors(side: SlackSide, bot: SampleBot) -> None:
    ann = side.people["ann"]
    home = await (await side.open_home(ann)).home()
    modal = await (await side.press(ann, home, "Settings")).view()
    assert modal.title == "Settings"
    await (await side.submit(ann, modal, {"Name": "wrong"})).acknowledged()
    assert modal.errors == {"name": "not that"}
    await (await side.submit(ann, modal, {"Name": "Parlour"})).acknowledged()
    assert modal.is_closed
    assert bot.heard == ["Parlour"]


@pytest.mark.usefixtures("socket")
async def test_messages_reactions_edits_and_deletions_are_told(side: SlackSide, bot: SampleBot) -> None:
    ann = side.people["ann"]
    said = await side.say(ann, "hello", channel=side.dms["ann"])
    assert said.message is not None
    await side.reacts(ann, said.message, "thumbsup")
    await side.edits(said.message, "hello!")
    last = await side.deletes(said.message)
    await last.acknowledged()
    await side.until(lambda: len(bot.heard) == 4 or None, "four events")
    assert sorted(bot.heard) == ["hello", "message_changed", "message_deleted", "thumbsup"]


async def test_over_http_requests_are_signed_and_a_forged_one_does_nothing(
    side: SlackSide, bot: SampleBot
) -> None:
    line = side.http(bot.http)
    assert (await line.verify()).payload == {"challenge": "3eZbrw1aB"}
    ann = side.people["ann"]
    asked = await side.slash(ann, "/react", "we won")
    preview = await asked.ephemeral()
    pressed = await side.press(ann, preview, "Send")
    assert (await pressed.posted()).text == "we won"
    await pressed.replaced()
    await (await side.mention(ann, "smile")).shared()
    calls = len(side.calls)
    line.secret = "not the secret"
    assert (await (await side.slash(ann, "/react", "forged")).answered()).status == 401
    line.secret, line.age_s = side.signing_secret, 600
    assert (await (await side.slash(ann, "/react", "old")).answered()).status == 401
    assert len(side.calls) == calls


async def test_over_http_an_event_that_fails_comes_again_with_its_number(
    side: SlackSide, bot: SampleBot
) -> None:
    line = side.http(bot.http)
    line.secret = "not the secret"
    side.state.post.patience.retry_delays_s = (0.01,) * 100
    asked = await side.mention(side.people["ann"], "smile")
    assert (await asked.answered()).status == 401
    line.secret = side.signing_secret
    await asked.acknowledged()
    await asked.shared()
    number, reason = bot.retries[0]
    assert (int(number) > 0, reason) == (True, "http_error")


async def test_replicas_by_starlette_and_by_url_take_turns(side: SlackSide, bot: SampleBot) -> None:
    route = Route("/slack/events", AsyncSlackRequestHandler(bot.app).handle, methods=["POST"])
    async with TestServer(SampleBot(side).app.web_app()) as server:
        side.http(Starlette(routes=[route]), str(server.make_url("/slack/events")))
        asked = [await side.slash(side.people["ann"], "/react", str(number)) for number in range(4)]
        assert sorted([(await each.acknowledged()).line for each in asked]) == [0, 0, 1, 1]
        await asked[-1].ephemeral(3)


@pytest.mark.usefixtures("socket")
async def test_a_hundred_mentions_at_once(side: SlackSide) -> None:
    asked = [await side.mention(side.people["ann"], str(number)) for number in range(100)]
    assert max([(await each.acknowledged()).seconds for each in asked]) < 3
    await side.posted(100)
    threads = sorted(post.thread_ts or "" for post in side.posts())
    assert threads == sorted(each.message.ts for each in asked if each.message)
