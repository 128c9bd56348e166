"""What people do in Slack and what they get to see: real Bolt, a stand-in of Slack, the tiny engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import messages
from bot.errors import ExpiredError, GoneError, NotAllowedError, NotInvitedError, NotYoursError
from bot.messages import refusal
from bot.records import GuildSettings
from bot.slack._reading import plain
from bot.slack._words import mrkdwn
from inference.client import LocalService
from inference.engine import Engine
from inference.errors import MessageError, ServiceError
from tests.bot.slack_stage import SlackStage, made, playing, previewed, socket
from tests.serving import until
from tests.slack_side.handles import Handle
from tests.slack_side.messages import ShownMessage
from tests.slack_side.server import SlackSide

SECRET = "xylophone"


@pytest.fixture
async def side() -> AsyncIterator[SlackSide]:
    async with SlackSide() as opened:
        yield opened
        assert opened.violations == []


@pytest.fixture
async def stage(side: SlackSide, tiny_engine: Engine, tmp_path: Path) -> AsyncIterator[SlackStage]:
    async with playing(side, tiny_engine, tmp_path) as opened:
        yield opened


async def shared_of(handle: Handle, kind: str) -> ShownMessage:
    """Wait for a GIF of some kind."""
    post = await handle.shared()
    assert kind in (post.files[0].alt_text or "").lower()
    return post


async def test_menu_look_and_send(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said, preview, _ = await previewed(stage, "I miss you")
    assert preview.buttons == ["Send 1", "Send 2", "Send 3", "Shuffle", "Cancel"]
    assert len(preview.image_file_ids) == len(preview.alt_texts) == 3
    for number, alt_text in enumerate(preview.alt_texts, 1):
        assert f"*{number}* · {alt_text}" in preview.texts
    pressed = await side.press(ann, preview, "Send 2")
    post = await pressed.shared()
    assert post.thread_ts == said.ts
    assert [file.alt_text for file in post.files] == [preview.alt_texts[1]]
    assert ann.mention in post.text
    await pressed.removed()
    assert side.ephemerals(ann) == []


async def test_react_posts_in_the_channel(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    asked = await side.slash(ann, "/react", "boom")
    preview = await asked.ephemeral()
    assert "mic drop" in preview.alt_texts[0].lower()
    post = await (await side.press(ann, preview, "Send 1")).shared()
    assert post.thread_ts is None
    empty = await side.slash(ann, "/react", "  ")
    assert (await empty.ephemeral()).text == messages.SLACK_REACT_USAGE


async def test_a_gif_is_uploaded_once(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    for _ in range(3):
        preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
        await (await side.press(ann, preview, "Cancel")).removed()
    assert len(side.called("files.completeUploadExternal")) == 3
    preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
    await (await side.press(ann, preview, "Send 1")).shared()
    assert len(side.called("files.completeUploadExternal")) == 3


async def test_shuffle_and_previous_never_show_a_gif_twice(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    preview = await (await side.slash(ann, "/react", "I miss you")).ephemeral()
    pages = [preview.alt_texts]
    while "Shuffle" in preview.buttons:
        preview = await (await side.press(ann, preview, "Shuffle")).replaced()
        pages.append(preview.alt_texts)
    assert len({alt for page in pages for alt in page}) == 12
    preview = await (await side.press(ann, preview, "Previous")).replaced()
    assert preview.alt_texts == pages[-2]


async def test_a_grave_message_offers_gentle_ones(stage: SlackStage) -> None:
    _, preview, _ = await previewed(stage, "he died")
    assert preview.texts[0] == mrkdwn(messages.PICK_GENTLE)
    assert all(any(kind in alt.lower() for kind in ("hug", "hearts", "sorry")) for alt in preview.alt_texts)


async def test_a_mention_is_answered_in_its_thread_and_shuffle_brings_another(stage: SlackStage) -> None:
    side, ann, bob = stage.side, stage.side.people["ann"], stage.side.people["bob"]
    asked = await side.mention(ann, "I miss you")
    first = await shared_of(asked, "hug")
    assert asked.message is not None
    assert first.thread_ts == asked.message.ts
    again = await side.mention(ann, "shuffle", thread=asked.message)
    second = await again.shared()
    assert second.files[0].id != first.files[0].id
    said = (await side.say(bob, "so funny haha")).message
    assert said is not None
    parent = await side.mention(ann, "", thread=said)
    assert (await shared_of(parent, "laugh")).thread_ts == said.ts
    bare = await side.mention(ann, "")
    assert (await bare.posted()).text == mrkdwn(messages.SLACK_NOTHING_SAID)


async def test_in_direct_messages_all_is_answered(stage: SlackStage) -> None:
    side = stage.side
    asked = await side.say(side.people["ann"], "so funny :joy:", channel=side.dms["ann"])
    assert (await shared_of(asked, "laugh")).thread_ts is None


async def test_automatic_mode_by_the_form(stage: SlackStage) -> None:
    side, admin, bob = stage.side, side_admin(stage), stage.side.people["bob"]
    refused = await side.slash(bob, "/react-settings")
    assert (await refused.ephemeral()).text == refusal(NotAllowedError())
    form = await (await side.slash(admin, "/react-settings")).view()
    wrong = {"cooldown": "often", "quiet": "late", "timezone": "Mars"}
    await (await side.submit(admin, form, wrong)).acknowledged()
    assert form.errors.keys() == wrong.keys()
    right = {"mode": "all", "confidence": "chatty", "cooldown": "0", "quiet": "none", "timezone": "utc"}
    await (await side.submit(admin, form, right)).acknowledged()
    assert form.is_closed
    said = await side.say(bob, "boom")
    post = await shared_of(said, "mic drop")
    assert said.message is not None
    assert post.thread_ts == said.message.ts
    await side.say(bob, "he died")
    await until(lambda: stage.count("message", "held") == 1)
    asked = await side.mention(bob, "I miss you")  # which is a message too, and answered once
    await asked.shared()
    await until(lambda: stage.count("message", "a mention") == 1)
    assert len(side.posts()) == 2


def side_admin(stage: SlackStage):  # type: ignore[no-untyped-def]
    return stage.side.people["admin"]


async def test_home_opt_out_and_forget(stage: SlackStage) -> None:
    side, bob = stage.side, stage.side.people["bob"]
    home = await (await side.open_home(bob)).home()
    await side.press(bob, home, messages.HOME_OPT_OUT)
    await until(lambda: (shown := side.home(bob)) and messages.HOME_FORGET in shown.buttons)
    said = (await side.say(bob, "boom")).message
    assert said is not None
    asked = await side.shortcut(side.people["ann"], "rp_react", said)
    assert "does not want to be reacted to" in (await asked.ephemeral()).text
    shown = side.home(bob)
    assert shown is not None
    await side.press(bob, shown, messages.HOME_FORGET)
    await until(lambda: (shown := side.home(bob)) and messages.HOME_OPT_OUT in shown.buttons)


async def test_remove_and_never_again(stage: SlackStage) -> None:
    side, ann, bob = stage.side, stage.side.people["ann"], stage.side.people["bob"]
    _, preview, _ = await previewed(stage, "boom")
    post = await (await side.press(ann, preview, "Send 1")).shared()
    await until(lambda: stage.count("preview send", "answered") == 1)
    eve = side.world.add_person("eve")
    stranger = await side.shortcut(eve, "rp_remove", post)
    assert (await stranger.ephemeral()).text == refusal(NotYoursError())
    no_admin = await side.shortcut(ann, "rp_never", post)
    assert (await no_admin.ephemeral()).text == refusal(NotYoursError())
    banned = await side.shortcut(side_admin(stage), "rp_never", post)
    assert "never comes again" in (await banned.ephemeral()).text
    assert post.is_deleted
    preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
    assert "mic drop" not in preview.alt_texts[0].lower()
    home = await (await side.open_home(side_admin(stage))).home()
    await side.press(side_admin(stage), home, messages.HOME_ALLOW)
    await until(lambda: stage.count("home", "answered") == 1)
    assert await stage.memory.bans(side.world.team_id) == []
    removed = await side.mention(ann, "boom")
    mine = await removed.shared()
    await until(lambda: stage.count("app_mention", "answered") == 1)
    await side.shortcut(ann, "rp_remove", mine)
    await side.deleted(mine)
    assert bob not in side.world.general.members or not bob.is_admin


async def test_thumbs_count(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    post = await (await side.mention(ann, "boom")).shared()
    await until(lambda: stage.count("app_mention", "answered") == 1)
    await side.reacts(ann, post, "+1")
    await until(lambda: stage.count("reaction_added", "counted") == 1)
    (shift,) = (await stage.memory.shifts(side.world.team_id)).values()
    assert shift > 0
    await side.unreacts(ann, post, "+1")
    await until(lambda: stage.count("reaction_removed", "counted") == 1)
    assert await stage.memory.shifts(side.world.team_id) == {}


async def test_where_it_is_not_invited_it_says_how(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    asked = await side.slash(ann, "/react", "boom", channel=side.world.foreign)
    pressed = await side.press(ann, await asked.ephemeral(), "Send 1")
    lines = await side.until(
        lambda: (
            [m for m in side.ephemerals(ann, side.world.foreign) if m.text == refusal(NotInvitedError())]
            or None
        ),
        "the line",
    )
    assert "/invite" in lines[0].text
    assert pressed.posts == []


async def test_a_deleted_message_is_said_so(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said, preview, _ = await previewed(stage, "I miss you")
    await side.deletes(said)
    await side.press(ann, preview, "Send 1")
    await side.until(
        lambda: [m for m in side.ephemerals(ann) if m.text == refusal(GoneError())] or None, "the line"
    )
    assert side.posts() == []


async def test_buttons_work_after_a_restart_and_not_twice(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    ann = side.people["ann"]
    async with playing(side, tiny_engine, tmp_path) as stage:
        _, preview, _ = await previewed(stage, "I miss you")
    async with playing(side, tiny_engine, tmp_path) as stage:
        first, second = [await side.press(ann, preview, "Send 1") for _ in range(2)]
        await first.shared()
        await side.until(
            lambda: [m for m in side.ephemerals(ann) if m.text == refusal(ExpiredError())] or None, "the line"
        )
        assert len(side.posts()) == 1
        assert second.is_sent


async def test_redelivered_and_shared_events_are_answered_once(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with playing(side, tiny_engine, tmp_path) as stage, LocalService(tiny_engine) as service:
        asked = await side.mention(side.people["ann"], "I miss you")
        await asked.shared()
        await side.redeliver(asked)
        await until(lambda: stage.count("app_mention", "delivered twice") == 1)
        async with made(side, service, tmp_path) as other, socket(side, other.bot):
            await side.redeliver(asked)
            await side.redeliver(asked)
            twice = ("app_mention", "delivered twice")
            await until(lambda: stage.count(*twice) + other.count(*twice) == 3)
        assert len(side.posts()) == 1


async def test_an_upload_that_is_not_ready_is_waited_for(stage: SlackStage) -> None:
    side = stage.side
    side.state.files.ready_after_looks = 3
    preview = await (await side.slash(side.people["ann"], "/react", "boom")).ephemeral()
    assert len(preview.image_file_ids) == 3


async def test_a_file_that_the_workspace_lost_is_uploaded_again(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
    for number in preview.image_file_ids:
        side.state.files.all[number].is_deleted = True
    again = await (await side.slash(ann, "/react", "boom")).ephemeral()
    assert not set(again.image_file_ids) & set(preview.image_file_ids)


async def test_a_rate_limit_is_waited_out(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
    side.fail("chat.postMessage", status=429, headers={"Retry-After": "0"})
    await (await side.press(ann, preview, "Send 1")).shared()
    assert [call.status for call in side.called("chat.postMessage")] == [429, 200]


async def test_an_engine_that_is_down_is_said_so(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    service = LocalService(tiny_engine)
    await service.close()
    async with made(side, service, tmp_path) as stage, socket(side, stage.bot):
        line = await (await side.slash(side.people["ann"], "/react", "boom")).ephemeral()
        assert line.text == refusal(ServiceError())
        asked = await side.mention(side.people["ann"], "boom")
        assert (await asked.posted()).text == refusal(ServiceError())


async def test_programs_edits_and_pictures_are_no_messages(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    await side.say(side.world.other_bot, f"{side.bot.mention} boom")
    said = (await side.say(ann, "I miss you", channel=side.dms["ann"])).message
    assert said is not None
    await side.posted(1, side.dms["ann"])
    await side.edits(said, "boom")
    await until(lambda: stage.count("message", "not a person") >= 2)
    empty = await side.mention(ann, "<https://example.org>")
    assert (await empty.posted()).text in (mrkdwn(messages.SLACK_NOTHING_SAID), refusal(MessageError()))
    assert len(side.posts(side.dms["ann"])) == 1


async def test_a_public_address_is_used_instead_of_uploads(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with playing(side, tiny_engine, tmp_path, gif_base_url="https://gifs.example.org/tiny/"):
        ann = side.people["ann"]
        preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
        pressed = await side.press(ann, preview, "Send 1")
        post = await pressed.posted()
        assert post.blocks[0]["image_url"] == "https://gifs.example.org/tiny/mic_drop.gif"
        assert post.blocks[0]["alt_text"]
        assert side.called("files.getUploadURLExternal") == []


async def test_over_http_a_wrong_signature_does_nothing(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with playing(side, tiny_engine, tmp_path, over_http=True):
        ann = side.people["ann"]
        preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
        await (await side.press(ann, preview, "Send 1")).shared()
        line, calls = side.state.post.line, len(side.calls)
        line.secret = "forged"  # type: ignore[union-attr]
        assert (await (await side.slash(ann, "/react", "boom")).answered()).status == 401
        line.secret, line.age_s = side.signing_secret, 600  # type: ignore[union-attr]
        assert (await (await side.slash(ann, "/react", "boom")).answered()).status == 401
        await asyncio.sleep(0)
        assert len(side.calls) == calls


async def test_lost_lines_are_mended(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    await side.refresh()
    await (await side.mention(ann, "boom")).shared()
    await side.drop()
    await (await side.mention(ann, "I miss you")).shared()
    assert len(side.posts()) == 2


async def test_a_hundred_mentions_at_once(stage: SlackStage) -> None:
    side = stage.side
    crowd = [side.world.add_person(f"guest{number}") for number in range(100)]
    asked = [await side.mention(person, "boom") for person in crowd]
    assert max([(await each.acknowledged()).seconds for each in asked]) < 3
    await until(lambda: stage.count("app_mention", "answered") == 100)
    assert len(side.posts()) == 100


async def test_no_word_is_logged_or_kept(
    stage: SlackStage, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    await (await side.slash(ann, "/react", f"boom {SECRET}")).ephemeral()
    side.fail("chat.postMessage", error=f"fatal_{SECRET}")
    await side.mention(ann, f"boom {SECRET}")
    await until(lambda: stage.count("app_mention", "SlackApiError") == 1)
    written = capfd.readouterr()
    assert "failed" in written.out + written.err
    for text in (written.out, written.err, caplog.text):
        assert SECRET not in text
        assert side.bot_token not in text
    for path in tmp_path.glob("bot.sqlite*"):
        assert SECRET.encode() not in path.read_bytes()


async def test_a_gif_that_somebody_deleted_is_uploaded_again_before_it_is_posted(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    first = await (await side.mention(ann, "boom")).shared()
    await until(lambda: stage.count("app_mention", "answered") == 1)
    side.state.files.all[first.files[0].id].is_deleted = True
    await stage.memory._store.drop(f"slack:recent:{side.world.general.id}")
    again = await (await side.mention(ann, "boom")).shared()
    assert again.files[0].data == first.files[0].data
    assert again.files[0].id != first.files[0].id


async def test_only_admins_change_the_time_zone_of_the_workspace(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    channel = side.world.general
    assert await stage.memory.guild(side.world.team_id) == GuildSettings()
    form = await (await side.slash(side_admin(stage), "/react-settings")).view()
    await (await side.submit(side_admin(stage), form, {"timezone": "Europe/Berlin"})).acknowledged()
    await until(lambda: stage.count("settings", "answered") == 2)
    assert (await stage.memory.guild(side.world.team_id)).timezone == "Europe/Berlin"
    refused = await side.slash(ann, "/react-settings", channel=channel)
    assert (await refused.ephemeral()).text == refusal(NotAllowedError())


async def test_its_own_words_are_not_reacted_to(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
    post = await (await side.press(ann, preview, "Send 1")).shared()
    asked = await side.mention(ann, "shuffle", thread=post)
    assert (await asked.posted()).text == refusal(MessageError())
    stranger = await side.shortcut(ann, "rp_remove", (await side.say(ann, "hello")).message)
    assert (await stranger.ephemeral()).text == messages.SLACK_NO_POST


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("so happy :party_parrot: :+1:", "so happy party parrot 👍"),
        ("at 10:30:45 <@U1> said", "at 10:30:45 said"),
        ("see <https://example.org|this> &amp; <https://example.org>", "see this &"),
        ("<!here> <#C1|general> standup", "standup"),
    ],
)
def test_only_what_a_person_said_is_read(text: str, said: str) -> None:
    assert plain(text) == said


def test_a_hostile_text_is_read_at_once() -> None:
    assert plain(":" + "a" * 200_000) == ":" + "a" * 200_000


async def test_an_edited_mention_is_not_answered_again(stage: SlackStage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    asked = await side.mention(ann, "boom")
    await asked.shared()
    assert asked.message is not None
    event = {
        "type": "app_mention",
        "user": ann.id,
        "text": asked.message.text,
        "ts": asked.message.ts,
        "channel": side.world.general.id,
        "event_ts": asked.message.ts,
        "edited": {"user": ann.id, "ts": asked.message.ts},
    }
    await side.event(event, ann)
    await until(lambda: stage.count("app_mention", "not a person") == 1)
    assert len(side.posts()) == 1


async def test_a_crowd_in_one_channel_is_answered_one_a_second(stage: SlackStage) -> None:
    side = stage.side
    side.limits.post_interval_s = 1
    crowd = [side.world.add_person(f"guest{number}") for number in range(3)]
    for person in crowd:
        await side.mention(person, "boom")
    await until(lambda: stage.count("app_mention", "answered") == 3)
    assert len(side.posts()) == 3


async def test_a_deleted_reply_in_a_living_thread_is_not_answered(stage: SlackStage) -> None:
    side, ann, bob = stage.side, stage.side.people["ann"], stage.side.people["bob"]
    parent = (await side.say(ann, "hello")).message
    reply = (await side.say(bob, "I miss you", thread=parent)).message
    assert reply is not None
    preview = await (await side.shortcut(ann, "rp_react", reply)).ephemeral()
    await side.deletes(reply)
    await side.press(ann, preview, "Send 1")
    await side.until(
        lambda: [m for m in side.ephemerals(ann) if m.text == refusal(GoneError())] or None, "the line"
    )
    assert side.posts() == []


async def test_a_mention_that_slack_fails_at_is_answered_with_a_line(stage: SlackStage) -> None:
    side = stage.side
    side.fail("files.getUploadURLExternal", error="storage_limit_reached")
    asked = await side.mention(side.people["ann"], "boom")
    assert (await asked.posted()).text == refusal(ServiceError())


async def test_saved_where_it_is_not_it_says_how_to_invite_it(stage: SlackStage) -> None:
    side, admin = stage.side, side_admin(stage)
    handle = await side.slash(admin, "/react-settings", channel=side.world.foreign)
    form = await handle.view()
    await (await side.submit(admin, form, {"mode": "all"})).acknowledged()
    post = await side.posted(1, side.dms["admin"])
    assert "/invite" in post.text


async def test_an_admin_switches_it_off_everywhere(stage: SlackStage) -> None:
    side, admin = stage.side, side_admin(stage)
    home = await (await side.open_home(admin)).home()
    await side.press(admin, home, messages.HOME_SWITCH_OFF)
    await until(lambda: (shown := side.home(admin)) and messages.HOME_SWITCH_ON in shown.buttons)
    assert not (await stage.memory.guild(side.world.team_id)).is_automatic
    ann = side.people["ann"]
    assert messages.HOME_SWITCH_OFF not in (await (await side.open_home(ann)).home()).buttons


async def test_what_is_under_way_is_finished_before_the_bot_leaves(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with LocalService(tiny_engine) as service, made(side, service, tmp_path) as stage:
        async with socket(side, stage.bot):
            asked = await side.mention(side.people["ann"], "boom")
            await asked.acknowledged()
        await stage.bot.close()
        assert len(side.posts()) == 1
