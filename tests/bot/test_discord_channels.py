"""What is said in the bot's presence: mentions, direct messages, the automatic mode and its settings."""

from __future__ import annotations

from pathlib import Path

from bot import messages
from bot.errors import GoneError, OptedOutError
from bot.messages import refusal
from inference.engine import Engine
from inference.errors import MessageError
from tests.bot.stage import MENU, Stage, adult_hugs, playing, previewed
from tests.discord_side.messages import Upload
from tests.discord_side.server import DiscordSide
from tests.discord_side.world import Person
from tests.serving import until


async def switch_on(stage: Stage, **options: object) -> str:
    """Let the moderator switch the automatic mode on; returns what the bot says to it."""
    given = {"mode": "all", "confidence": "chatty", "cooldown": 0} | options
    handle = await stage.side.slash(stage.side.people["moderator"], "repartee channel", given)  # type: ignore[arg-type]
    return (await handle.reply()).content


async def test_a_mention_with_words_is_answered_at_once(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said = await side.say(ann, "I miss you", mentions_bot=True)
    post = await side.posted()
    assert post.reference is said
    assert "hug" in (post.attachments[0].description or "").lower()
    assert post.allowed_mentions == {"parse": [], "replied_user": False}
    assert post.buttons == [messages.REMOVE, messages.NEVER]
    assert post.nonce == str(said.id)


async def test_a_mention_in_a_reply_answers_what_was_said_before(listening: Stage) -> None:
    side = listening.side
    said = await side.say(side.people["bob"], "so funny haha")
    await side.say(side.people["ann"], "", reply_to=said, mentions_bot=True)
    post = await side.posted()
    assert post.reference is said
    assert "laugh" in (post.attachments[0].description or "").lower()


async def test_words_of_the_mention_come_before_those_it_answers(listening: Stage) -> None:
    side = listening.side
    said = await side.say(side.people["bob"], "so funny haha")
    asked = await side.say(side.people["ann"], "I miss you", reply_to=said, mentions_bot=True)
    post = await side.posted()
    assert post.reference is asked
    assert "hug" in (post.attachments[0].description or "").lower()


async def test_what_cannot_be_read_is_explained(stage: Stage) -> None:
    side = stage.side
    said = await side.say(side.people["bob"], "so funny haha")  # without the intent its words are not shown
    await side.say(side.people["ann"], "", reply_to=said, mentions_bot=True)
    assert (await side.posted()).content == messages.CANNOT_READ.format(menu=MENU)


async def test_a_mere_mention_explains_itself(stage: Stage) -> None:
    side = stage.side
    await side.say(side.people["ann"], "", mentions_bot=True)
    assert (await side.posted()).content == messages.NOTHING_SAID.format(name="@repartee")


async def test_a_picture_without_words_is_no_message(stage: Stage) -> None:
    side = stage.side
    await side.say(side.people["ann"], "", mentions_bot=True, files=[Upload("cat.png", b"png")])
    assert (await side.posted()).content == refusal(MessageError())


async def test_a_reply_to_its_gif_is_no_question(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    await side.say(ann, "I miss you", mentions_bot=True)
    post = await side.posted()
    await side.say(ann, "haha that fits", reply_to=post)
    await side.say(ann, "so funny", mentions_bot=True)
    await side.posted(2)
    assert len(side.posts()) == 2


async def test_alone_with_it_every_message_is_a_question(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    await side.say(ann, "so funny haha", channel=side.dm)
    post = await side.posted(channel=side.dm)
    assert "laugh" in (post.attachments[0].description or "").lower()
    assert post.buttons == [messages.REMOVE]


async def test_a_grave_mention_gets_a_gentle_answer(stage: Stage) -> None:
    side = stage.side
    await side.say(side.people["ann"], "he died", mentions_bot=True)
    alt_text = ((await side.posted()).attachments[0].description or "").lower()
    assert any(kind in alt_text for kind in ("hug", "hearts", "sorry"))


async def test_programs_and_the_bot_itself_are_not_answered(listening: Stage) -> None:
    side = listening.side
    await switch_on(listening)
    robot = Person(side.world.snowflake(), "robot", is_bot=True)
    await side.say(robot, "I miss you", mentions_bot=True)
    await side.say(side.bot, "I miss you", mentions_bot=True)
    await side.say(robot, "boom")
    said = await side.say(side.people["ann"], "I miss you", mentions_bot=True)
    assert (await side.posted(2)).reference is said  # the first one is what the test said in its name
    assert len(side.posts()) == 2


async def test_the_answered_message_is_gone(listening: Stage) -> None:
    side = listening.side
    said = await side.say(side.people["bob"], "so funny haha")
    await side.deletes(said)
    await side.say(side.people["ann"], "", reply_to=said, mentions_bot=True)
    assert (await side.posted()).content == refusal(GoneError())


async def test_who_opted_out_is_not_reacted_to_by_a_mention_of_others(listening: Stage) -> None:
    side, bob = listening.side, listening.side.people["bob"]
    await (await side.slash(bob, "optout")).reply()
    said = await side.say(bob, "so funny haha")
    await side.say(side.people["ann"], "", reply_to=said, mentions_bot=True)
    assert (await side.posted()).content == refusal(OptedOutError())


async def test_unasked_it_speaks_only_where_it_is_switched_on(listening: Stage) -> None:
    side, bob = listening.side, listening.side.people["bob"]
    await side.say(bob, "boom")
    await until(lambda: listening.count("automatic", "off") == 1)
    answer = await switch_on(listening)
    assert "chatty" in answer
    said = await side.say(bob, "boom")
    post = await side.posted()
    assert (post.reference, post.is_silent, post.content) == (said, True, "")
    assert post.nonce == str(said.id)
    await side.say(bob, "he died")
    await until(lambda: listening.count("automatic", "held") == 1)
    assert len(side.posts()) == 1
    await side.press(bob, post, messages.REMOVE)  # as the author of what it answers
    await side.deleted(post)


async def test_top_messages_are_those_that_answer_no_other(listening: Stage) -> None:
    side, bob = listening.side, listening.side.people["bob"]
    await switch_on(listening, mode="top")
    said = await side.say(bob, "boom")
    await side.posted()
    await side.say(bob, "boom", reply_to=said)
    await until(lambda: listening.count("automatic", "off") == 1)
    assert len(side.posts()) == 1


async def test_a_dry_run_counts_and_posts_nothing(listening: Stage) -> None:
    side = listening.side
    assert "dry run" in await switch_on(listening, dry_run=True)
    await side.say(side.people["bob"], "boom")
    await until(lambda: listening.count("automatic", "dry run") == 1)
    status = await (await side.slash(side.people["moderator"], "repartee status")).reply()
    assert "would have posted 1" in status.content
    assert side.posts() == []


async def test_without_the_intent_the_command_says_what_to_do(stage: Stage) -> None:
    assert await switch_on(stage) == messages.INTENT_MISSING
    assert (await stage.reactor.memory.channel(str(stage.side.channel.id))).mode == "off"
    off = await switch_on(stage, mode="off")
    assert "only when asked" in off


async def test_the_intent_is_asked_for_only_where_it_is_configured(
    side: DiscordSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    for wanted in (False, True):
        async with playing(side, tiny_engine, tmp_path / str(wanted), reads_messages=wanted) as stage:
            assert stage.bot.intents.message_content is wanted


async def test_settings_are_kept_by_channel_and_server(listening: Stage) -> None:
    side, moderator = listening.side, listening.side.people["moderator"]
    said = await switch_on(listening, confidence="shy", cooldown=600, daily_cap=3, quiet="22-7")
    assert "shy (when at least 75% sure), at most every 10 minutes, at most 3 times a day" in said
    assert "quiet from 22:00 to 7:00 (UTC)" in said
    changed = await (
        await side.slash(moderator, "repartee channel", {"mode": "top", "quiet": "none"})
    ).reply()
    assert "shy" in changed.content
    assert "quiet" not in changed.content
    bad = await (await side.slash(moderator, "repartee channel", {"mode": "top", "quiet": "late"})).reply()
    assert bad.content == messages.BAD_HOURS
    zone = {"timezone": "europe/berlin", "automatic": "off"}
    server = await (await side.slash(moderator, "repartee server", zone)).reply()
    assert "automatic mode off, time zone Europe/Berlin" in server.content
    wrong = await (await side.slash(moderator, "repartee server", {"timezone": "Mars"})).reply()
    assert wrong.content == messages.BAD_TIMEZONE.format(name="Mars")
    typing = await side.autocomplete(moderator, "repartee server", {"timezone": "berl"}, focused="timezone")
    assert [choice["value"] for choice in await typing.choices()] == ["Europe/Berlin"]


async def test_the_age_limit_of_a_channel_is_kept(
    side: DiscordSide, tiny_bundle: Path, tmp_path: Path
) -> None:
    pack = adult_hugs(tmp_path / "pack")
    engine = Engine.open(tiny_bundle, [pack], tmp_path / "catalogue.sqlite")
    async with playing(side, engine, tmp_path) as stage:
        _, preview = await previewed(stage, "I miss you")
        assert "hug" not in preview.texts[1].lower()
        said = await side.say(side.people["bob"], "I miss you", channel=side.nsfw_channel)
        adult = await (await side.menu(side.people["ann"], MENU, said)).reply()
        assert "hug" in adult.texts[1].lower()


async def test_thumbs_under_messages_of_others_mean_nothing(stage: Stage) -> None:
    side, ann = stage.side, stage.side.people["ann"]
    said = await side.say(side.people["bob"], "boom")
    await side.say(ann, "boom", mentions_bot=True)
    post = await side.posted()
    await until(lambda: stage.count("mention", "answered") == 1)
    await side.reacts(ann, said, "👍")
    await side.reacts(ann, post, "👎")
    await until(lambda: stage.count("thumb", "counted") == 1)
    (shift,) = (await stage.reactor.memory.shifts(str(side.guild.id))).values()
    assert shift < 0
