"""What Slack would refuse, the stand-in refuses and remembers: asked with the real slack_sdk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.slack_side.handles import Handle
from tests.slack_side.sample_bot import GIF
from tests.slack_side.server import SlackSide
from tests.slack_side.test_blocks import BAD, modal, section


class Clock:
    """Time that stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def side(clock: Clock) -> AsyncIterator[SlackSide]:
    async with SlackSide(clock=clock) as side:
        yield side
    assert not side.violations, "\n".join(map(str, side.violations))


@pytest.fixture
def client(side: SlackSide) -> AsyncWebClient:
    return AsyncWebClient(token=side.bot_token, base_url=side.api_url)


async def refused(work: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await work
    return str(caught.value.response["error"])


async def test_a_violation_is_answered_as_slack_does_and_collected(
    side: SlackSide, client: AsyncWebClient
) -> None:
    general = side.world.general.id
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=general, text="x", blocks=BAD["no alt_text"])
    message = "missing required field: alt_text [json-pointer:/blocks/0]"
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"] == [f"[ERROR] {message}"]
    assert await refused(client.api_call("chat.postMessage", json={"channel": general})) == "no_text"
    assert await refused(client.api_call("chat.update", json={"ts": "1"})) == "invalid_arguments"
    await client.chat_postMessage(channel=general, text="x", tread_ts="1")
    rules = ["block_kit", "text", "required_arguments", "known_arguments"]
    assert side.take_violations() == rules


async def test_channels_that_the_bot_cannot_write_in(side: SlackSide, client: AsyncWebClient) -> None:
    channels = side.world.foreign, side.world.foreign_private, side.world.archived
    errors = [await refused(client.chat_postMessage(channel=each.id, text="x")) for each in channels]
    assert errors == ["not_in_channel", "channel_not_found", "is_archived"]
    upload = client.files_upload_v2(channel=side.world.foreign.id, file=GIF, filename="1.gif")
    assert await refused(upload) == "not_in_channel"
    await side.leaves(side.people["bob"], side.world.private)
    asked: dict[str, Any] = {"channel": side.world.private.id, "user": side.people["bob"].id, "text": "x"}
    assert await refused(client.chat_postEphemeral(**asked)) == "user_not_in_channel"


async def test_tokens_scopes_and_methods_that_are_gone(side: SlackSide, client: AsyncWebClient) -> None:
    assert await refused(AsyncWebClient(token="xoxb-no", base_url=side.api_url).auth_test()) == "invalid_auth"
    assert await refused(AsyncWebClient(base_url=side.api_url).auth_test()) == "not_authed"
    assert await refused(client.apps_connections_open(app_token=side.bot_token)) == "not_allowed_token_type"
    assert await refused(client.api_call("files.upload")) == "method_deprecated"
    side.set_scopes("files:write")
    assert await refused(client.chat_postMessage(channel=side.world.general.id, text="x")) == "missing_scope"
    assert side.take_violations() == ["token", "token", "gone", "scopes"]


async def test_a_file_is_shown_and_shared_only_when_it_is_ready(
    side: SlackSide, client: AsyncWebClient
) -> None:
    general = side.world.general.id
    side.state.files.ready_after_looks = 2
    answer = await client.files_upload_v2(channel=general, file=GIF, filename="1.gif", alt_txt="a smile")
    assert (answer["file"]["mimetype"], answer["file"]["shares"], side.posts()) == ("", {}, [])
    image = {"type": "image", "alt_text": "a smile", "slack_file": {"id": answer["file"]["id"]}}
    preview: dict[str, Any] = {"channel": general, "text": "a smile", "blocks": [section(accessory=image)]}
    assert await refused(client.chat_postMessage(**preview)) == "invalid_blocks"
    looks = [await client.files_info(file=answer["file"]["id"]) for _ in range(2)]
    assert [look["file"]["mimetype"] for look in looks] == ["", "image/gif"]
    shared = await side.posted()
    assert looks[1]["file"]["shares"]["public"][general][0]["ts"] == shared.ts
    assert (shared.subtype, shared.file_alt_texts) == ("file_share", ["a smile"])
    await client.chat_postMessage(**preview)
    assert side.posts()[-1].image_file_ids == [answer["file"]["id"]]
    await client.chat_postMessage(channel=general, text=f"<{answer['file']['permalink']}|a smile>")
    assert side.posts()[-1].files == shared.files
    await client.files_delete(file=answer["file"]["id"])
    assert await refused(client.files_info(file=answer["file"]["id"])) == "file_deleted"


async def test_files_can_be_held_back_and_a_share_lost(side: SlackSide, client: AsyncWebClient) -> None:
    side.hold_files()
    upload: dict[str, Any] = {"channel": side.world.general.id, "file": GIF, "filename": "1.gif"}
    await client.files_upload_v2(**upload)
    assert side.posts() == []
    side.release_files()
    await side.posted()
    side.state.files.drops_shares = 1
    lost = await client.files_upload_v2(**upload)
    told = await client.files_info(file=lost["file"]["id"])
    assert (told["file"]["mimetype"], told["file"]["shares"]) == ("image/gif", {})
    assert len(side.posts()) == 1


