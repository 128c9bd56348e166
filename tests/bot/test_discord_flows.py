"""What people ask on Discord and get to see: real discord.py, a stand-in of Discord, the tiny engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot import messages
from bot.errors import ExpiredError, NoMoodError, NotYoursError
from bot.gentle import GENTLE
from bot.messages import refusal
from inference.engine import Engine
from tests import tiny
from tests.bot.stage import Stage, playing, previewed
from tests.discord_side.commands import NotOffered
from tests.discord_side.server import DiscordSide
from tests.serving import until


async def test_right_click_look_and_send(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said, preview = await previewed(stage, "I miss you")
    assert (preview.is_ephemeral, preview.is_components_v2) == (True, True)
    assert preview.buttons == ["Send 1", "Send 2", "Send 3", "Shuffle", "Cancel"]
    assert [file.filename for file in preview.shown_files] == ["1.gif", "2.gif", "3.gif"]
    for number, file in enumerate(preview.shown_files, 1):
        assert file.description
        assert f"**{number}** · {file.description}" in preview.texts
    send = await side.press(ann, preview, "Send 2")
    post = await side.posted()
    assert post.reference is said
    assert [file.data for file in post.attachments] == [preview.shown_files[1].data]
    assert post.attachments[0].description == preview.shown_files[1].description
    assert ann.mention in post.content
    assert post.allowed_mentions == {"parse": [], "replied_user": False}
    assert post.buttons == [messages.REMOVE, messages.NEVER]
    await side.deleted(preview)
    assert send.followups == []


async def test_react_posts_in_the_channel_as_an_answer_to_nothing(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    preview = await (await side.slash(ann, "react", {"message": "boom"})).reply()
    assert "mic drop" in preview.texts[1].lower()
    await side.press(ann, preview, "Send 1")
    post = await side.posted()
    assert (post.reference, post.allowed_mentions) == (None, {"parse": [], "replied_user": False})
    assert ann.mention in post.content
    assert "boom" not in post.content


async def test_a_mood_completes_and_narrows_down(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    typing = await side.autocomplete(ann, "react", {"message": "boom", "mood": "mic"}, focused="mood")
    assert await typing.choices() == [{"name": "mic drop", "value": "mic_drop"}]
    asked = await side.slash(ann, "react", {"message": "I miss you", "mood": "laugh"})
    preview = await asked.reply()
    assert all("laugh" in text.lower() for text in preview.texts[1:])
    unknown = await side.slash(ann, "react", {"message": "I miss you", "mood": "melancholy"})
    assert (await unknown.reply()).content == refusal(NoMoodError())


async def test_shuffle_never_shows_a_gif_twice_and_previous_goes_back(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    _, preview = await previewed(stage, "I miss you")
    pages = [[file.data for file in preview.shown_files]]
    while "Shuffle" in preview.buttons:
        await (await side.press(ann, preview, "Shuffle")).reply()
        pages.append([file.data for file in preview.shown_files])
    shown = [data for page in pages for data in page]
    assert len(set(shown)) == len(shown) == 12
    assert f"{len(pages)} of {len(pages)}" in preview.texts[0]
    await (await side.press(ann, preview, "Previous")).reply()
    assert [file.data for file in preview.shown_files] == pages[-2]
    await side.press(ann, preview, "Send 1")
    assert (await side.posted()).attachments[0].data == pages[-2][0]


async def test_cancel_leaves_nothing(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    _, preview = await previewed(stage, "I miss you")
    await side.press(ann, preview, "Cancel")
    await side.deleted(preview)
    assert side.posts() == []


async def test_buttons_work_after_a_restart(side: DiscordSide, tiny_engine: Engine, tmp_path: Path) -> None:
    ann = side.people["ann"]
    async with playing(side, tiny_engine, tmp_path) as stage:
        said, preview = await previewed(stage, "I miss you")
    async with playing(side, tiny_engine, tmp_path):
        await (await side.press(ann, preview, "Shuffle")).reply()
        await side.press(ann, preview, "Send 3")
        post = await side.posted()
        assert post.reference is said
        assert post.attachments[0].data == preview.shown_files[2].data
    async with playing(side, tiny_engine, tmp_path):
        await side.press(ann, post, messages.REMOVE)
        await side.deleted(post)


async def test_commands_are_registered_once_not_at_every_start(
    side: DiscordSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    for _ in range(2):
        async with playing(side, tiny_engine, tmp_path):
            pass
    assert len([call for call in side.calls if call.method == "PUT"]) == 1
    by_name = {command["name"]: command for command in side.commands}
    assert by_name.keys() == {"React with a GIF", "react", "privacy", "optout", "forget", "repartee"}
    for name in ("React with a GIF", "react"):
        assert sorted(by_name[name]["integration_types"]) == [0, 1]
        assert sorted(by_name[name]["contexts"]) == [0, 1, 2]
    assert by_name["repartee"]["integration_types"] == [0]
    assert by_name["repartee"]["contexts"] == [0]


async def test_only_who_asked_can_press(stage: Stage) -> None:
    side = stage.side
    _, preview = await previewed(stage, "I miss you")
    assert preview.interaction is not None
    preview.interaction["user"]["id"] = str(side.people["bob"].id)  # as if Discord showed it to him too
    for button in ("Send 1", "Shuffle", "Cancel"):
        line = await (await side.press(side.people["bob"], preview, button)).followup()
        assert (line.is_ephemeral, line.content) == (True, refusal(NotYoursError()))
    assert (side.posts(), preview.is_deleted) == ([], False)


async def test_a_click_after_expiry_gets_a_friendly_line(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    _, preview = await previewed(stage, "I miss you")
    name = next(c["custom_id"] for c in _buttons(preview) if c["label"] == "Shuffle").split(":")[-1]
    await stage.reactor.memory.drop_preview(name)
    for button in ("Send 1", "Shuffle"):
        line = await (await side.press(ann, preview, button)).followup()
        assert (line.is_ephemeral, line.content) == (True, refusal(ExpiredError()))


async def test_a_ticket_of_another_bot_is_refused(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    _, preview = await previewed(stage, "I miss you")
    for button in _buttons(preview):
        button["custom_id"] = button["custom_id"][:-1] + "z"
    line = await (await side.press(ann, preview, "Send 1")).followup()
    assert line.content == refusal(ExpiredError())


async def test_only_one_of_two_quick_clicks_sends(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    _, preview = await previewed(stage, "I miss you")
    first = await side.press(ann, preview, "Send 1")
    second = await side.press(ann, preview, "Send 2")
    await side.posted()
    line = await side.until(lambda: (first.followups + second.followups) or None, "the line")
    assert line[0].content == refusal(ExpiredError())
    assert len(side.posts()) == 1


async def test_a_grave_message_offers_gentle_ones_and_says_so(stage: Stage) -> None:
    _, preview = await previewed(stage, "he died")
    assert messages.PICK_GENTLE in preview.texts[0]
    gentle = [text for text in preview.texts[1:] if any(kind in text.lower() for kind in GENTLE)]
    assert len(gentle) == len(preview.texts) - 1 > 0


async def test_not_private_posts_at_once_but_a_grave_message_is_looked_at_first(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    asked = await side.slash(ann, "react", {"message": "boom", "private": False})
    assert not (await asked.acknowledged()).is_ephemeral
    post = await asked.reply()
    assert ann.mention in post.content
    assert post.attachments[0].description
    await side.press(ann, post, messages.REMOVE)
    await side.deleted(post)
    grave = await side.slash(ann, "react", {"message": "he died", "private": False})
    preview = await grave.followup()
    assert preview.is_ephemeral
    assert messages.PICK_GENTLE in preview.texts[0]
    assert side.posts() == []
    nothing = await side.slash(ann, "react", {"message": "  ", "private": False})
    line = await nothing.followup()
    assert line.is_ephemeral


async def test_what_is_asked_elsewhere_is_posted_by_the_interaction(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    for channel in (side.foreign_channel, side.private_channel):
        said = await side.say(side.people["bob"], "I miss you", channel=channel)
        preview = await (await side.menu(ann, "React with a GIF", said, install="user")).reply()
        await side.press(ann, preview, "Send 1")
        post = await side.posted(channel=channel)
        assert not post.is_ephemeral
        assert str(said.id) in post.content
        assert ann.mention in post.content
        await side.press(ann, post, messages.REMOVE)
        await side.deleted(post)


async def test_alone_with_the_bot_it_replies(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said = await side.say(ann, "")
    preview = await (await side.slash(ann, "react", {"message": "boom"}, channel=side.dm)).reply()
    await side.press(ann, preview, "Send 1")
    post = await side.posted(channel=side.dm)
    assert post.buttons == [messages.REMOVE]
    assert said.reference is None


async def test_remove(stage: Stage) -> None:
    side = stage.side
    stranger = side.people["moderator"].__class__(side.world.snowflake(), "eve")
    for who in ("ann", "bob", "moderator"):
        post = await _sent(stage)
        line = await (await side.press(stranger, post, messages.REMOVE)).followup()
        assert (line.is_ephemeral, line.content) == (True, refusal(NotYoursError()))
        assert not post.is_deleted
        await side.press(side.people[who], post, messages.REMOVE)
        await side.deleted(post)


async def test_never_again_here_and_back(stage: Stage) -> None:
    side, moderator = stage.side, stage.side.people["moderator"]
    post = await _sent(stage)
    line = await (await side.press(side.people["ann"], post, messages.NEVER)).followup()
    assert line.content == refusal(NotYoursError())
    banned = await (await side.press(moderator, post, messages.NEVER)).followup()
    assert banned.is_ephemeral
    await side.deleted(post)
    _, preview = await previewed(stage, "I miss you")
    assert post.attachments[0].data not in await _leaf_through(stage, preview)
    listed = await (await side.slash(moderator, "repartee banned")).reply()
    assert "hug" in listed.content
    typing = await side.autocomplete(moderator, "repartee banned", {"allow": "hu"}, focused="allow")
    (choice,) = await typing.choices()
    allowed = await (await side.slash(moderator, "repartee banned", {"allow": choice["value"]})).reply()
    assert allowed.content == messages.ALLOWED.format(name=choice["name"])
    assert (await (await side.slash(moderator, "repartee banned")).reply()).content == messages.NOTHING_BANNED


async def test_thumbs_shift_the_ranking_of_the_server(stage: Stage) -> None:
    side = stage.side
    post = await _sent(stage)
    ((_, shift),) = (await stage.reactor.memory.shifts(str(side.guild.id))).items()
    for person in ("bob", "moderator"):
        await side.reacts(side.people[person], post, "👍🏽")
    await until(lambda: stage.count("thumb", "counted") == 2)
    ((_, more),) = (await stage.reactor.memory.shifts(str(side.guild.id))).items()
    assert more > shift > 0
    await side.unreacts(side.people["bob"], post, "👍🏽")
    await side.reacts(side.people["bob"], post, "👎")
    await side.reacts(side.people["bob"], post, "🎉")
    await until(lambda: stage.count("thumb", "counted") == 4)
    ((_, less),) = (await stage.reactor.memory.shifts(str(side.guild.id))).items()
    assert less < more


async def test_who_opted_out_is_left_alone(stage: Stage) -> None:
    side, bob = stage.side, stage.side.people["bob"]
    assert (await (await side.slash(bob, "optout")).reply()).content == messages.OPTED_OUT_DONE
    said = await side.say(bob, "I miss you")
    refused = await (await side.menu(side.people["ann"], "React with a GIF", said)).reply()
    assert "does not want to be reacted to" in refused.content
    assert (await (await side.slash(bob, "forget")).reply()).content == messages.FORGOTTEN
    assert (await (await side.slash(bob, "forget")).reply()).content == messages.NOTHING_TO_FORGET
    _, preview = await previewed(stage, "I miss you")
    assert preview.shown_files


async def test_privacy_is_explained_to_who_asks(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said = await (await side.slash(ann, "privacy")).reply()
    assert said.is_ephemeral
    assert "No text is stored" in said.content


async def test_nothing_to_read_is_said_so(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said = await side.say(side.people["bob"], f"<@{ann.id}>")
    line = await (await side.menu(ann, "React with a GIF", said)).reply()
    assert "nothing to react to" in line.content


async def test_settings_are_for_those_who_manage_channels(stage: Stage) -> None:
    with pytest.raises(NotOffered):
        await stage.side.slash(stage.side.people["ann"], "repartee status")


async def _sent(stage: Stage) -> Any:
    """Let Ann send the best GIF for what Bob said, each time in a channel that has seen none."""
    await stage.reactor.memory._store.drop(f"discord:recent:{stage.side.channel.id}")
    count = len(stage.side.posts())
    _, preview = await previewed(stage, "I miss you")
    await stage.side.press(stage.side.people["ann"], preview, "Send 1")
    await stage.side.deleted(preview)
    return await stage.side.posted(count + 1)


async def _leaf_through(stage: Stage, preview: Any) -> list[bytes]:
    found = [file.data for file in preview.shown_files]
    while "Shuffle" in preview.buttons:
        await (await stage.side.press(stage.side.people["ann"], preview, "Shuffle")).reply()
        found += [file.data for file in preview.shown_files]
    return found


def _buttons(message: Any) -> list[dict[str, Any]]:
    rows = [each for each in message.components if each["type"] == 1]
    return [button for row in rows for button in row["components"]]


async def test_send_means_the_page_that_is_seen_not_the_one_that_is_stored(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    _, preview = await previewed(stage, "I miss you")
    seen = preview.shown_files[0].data
    side.fail("PATCH", r"/messages/@original$", 403, {"code": 50013, "message": "Missing Permissions"})
    await (await side.press(ann, preview, "Shuffle")).followup()  # it could not be drawn
    assert preview.shown_files[0].data == seen
    await side.press(ann, preview, "Send 1")
    assert (await side.posted()).attachments[0].data == seen


async def test_its_own_posts_are_not_reacted_to(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    post = await _sent(stage)
    line = await (await side.menu(ann, "React with a GIF", post)).reply()
    assert "nothing to react to" in line.content


async def test_long_alt_texts_are_shortened(side: DiscordSide, tiny_bundle: Path, tmp_path: Path) -> None:
    pack = tiny.make_pack(tmp_path / "pack")
    manifest = pack / "manifest.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    text = "\n".join(json.dumps(line | {"alt_text": "a *very* long_text " * 200}) for line in lines)
    manifest.write_text(text + "\n")
    engine = Engine.open(tiny_bundle, [pack], tmp_path / "catalogue.sqlite")
    async with playing(side, engine, tmp_path) as stage:
        _, preview = await previewed(stage, "I miss you")
        await side.press(side.people["ann"], preview, "Send 1")
        told = (await side.posted()).attachments[0].description or ""
        assert 1024 - 20 < len(told) <= 1024
        assert told.endswith("a *very*…")
