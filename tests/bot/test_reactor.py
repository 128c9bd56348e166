"""The core of all chats, over the tiny engine and a real store."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.errors import ExpiredError, ForeignError, NoGifError, NotYoursError, OptedOutError
from bot.gentle import GENTLE
from bot.memory import Memory
from bot.places import Ask, Heard, Place
from bot.reactor import Reactor
from bot.records import SHOWN, ChannelSettings, GuildSettings, QuietHours
from bot.selection import AT_ONCE, Selection
from bot.store import SqliteStore
from inference.client import LocalService
from inference.engine import Engine
from inference.errors import DeadlineError, MessageError
from tests import tiny

PLACE = Place(channel="c1", guild="g1")
numbers = itertools.count()


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def reactor(tiny_engine: Engine, tmp_path: Path, clock: Clock) -> AsyncIterator[Reactor]:
    store = SqliteStore(tmp_path / "bot.sqlite", clock=lambda: clock.now.timestamp())
    async with store, LocalService(tiny_engine) as service:
        tickets = iter(f"ticket-{number}" for number in range(100))
        memory = Memory(store, "test", recent=5, clock=clock)
        yield Reactor(service, memory, issue=lambda: next(tickets))


def ask(text: str, **options: Any) -> Ask:
    given: dict[str, Any] = {"place": PLACE, "asker": "ann", "author": "bob", "target": "m1"}
    return Ask(text, **(given | options))


def heard(text: str, **options: Any) -> Heard:
    given: dict[str, Any] = {"place": PLACE, "author": "bob", "is_top": True, "settings_channel": "c1"}
    given["target"] = f"m{next(numbers)}"
    return Heard(text, **(given | options))


async def switch_on(reactor: Reactor, **options: Any) -> None:
    given: dict[str, Any] = {"mode": "all", "boldness": "chatty", "cooldown_s": 0}
    settings = ChannelSettings(**(given | options))
    await reactor.memory.set_channel("c1", settings)


async def test_a_preview_has_the_best_first_and_never_a_gif_twice(reactor: Reactor) -> None:
    preview = await reactor.preview(ask("I miss you"))
    assert preview.shown[0].categories[0] == "hug"
    assert len({reaction.categories[0] for reaction in preview.shown}) == SHOWN
    assert len({reaction.id for reaction in preview.reactions}) == len(preview.reactions) == len(tiny.GIFS)
    assert not preview.is_held


async def test_no_word_of_the_message_is_kept(reactor: Reactor, tmp_path: Path) -> None:
    await reactor.preview(ask("I miss you, xylophone"))
    await switch_on(reactor)
    await reactor.volunteer.decide(heard("boom xylophone"))
    for file in tmp_path.iterdir():
        assert b"xylophone" not in file.read_bytes()
        assert b"miss" not in file.read_bytes()


async def test_a_grave_message_offers_gentle_ones_only_whatever_mood_is_wanted(reactor: Reactor) -> None:
    for mood in ("", "laugh"):
        preview = await reactor.preview(ask("he died", mood=mood))
        assert preview.is_held
        assert {reaction.categories[0] for reaction in preview.reactions} <= set(GENTLE)
    pick = await reactor.best(ask("he died"))
    assert pick.is_held
    assert pick.reaction.categories[0] in GENTLE


async def test_a_mood_is_all_that_is_shown(reactor: Reactor) -> None:
    preview = await reactor.preview(ask("I miss you", mood="laugh"))
    assert {reaction.categories[0] for reaction in preview.reactions} == {"laugh"}
    assert (await reactor.best(ask("I miss you", mood="laugh"))).reaction.categories[0] == "laugh"


async def test_leafing_on_and_back(reactor: Reactor) -> None:
    preview = await reactor.preview(ask("I miss you"))
    seen = [reaction.id for reaction in preview.shown]
    for page in range(1, preview.pages):
        preview = await reactor.turn(preview.id, "ann", page)
        assert not {reaction.id for reaction in preview.shown} & set(seen)
        seen += [reaction.id for reaction in preview.shown]
    assert (await reactor.turn(preview.id, "ann", 99)).page == preview.page
    assert (await reactor.turn(preview.id, "ann", preview.page - 1)).page == preview.page - 1


async def test_only_who_asked_can_use_a_preview_and_not_after_it_expired(
    reactor: Reactor, clock: Clock
) -> None:
    preview = await reactor.preview(ask("boom"))
    for action in (
        reactor.turn(preview.id, "eve", 1),
        reactor.choose(preview.id, "eve", 0),
        reactor.drop(preview.id, "eve"),
    ):
        with pytest.raises(NotYoursError):
            await action
    clock.now += timedelta(minutes=16)
    with pytest.raises(ExpiredError):
        await reactor.choose(preview.id, "ann", 0)
    await reactor.drop(preview.id, "ann")


async def test_a_choice_can_be_made_once_unless_it_is_given_back(reactor: Reactor) -> None:
    preview = await reactor.preview(ask("boom"))
    results = await asyncio.gather(
        *(reactor.choose(preview.id, "ann", 0) for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results].count(ExpiredError) == 4
    await reactor.give_back(preview)
    _, chosen = await reactor.choose(preview.id, "ann", 1)
    assert chosen == preview.shown[1]
    await reactor.settle(preview, chosen, "post-1")
    with pytest.raises(ExpiredError):
        await reactor.choose(preview.id, "ann", 0)


async def test_what_a_channel_saw_last_is_not_suggested_again(reactor: Reactor) -> None:
    seen = []
    for number in range(3):
        preview = await reactor.preview(ask("I miss you"))
        await reactor.settle(preview, preview.shown[0], f"post-{number}")
        seen.append(preview.shown[0].id)
    assert len(set(seen)) == 3
    elsewhere = await reactor.preview(ask("I miss you", place=Place(channel="c2", guild="g1")))
    assert elsewhere.shown[0].id in seen


async def test_files_that_are_too_large_or_missing_are_not_offered(
    tiny_bundle: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(tiny_pack, pack)
    engine = Engine.open(tiny_bundle, [pack], tmp_path / "catalogue.sqlite")
    limit = 100_000
    (pack / "gifs" / "hug.gif").unlink()
    with (pack / "gifs" / "hug-sad.gif").open("ab") as file:
        file.truncate(limit + 1)
    place = Place(channel="c1", guild="g1", max_bytes=limit)
    async with SqliteStore(tmp_path / "bot.sqlite") as store, LocalService(engine) as service:
        reactor = Reactor(service, Memory(store, "test"), issue=lambda: "ticket")
        preview = await reactor.preview(ask("I miss you", place=place))
        assert {r.name for r in preview.reactions}.isdisjoint({"hug", "hug and tears"})
        assert len(preview.reactions) == len(tiny.GIFS) - 2
        with pytest.raises(NoGifError):
            await reactor.preview(ask("I miss you", mood="hug", place=place))


async def test_who_opted_out_is_left_alone_but_may_ask(reactor: Reactor) -> None:
    await reactor.memory.opt_out("bob")
    with pytest.raises(OptedOutError):
        await reactor.preview(ask("boom"))
    with pytest.raises(OptedOutError):
        await reactor.best(ask("boom"))
    assert (await reactor.best(ask("boom", asker="bob"))).reaction.categories[0] == "mic_drop"
    await switch_on(reactor)
    assert (await reactor.volunteer.decide(heard("boom"))).why == "opted out"
    assert await reactor.memory.forget("bob")
    assert not await reactor.memory.forget("bob")
    assert (await reactor.volunteer.decide(heard("boom"))).reaction is not None


async def test_nothing_readable_is_said_so(reactor: Reactor) -> None:
    with pytest.raises(MessageError):
        await reactor.preview(ask("  "))


async def test_choices_shift_what_comes_first(reactor: Reactor) -> None:
    place = Place(channel="c9", guild="g1")
    for number in range(12):
        preview = await reactor.preview(ask("hug", mood="hug", place=place))
        assert {reaction.name for reaction in preview.reactions} == {"hug", "hug and tears"}
        liked = next(r for r in preview.reactions if r.name == "hug and tears")
        await reactor.settle(preview, liked, f"post-{number}")
        await reactor.memory._store.drop("test:recent:c9")
    shifts = await reactor.memory.shifts("g1")
    assert shifts[liked.id] > 0
    assert await reactor.memory.shifts("g2") == {}


async def test_who_leafs_on_votes_against_what_was_passed_over_once(reactor: Reactor) -> None:
    preview = await reactor.preview(ask("I miss you"))
    for page in (1, 0, 1):
        await reactor.turn(preview.id, "ann", page)
    shifts = await reactor.memory.shifts("g1")
    assert shifts.keys() == {reaction.id for reaction in preview.shown}
    assert len({round(shift, 9) for shift in shifts.values()}) == 1
    assert max(shifts.values()) < 0


async def test_thumbs_count_and_can_be_taken_back(reactor: Reactor) -> None:
    pick = await reactor.best(ask("boom"))
    await reactor.posts.keep(PLACE, pick.reaction, "post-1", asker="ann")
    assert await reactor.posts.vote("post-1", "bob", 1)
    shift = (await reactor.memory.shifts("g1"))[pick.reaction.id]
    assert shift > 0
    assert not await reactor.posts.vote("post-1", "bob", 1)
    assert (await reactor.memory.shifts("g1"))[pick.reaction.id] == shift
    assert not await reactor.posts.take_back("post-1", "eve", 1)
    assert await reactor.posts.take_back("post-1", "bob", 1)
    assert await reactor.memory.shifts("g1") == {}
    assert not await reactor.posts.vote("somebody's message", "bob", 1)
    assert await reactor.memory.shifts("g1") == {}


async def test_who_may_remove_a_post(reactor: Reactor, clock: Clock) -> None:
    pick = await reactor.best(ask("boom"))
    await reactor.posts.keep(PLACE, pick.reaction, "post-1", asker="ann", author="bob")
    for person in ("ann", "bob"):
        await reactor.posts.remove("post-1", person, is_moderator=False)
    await reactor.posts.remove("post-1", "mod", is_moderator=True)
    with pytest.raises(NotYoursError):
        await reactor.posts.remove("post-1", "eve", is_moderator=False)
    clock.now += timedelta(days=8)
    with pytest.raises(NotYoursError):
        await reactor.posts.remove("post-1", "ann", is_moderator=False)
    await reactor.posts.remove("post-1", "mod", is_moderator=True)


async def test_a_ban_holds_on_its_server_until_it_is_taken_back(reactor: Reactor) -> None:
    pick = await reactor.best(ask("boom"))
    await reactor.posts.keep(PLACE, pick.reaction, "post-1", asker="ann")
    with pytest.raises(NotYoursError):
        await reactor.posts.ban("post-1", is_moderator=False)
    await reactor.posts.ban("post-1", is_moderator=True)
    for channel in ("c1", "c2"):
        found = await reactor.preview(ask("boom", place=Place(channel=channel, guild="g1")))
        assert pick.reaction.id not in {reaction.id for reaction in found.reactions}
    other = await reactor.best(ask("boom", place=Place(channel="c3", guild="g2")))
    assert other.reaction.id == pick.reaction.id
    (ban,) = await reactor.memory.bans("g1")
    assert await reactor.memory.allow("g1", ban.key)
    again = await reactor.best(ask("boom", place=Place(channel="c2", guild="g1")))
    assert again.reaction.id == pick.reaction.id


async def test_it_is_silent_until_it_is_switched_on(reactor: Reactor) -> None:
    assert await reactor.volunteer.decide(heard("boom")) == (None, "off")
    await switch_on(reactor, mode="top")
    assert (await reactor.volunteer.decide(heard("boom", is_top=False))).why == "off"
    verdict = await reactor.volunteer.decide(heard("boom"))
    assert verdict.reaction is not None
    assert verdict.reaction.categories[0] == "mic_drop"


async def test_a_grave_message_never_gets_an_automatic_gif(reactor: Reactor) -> None:
    await switch_on(reactor)
    assert await reactor.volunteer.decide(heard("he died")) == (None, "held")
    assert await reactor.memory.counted("held", "c1", "2026-11-24") == 1


async def test_a_doubtful_message_gets_none(reactor: Reactor) -> None:
    await switch_on(reactor, boldness="shy")
    assert (await reactor.volunteer.decide(heard("we the so that is a"))).why == "unsure"


async def test_cool_down(reactor: Reactor, clock: Clock) -> None:
    await switch_on(reactor, cooldown_s=300)
    assert (await reactor.volunteer.decide(heard("boom"))).reaction
    assert (await reactor.volunteer.decide(heard("boom"))).why == "cooling down"
    clock.now += timedelta(seconds=301)
    assert (await reactor.volunteer.decide(heard("boom"))).reaction


async def test_of_many_messages_at_once_one_is_answered(reactor: Reactor) -> None:
    await switch_on(reactor, cooldown_s=300)
    verdicts = await asyncio.gather(*(reactor.volunteer.decide(heard("boom")) for _ in range(10)))
    assert sum(verdict.reaction is not None for verdict in verdicts) == 1


async def test_daily_cap_by_the_servers_own_day(reactor: Reactor, clock: Clock) -> None:
    await switch_on(reactor, daily_cap=2)
    await reactor.memory.set_guild("g1", GuildSettings(timezone="Asia/Tokyo"))
    clock.now = datetime(2026, 11, 24, 14, 59, tzinfo=UTC)  # 23:59 in Tokyo
    verdicts = [await reactor.volunteer.decide(heard("boom")) for _ in range(3)]
    assert [verdict.why for verdict in verdicts] == ["", "", "used up"]
    assert await reactor.memory.counted("posted", "c1", "2026-11-24") == 2
    clock.now += timedelta(minutes=2)
    assert (await reactor.volunteer.decide(heard("boom"))).reaction


async def test_quiet_hours_are_those_of_the_server(reactor: Reactor, clock: Clock) -> None:
    await switch_on(reactor, quiet=QuietHours(22, 7))
    await reactor.memory.set_guild("g1", GuildSettings(timezone="Asia/Tokyo"))
    clock.now = datetime(2026, 11, 24, 14, tzinfo=UTC)
    assert (await reactor.volunteer.decide(heard("boom"))).why == "quiet"
    await reactor.memory.set_guild("g1", GuildSettings())
    assert (await reactor.volunteer.decide(heard("boom"))).reaction


async def test_one_switch_silences_a_whole_server(reactor: Reactor) -> None:
    await switch_on(reactor)
    await reactor.memory.set_guild("g1", GuildSettings(is_automatic=False))
    assert (await reactor.volunteer.decide(heard("boom"))).why == "off"


async def test_a_message_that_is_heard_twice_is_answered_once(reactor: Reactor) -> None:
    await switch_on(reactor)
    verdicts = [await reactor.volunteer.decide(heard("boom", target="m")) for _ in range(2)]
    assert [verdict.why for verdict in verdicts] == ["", "delivered twice"]


async def test_threads_share_the_cool_down_and_the_cap_of_their_channel(reactor: Reactor) -> None:
    await switch_on(reactor, cooldown_s=300)
    for thread, why in (("t1", ""), ("t2", "cooling down")):
        place = Place(channel=thread, guild="g1")
        assert (await reactor.volunteer.decide(heard("boom", place=place))).why == why


async def test_a_dry_run_only_counts(reactor: Reactor) -> None:
    await switch_on(reactor, is_dry_run=True)
    assert await reactor.volunteer.decide(heard("boom")) == (None, "dry run")
    assert await reactor.memory.counted("would", "c1", "2026-11-24") == 1
    assert await reactor.memory.counted("posted", "c1", "2026-11-24") == 0


async def test_settings_outlive_unknown_fields_of_a_newer_version(reactor: Reactor) -> None:
    await reactor.memory._store.put("test:channel:c1", msgspec.msgpack.encode({"mode": "top", "new": 1}))
    assert await reactor.memory.channel("c1") == ChannelSettings(mode="top")


async def test_a_button_means_what_it_showed_whatever_is_stored_by_then(reactor: Reactor) -> None:
    preview = await reactor.preview(ask("I miss you"))
    await reactor.turn(preview.id, "ann", 2)
    _, chosen = await reactor.choose(preview.id, "ann", 1)
    assert chosen == preview.reactions[1]


async def test_what_changed_since_the_preview_is_looked_at_again(reactor: Reactor) -> None:
    preview = await reactor.preview(ask("boom"))
    await reactor.memory.ban("g1", "x", preview.reactions[0].fingerprint)
    with pytest.raises(NoGifError):
        await reactor.choose(preview.id, "ann", 0)
    await reactor.memory.opt_out("bob")
    with pytest.raises(OptedOutError):
        await reactor.choose(preview.id, "ann", 1)


async def test_a_foreign_message_is_looked_at_by_somebody_first(reactor: Reactor) -> None:
    grave = "meine Oma ist gestern gestorben, funny haha"
    with pytest.raises(ForeignError):
        await reactor.best(ask(grave))
    preview = await reactor.preview(ask(grave))
    assert any("English" in note for note in preview.notes)
    await switch_on(reactor)
    assert (await reactor.volunteer.decide(heard(grave))).why == "unsure"


async def test_the_end_of_a_long_message_is_heard_too(reactor: Reactor) -> None:
    long = "so funny haha " * 60 + "but he died"
    assert (await reactor.preview(ask(long))).is_held
    assert (await reactor.best(ask(long))).is_held
    await switch_on(reactor)
    assert (await reactor.volunteer.decide(heard(long))).why == "held"
    assert (await reactor.volunteer.decide(heard("so funny haha " * 60))).why == "unsure"


async def test_a_small_pack_does_not_fall_silent(reactor: Reactor) -> None:
    names = []
    for number in range(6):
        preview = await reactor.preview(ask("hug", mood="hug"))
        await reactor.settle(preview, preview.reactions[0], f"post-{number}")
        names.append(preview.reactions[0].name)
    assert names == ["hug", "hug and tears"] * 3


async def test_what_could_not_be_posted_is_given_back(reactor: Reactor) -> None:
    await switch_on(reactor, cooldown_s=300)
    event = heard("boom")
    assert (await reactor.volunteer.decide(event)).reaction
    await reactor.volunteer.give_back(event)
    assert await reactor.memory.counted("posted", "c1", "2026-11-24") == 0
    assert (await reactor.volunteer.decide(heard("boom"))).reaction


async def test_who_gets_no_turn_in_time_is_told_so_and_others_go_on(
    reactor: Reactor, tiny_engine: Engine
) -> None:
    async with LocalService(tiny_engine) as service:
        selection = Selection(service, reactor.memory, patience_s=0.01)
        async with contextlib.AsyncExitStack() as turns:
            for _ in range(AT_ONCE):
                await turns.enter_async_context(selection.turn())
            with pytest.raises(DeadlineError):
                await turns.enter_async_context(selection.turn())
        async with selection.turn():
            pass