async def test_uploads_are_measured(side: SlackSide, client: AsyncWebClient) -> None:
    ticket = await client.files_getUploadURLExternal(filename="1.gif", length=5)
    files: list[dict[str, str | None]] = [{"id": str(ticket["file_id"])}]
    assert await refused(client.files_completeUploadExternal(files=files)) == "file_not_found"
    async with aiohttp.ClientSession() as session:
        async with session.post(str(ticket["upload_url"]), data=b"1234") as response:
            assert response.status == 400
        async with session.post(str(ticket["upload_url"]), data=b"12345") as response:
            assert await response.text() == "OK - 5"
    too_long = client.files_getUploadURLExternal(filename="1.gif", length=5, alt_txt="x" * 1001)
    assert await refused(too_long) == "alt_txt_too_large"
    assert side.take_violations() == ["upload_before_complete", "upload_length", "alt_txt"]


async def asked_by_ann(side: SlackSide) -> tuple[Handle, AsyncWebhookClient]:
    asked = await side.slash(side.people["ann"], "/react", "hello")
    assert asked.hook is not None
    return asked, AsyncWebhookClient(asked.hook.url)


async def test_a_response_url_lives_for_five_uses_and_half_an_hour(side: SlackSide, clock: Clock) -> None:
    asked, hook = await asked_by_ann(side)
    for number in range(5):
        assert (await hook.send(text=str(number))).body == "ok"
    used_up = await hook.send(text="6")
    assert (used_up.status_code, "used_url" in used_up.body) == (404, True)
    assert [each.text for each in asked.ephemerals] == ["0", "1", "2", "3", "4"]
    assert side.take_violations() == ["response_url_uses"]
    _, hook = await asked_by_ann(side)
    clock.now += 1801
    assert "expired_url" in (await hook.send(text="late")).body


async def test_after_a_command_nothing_is_replaced(side: SlackSide) -> None:
    asked, hook = await asked_by_ann(side)
    await hook.send(text="loading")
    await hook.send(text="done", replace_original=True)
    assert [each.text for each in asked.ephemerals] == ["loading", "done"]
    await hook.send(text="to all", response_type="in_channel")
    assert (await asked.posted()).text == "to all"
    assert side.take_violations() == ["original"]


async def test_a_trigger_opens_one_modal_within_three_seconds(
    side: SlackSide, client: AsyncWebClient, clock: Clock
) -> None:
    asked, _ = await asked_by_ann(side)
    assert asked.trigger is not None
    await client.views_open(trigger_id=asked.trigger.id, view=modal())
    assert (await asked.view()).title == "Settings"
    assert (
        await refused(client.views_open(trigger_id=asked.trigger.id, view=modal())) == "exchanged_trigger_id"
    )
    asked, _ = await asked_by_ann(side)
    assert asked.trigger is not None
    clock.now += 4
    assert await refused(client.views_open(trigger_id=asked.trigger.id, view=modal())) == "expired_trigger_id"
    assert side.take_violations() == ["trigger"]


async def test_threads_updates_and_deletions(side: SlackSide, client: AsyncWebClient) -> None:
    said = (await side.say(side.people["ann"], "hello")).message
    assert said is not None
    channel = said.channel.id
    post = await client.chat_postMessage(channel=channel, thread_ts=said.ts, text="hi", blocks=[section()])
    await client.chat_update(channel=channel, ts=str(post["ts"]), text="hi!")
    assert (side.posts()[0].text, side.posts()[0].texts) == ("hi!", ["hello"])
    assert len((await client.conversations_replies(channel=channel, ts=said.ts))["messages"]) == 2
    assert await refused(client.chat_update(channel=channel, ts=said.ts, text="x")) == "cant_update_message"
    await client.chat_delete(channel=channel, ts=str(post["ts"]))
    assert await refused(client.chat_delete(channel=channel, ts=str(post["ts"]))) == "message_not_found"
    await side.deletes(said)
    late = client.chat_postMessage(channel=channel, thread_ts=said.ts, text="hi")
    assert await refused(late) == "thread_not_found"


async def test_what_goes_wrong_on_purpose(side: SlackSide, client: AsyncWebClient, clock: Clock) -> None:
    post: dict[str, Any] = {"channel": side.world.general.id, "text": "x"}
    side.fail("chat.*", "fatal_error")
    assert await refused(client.chat_postMessage(**post)) == "fatal_error"
    side.cut("chat.postMessage")
    await client.chat_postMessage(**post)
    side.fail("chat.postMessage", status=500, comes_late=True)
    assert await refused(client.chat_postMessage(**post)) == "internal_error"
    assert len(side.posts()) == 2
    clock.now += 5
    side.limits.post_interval_s = 1
    await client.chat_postMessage(**post)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(**post)
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")
    gate = side.hold("auth.test")
    asking = asyncio.create_task(client.auth_test())
    await gate.arrived()
    assert not asking.done()
    gate.open()
    assert (await asking)["user_id"] == side.bot.id
