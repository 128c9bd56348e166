"""The pack of a server on Discord: real discord.py, a stand-in of Discord, files that are really taken in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import messages
from bot.errors import NoPacksError, PackForbiddenError
from bot.messages import refusal
from bot.packs import MAX_BYTES
from inference.catalogue import GifChange
from inference.engine import Engine
from inference.errors import UnknownGifError
from tests.bot.packing import Following, Packing, broken, following, packing
from tests.bot.stage import Stage, connected, playing
from tests.discord_side.commands import NotOffered, Value
from tests.discord_side.handles import Handle
from tests.discord_side.messages import ShownMessage, Upload
from tests.discord_side.server import DiscordSide
from tests.discord_side.world import Channel, Person

MENU = messages.PACK_MENU


@dataclass
class PackStage:
    """A bot with packs on a stage."""

    stage: Stage
    place: Packing
    following: Following

    @property
    def side(self) -> DiscordSide:
        return self.stage.side

    @property
    def keeper(self) -> Person:
        return self.side.people["moderator"]

    async def shared(
        self, *files: tuple[str, bytes], text: str = "look", channel: Channel | None = None
    ) -> ShownMessage:
        """Let Bob share files."""
        uploads = [Upload(name, data) for name, data in files]
        return await self.side.say(self.side.people["bob"], text, files=uploads, channel=channel)

    async def added(self, *files: tuple[str, bytes], channel: Channel | None = None, **said: str) -> Handle:
        """Add the files of a message by its menu; returns the form as it was sent."""
        message = await self.shared(*files, channel=channel)
        asked = await self.side.menu(self.keeper, MENU, message)
        return await self.side.submit(self.keeper, asked, said)


@pytest.fixture(scope="module")
def place(tiny_bundle: Path, tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packing]:
    with packing(tiny_bundle, tiny_pack, tmp_path_factory.mktemp("discord-packs") / "data") as opened:
        yield opened


@pytest.fixture
async def play(side: DiscordSide, place: Packing, tmp_path: Path) -> AsyncIterator[PackStage]:
    place.empty()
    async with (
        following(place) as follows,
        connected(side, follows.service, tmp_path, packs=place.own()) as stage,
    ):
        yield PackStage(stage, place, follows)


async def test_a_gif_from_a_message_is_found_at_once_here_and_nowhere_else(play: PackStage) -> None:
    message = await play.shared(("monday.gif", play.place.gif(1)))
    asked = await play.side.menu(play.keeper, MENU, message)
    assert [label["label"] for label in (await asked.modal())["components"]] == [
        label for label, _ in messages.PACK_FIELDS.values()
    ]
    said = {"tags": "boom, drop", "name": "Fireworks", "alt_text": "Fireworks over a lake."}
    sent = await play.side.submit(play.keeper, asked, said)
    assert (await sent.acknowledged()).is_ephemeral
    reply = await sent.reply()
    assert messages.PACK_ADDED.format(name="Fireworks") in reply.content
    for fact in ("mic drop", "boom, drop", "Fireworks over a lake.", "1 of 500"):
        assert fact in reply.content
    assert reply.buttons == [messages.PACK_CHANGE]
    assert list(play.place) == [(f"discord:{play.side.guild.id}", "Fireworks")]
    await play.following.caught_up()
    mine = await play.side.slash(play.side.people["ann"], "react", {"message": "boom", "mood": "mic drop"})
    shown = await mine.reply()
    assert "Fireworks over a lake." in [file.description for file in shown.shown_files]
    await play.side.press(play.side.people["ann"], shown, "Send 1")
    await play.side.posted()
    other = await play.side.slash(
        play.side.people["ann"],
        "react",
        {"message": "boom", "mood": "mic drop"},
        channel=play.side.other_channel,
    )
    theirs = await other.reply()
    assert theirs.shown_files
    assert "Fireworks over a lake." not in [file.description for file in theirs.shown_files]


async def test_only_who_manages_expressions_of_the_server(play: PackStage) -> None:
    side, ann = play.side, play.side.people["ann"]
    message = await play.shared(("a.gif", play.place.gif(1)))
    with pytest.raises(NotOffered):
        await side.menu(ann, MENU, message)
    with pytest.raises(NotOffered):
        await side.slash(ann, "pack list")
    with pytest.raises(NotOffered):
        await side.slash(play.keeper, "pack list", channel=side.foreign_channel, install="user")
    for command in side.commands:
        command["default_member_permissions"] = None  # as a server may set it under Integrations
    refused = await side.menu(ann, MENU, message)
    line = await refused.reply()
    assert (line.is_ephemeral, line.content) == (True, refusal(PackForbiddenError()))
    typed: dict[str, dict[str, Value]] = {
        "list": {},
        "remove": {"gif": "x"},
        "add": {"link": "https://x.example"},
    }
    for name, options in typed.items():
        line = await (await side.slash(ann, f"pack {name}", options)).reply()
        assert line.content == refusal(PackForbiddenError())
    typing = await side.autocomplete(ann, "pack remove", {"gif": ""}, focused="gif")
    assert await typing.choices() == []
    assert list(play.place) == []


async def test_a_form_that_lost_the_right_in_between_adds_nothing(play: PackStage) -> None:
    message = await play.shared(("a.gif", play.place.gif(1)))
    asked = await play.side.menu(play.keeper, MENU, message)
    await asked.modal()
    play.keeper.permissions = play.side.people["ann"].permissions
    sent = await play.side.submit(play.keeper, asked, {})
    assert (await sent.reply()).content == refusal(PackForbiddenError())
    assert list(play.place) == []


async def test_what_cannot_be_added_is_said(play: PackStage) -> None:
    side, keeper = play.side, play.keeper
    text = await side.menu(keeper, MENU, await side.say(side.people["bob"], "https://tenor.example/x.gif"))
    assert (await text.reply()).content == messages.PACK_NO_FILE
    notes = await side.menu(keeper, MENU, await play.shared(("notes.txt", b"words")))
    assert (await notes.reply()).content == messages.PACK_NO_FILE
    large = await side.menu(keeper, MENU, await play.shared(("large.gif", bytes(MAX_BYTES + 1))))
    assert "large.gif is larger than" in (await large.reply()).content
    sent = await play.added(("no.gif", broken(1)))
    reply = await sent.reply()
    assert "broken" in reply.content
    assert reply.buttons == []
    await (await play.added(("one.gif", play.place.gif(1)), name="Umbrella")).reply()
    again = await (await play.added(("other.gif", play.place.gif(1)))).reply()
    assert "Umbrella" in again.content
    assert again.buttons == []
    category = await play.added(("two.gif", play.place.gif(2)), category="melancholy")
    assert "melancholy" in (await category.reply()).content
    assert [name for _, name in play.place] == ["Umbrella"]


async def test_a_file_that_was_deleted_in_between(play: PackStage) -> None:
    message = await play.shared(("a.gif", play.place.gif(1)))
    asked = await play.side.menu(play.keeper, MENU, message)
    await asked.modal()
    play.side.state.book.files.clear()
    sent = await play.side.submit(play.keeper, asked, {})
    assert (await sent.reply()).content == messages.PACK_FILE_GONE


async def test_a_file_elsewhere_is_not_fetched(play: PackStage) -> None:
    message = await play.shared(("a.gif", play.place.gif(1)))
    message.attachments[0].url = "https://cdn.discordapp.com.example.org/a.gif"
    asked = await play.side.menu(play.keeper, MENU, message)
    assert (await asked.reply()).content == messages.PACK_ELSEWHERE


async def test_several_files_of_a_message_have_tags_in_common(play: PackStage) -> None:
    files = [(f"{seed}.gif", play.place.gif(seed)) for seed in (1, 2)]
    message = await play.shared(*files, ("broken.gif", broken(2)), ("notes.txt", b"words"))
    asked = await play.side.menu(play.keeper, MENU, message)
    names = [label["component"]["custom_id"] for label in (await asked.modal())["components"]]
    assert names == ["tags", "category"]
    reply = await (await play.side.submit(play.keeper, asked, {"tags": "boom"})).reply()
    assert "broken.gif" in reply.content
    assert "2 of 500" in reply.content
    assert len(reply.buttons) == 2
    assert len(list(play.place)) == 2


async def test_pack_add_takes_a_file_or_a_link(play: PackStage) -> None:
    side, keeper = play.side, play.keeper
    typing = await side.autocomplete(keeper, "pack add", {"kind": "thumbs"}, focused="kind")
    assert {"name": "thumbs up", "value": "thumbs_up"} in await typing.choices()
    said: dict[str, Value] = {
        "file": Upload("a.webp.gif", play.place.gif(1)),
        "kind": "thumbs_up",
        "name": "_Yes_",
    }
    reply = await (await side.slash(keeper, "pack add", said)).reply()
    assert "thumbs up" in reply.content
    assert r"\_Yes\_" in reply.content
    gif = await play.place.library.find(f"discord:{side.guild.id}", "_Yes_")
    assert reply.attachments[0].data == play.place.library.path(gif).read_bytes()
    neither = await side.slash(keeper, "pack add", {})
    assert (await neither.reply()).content == messages.PACK_FILE_OR_LINK
    inside = await side.slash(keeper, "pack add", {"link": "http://127.0.0.1:9465/metrics"})
    assert "names a port other than" in (await inside.reply()).content
    assert len(list(play.place)) == 1


async def test_change_by_the_button_also_after_a_restart(
    side: DiscordSide, place: Packing, tiny_engine: Engine, tmp_path: Path
) -> None:
    place.empty()
    async with following(place) as follows:
        async with connected(side, follows.service, tmp_path, packs=place.own()) as stage:
            play = PackStage(stage, place, follows)
            reply = await (await play.added(("a.gif", place.gif(1)), tags="so funny")).reply()
        async with connected(side, follows.service, tmp_path, packs=place.own()):
            keeper = side.people["moderator"]
            opened = await side.press(keeper, reply, messages.PACK_CHANGE)
            fields = {
                label["component"]["custom_id"]: label["component"].get("value")
                for label in (await opened.modal())["components"]
            }
            assert fields["tags"] == "so funny"
            said = {"tags": "hug", "name": "Squeeze", "category": "hug", "alt_text": "Two bears."}
            changed = await (await side.submit(keeper, opened, said)).reply()
            for fact in ("Squeeze", "hug", "Two bears."):
                assert fact in changed.content
            gif = await place.library.find(f"discord:{side.guild.id}", "squeeze")
            assert (gif.entry.tags, gif.entry.categories) == (["hug"], ["hug"])
    async with playing(side, tiny_engine, tmp_path):
        off = await side.press(keeper, changed, messages.PACK_CHANGE)
        assert (await off.reply()).content == refusal(NoPacksError())


async def test_list_and_remove(play: PackStage) -> None:
    side, keeper = play.side, play.keeper
    empty = await (await side.slash(keeper, "pack list")).reply()
    assert empty.content == messages.PACK_EMPTY.format(menu=MENU)
    for seed in range(16):
        await play.place.put(f"discord:{side.guild.id}", seed)
    first = await (await side.slash(keeper, "pack list")).reply()
    assert "16 of 500" in first.content
    assert "Wave 15" in first.content
    assert "Wave 0**" not in first.content
    assert first.buttons == [messages.PACK_NEXT]
    last = await (await side.press(keeper, first, messages.PACK_NEXT)).reply()
    assert "Wave 0**" in last.content
    assert last.buttons == [messages.PREVIOUS]
    typing = await side.autocomplete(keeper, "pack remove", {"gif": "wave 7"}, focused="gif")
    (choice,) = await typing.choices()
    assert choice["name"].startswith("Wave 7 · ")
    one = await (await side.slash(keeper, "pack list", {"gif": choice["value"]})).reply()
    assert "Wave 7" in one.content
    assert one.attachments
    gone = await (await side.slash(keeper, "pack remove", {"gif": choice["value"]})).reply()
    assert gone.content == messages.PACK_REMOVED.format(name="Wave 7", count=15, limit=500)
    unknown = await (await side.slash(keeper, "pack remove", {"gif": "wave 7"})).reply()
    assert unknown.content == refusal(UnknownGifError())


async def test_the_limit_of_a_server(
    side: DiscordSide, tiny_bundle: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    with packing(tiny_bundle, tiny_pack, tmp_path / "data", limit=1) as place:
        async with (
            following(place) as follows,
            connected(side, follows.service, tmp_path, packs=place.own(1)) as stage,
        ):
            play = PackStage(stage, place, follows)
            assert "1 of 1" in (await (await play.added(("a.gif", place.gif(1)))).reply()).content
            full = await (await play.added(("b.gif", place.gif(2)))).reply()
            assert "remove one first" in full.content
            assert len(list(place)) == 1
            other = await play.added(("b.gif", place.gif(2)), channel=side.other_channel)
            assert "1 of 1" in (await other.reply()).content


async def test_a_gif_for_adults_comes_in_age_restricted_channels_only(play: PackStage) -> None:
    side, scope = play.side, f"discord:{play.side.guild.id}"
    await (await play.added(("a.gif", play.place.gif(1)), tags="boom", alt_text="For adults.")).reply()
    gif = await play.place.library.find(scope, "a")
    await play.place.library.edit(scope, gif.id, GifChange(rating="r"))
    shown = await (await side.slash(play.keeper, "pack list", {"gif": gif.id})).reply()
    assert messages.PACK_ADULT in shown.content
    await play.following.caught_up()
    for channel, is_seen in ((side.channel, False), (side.nsfw_channel, True)):
        asked = {"message": "boom", "mood": "mic drop"}
        preview = await (await side.slash(play.keeper, "react", asked, channel=channel)).reply()
        assert ("For adults." in [file.description for file in preview.shown_files]) is is_seen


async def test_without_packs_there_are_no_commands(
    side: DiscordSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with playing(side, tiny_engine, tmp_path):
        names = {command["name"] for command in side.commands}
        assert not names & {"pack", MENU}
