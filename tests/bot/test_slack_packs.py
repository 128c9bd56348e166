"""The pack of a workspace in Slack: real Bolt, a stand-in of Slack, files that are really taken in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import messages
from bot.errors import NoPacksError, NotAdminError
from bot.messages import refusal
from bot.packs import MAX_BYTES, Wish
from bot.slack._pack_views import read_added
from bot.slack._words import mrkdwn
from inference.catalogue import GifChange
from inference.engine import Engine
from inference.errors import UnknownGifError
from tests.bot.packing import Following, Packing, broken, following, packing
from tests.bot.slack_stage import SlackStage, made, playing, socket
from tests.slack_side.handles import Handle
from tests.slack_side.messages import ShownMessage
from tests.slack_side.server import SlackSide
from tests.slack_side.world import Person

MENU = "rp_pack"
BASE_URL = "https://gifs.example.org/all"


@pytest.fixture
async def side() -> AsyncIterator[SlackSide]:
    async with SlackSide() as opened:
        yield opened
        assert opened.violations == []


@dataclass
class PackStage:
    """A bot with packs on a stage."""

    stage: SlackStage
    place: Packing
    following: Following

    @property
    def side(self) -> SlackSide:
        return self.stage.side

    @property
    def admin(self) -> Person:
        return self.side.people["admin"]

    @property
    def scope(self) -> str:
        return f"slack:{self.side.world.team_id}"

    async def shared(self, *files: tuple[str, bytes]) -> ShownMessage:
        """Let Bob share files."""
        stored = [self.side.own_file(name, data) for name, data in files]
        said = await self.side.say(self.side.people["bob"], "look", files=stored)
        assert said.message is not None
        return said.message

    async def menu(self, message: ShownMessage, person: Person | None = None) -> Handle:
        """Use the menu of a message."""
        return await self.side.shortcut(person or self.admin, MENU, message)

    async def added(self, *files: tuple[str, bytes], **said: str) -> ShownMessage:
        """Add the files of a message; returns what the admin is told."""
        asked = await self.menu(await self.shared(*files))
        await self.side.submit(self.admin, await asked.view(), said)
        return await asked.ephemeral()

    async def command(self, text: str, person: Person | None = None) -> ShownMessage:
        """Type a command; returns what the person is told."""
        return await (await self.side.slash(person or self.admin, "/pack", text)).ephemeral()


@pytest.fixture(scope="module")
def place(tiny_bundle: Path, tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packing]:
    with packing(tiny_bundle, tiny_pack, tmp_path_factory.mktemp("slack-packs") / "data") as opened:
        yield opened


@pytest.fixture
async def play(side: SlackSide, place: Packing, tmp_path: Path) -> AsyncIterator[PackStage]:
    place.empty()
    async with (
        following(place) as follows,
        made(side, follows.service, tmp_path, packs=place.own(), own_gifs=place.gifs) as stage,
        socket(side, stage.bot),
    ):
        yield PackStage(stage, place, follows)


async def test_a_gif_from_a_message_is_found_at_once_here_and_nowhere_else(play: PackStage) -> None:
    side, ann = play.side, play.side.people["ann"]
    asked = await play.menu(await play.shared(("monday.gif", play.place.gif(1))))
    form = await asked.view()
    said = {
        "tags": "boom, drop",
        "name": "Fireworks",
        "alt_text": "Fireworks over a lake.",
        "category": "mic drop",
    }
    sent = await side.submit(play.admin, form, said)
    await sent.acknowledged()
    assert form.is_closed
    told = await asked.ephemeral()
    assert mrkdwn(messages.PACK_ADDED.format(name="Fireworks")) in told.texts[0]
    for fact in ("mic drop", "boom, drop", "Fireworks over a lake.", "1 of 500"):
        assert fact in told.texts[0]
    assert told.alt_texts == ["Fireworks over a lake."]
    assert told.buttons == [messages.PACK_CHANGE]
    assert list(play.place) == [(play.scope, "Fireworks")]
    await play.following.caught_up()
    seen = []
    preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
    while "Fireworks over a lake." not in preview.alt_texts:
        seen += preview.alt_texts
        preview = await (await side.press(ann, preview, "Shuffle")).replaced()
    assert len(seen) < 13
    number = preview.alt_texts.index("Fireworks over a lake.") + 1
    post = await (await side.press(ann, preview, f"Send {number}")).shared()
    assert post.files[0].alt_text == "Fireworks over a lake."
    uploads = [call for call in side.called("files.getUploadURLExternal") if "fireworks" in str(call.args)]
    assert len(uploads) <= 1


async def test_another_workspace_never_sees_it(play: PackStage) -> None:
    side, ann = play.side, play.side.people["ann"]
    await play.place.put("slack:T0OTHER", 1)
    await play.following.caught_up()
    preview = await (await side.slash(ann, "/react", "boom")).ephemeral()
    seen = list(preview.alt_texts)
    while "Shuffle" in preview.buttons:
        preview = await (await side.press(ann, preview, "Shuffle")).replaced()
        seen += preview.alt_texts
    assert len(seen) == 12
    assert not [alt_text for alt_text in seen if "Wave" in alt_text]
    assert (await play.command("list")).texts[0] == mrkdwn(
        messages.PACK_EMPTY.format(menu=messages.PACK_MENU)
    )


async def test_only_admins(play: PackStage) -> None:
    side, bob = play.side, play.side.people["bob"]
    message = await play.shared(("a.gif", play.place.gif(1)))
    asked = await play.menu(message, bob)
    assert (await asked.ephemeral()).text == refusal(NotAdminError())
    for text in ("list", "add https://example.org/a.gif", "remove x", ""):
        assert (await play.command(text, bob)).text == refusal(NotAdminError())
    asked = await play.menu(message)
    form = await asked.view()
    play.admin.is_admin = False
    await side.submit(play.admin, form, {})
    assert (await asked.ephemeral()).text == refusal(NotAdminError())
    assert list(play.place) == []


async def test_what_cannot_be_added_is_said(play: PackStage) -> None:
    side = play.side
    said = (await side.say(side.people["bob"], "https://tenor.example/x.gif")).message
    assert said is not None
    for message in (said, await play.shared(("notes.txt", b"words"))):
        told = await (await play.menu(message)).ephemeral()
        assert told.text == mrkdwn(messages.PACK_NO_FILE)
    large = await (await play.menu(await play.shared(("large.gif", bytes(MAX_BYTES + 1))))).ephemeral()
    assert "large.gif is larger than" in large.text
    told = await play.added(("<!channel>.gif", broken(1)))
    assert "broken" in told.text
    assert "<!" not in told.text
    await play.added(("one.gif", play.place.gif(1)), name="<Umbrella>")
    assert "&lt;Umbrella&gt;" in (await play.added(("two.gif", play.place.gif(1)))).text
    assert [name for _, name in play.place] == ["<Umbrella>"]


async def test_the_token_goes_to_slack_only(play: PackStage) -> None:
    message = await play.shared(("a.gif", play.place.gif(1)))
    asked = await play.menu(message)
    form = await asked.view()
    message.files[0].url = "https://files.slack.com.example.org/a.gif"
    await play.side.submit(play.admin, form, {})
    assert (await asked.ephemeral()).text == messages.PACK_ELSEWHERE
    assert list(play.place) == []


async def test_a_file_that_the_bot_may_not_see(play: PackStage) -> None:
    message = await play.shared(("a.gif", play.place.gif(1)))
    asked = await play.menu(message)
    form = await asked.view()
    message.files[0].is_deleted = True
    await play.side.submit(play.admin, form, {})
    assert (await asked.ephemeral()).text == messages.SLACK_PACK_CLOSED


async def test_several_files_of_a_message_have_tags_in_common(play: PackStage) -> None:
    files = [(f"{seed}.gif", play.place.gif(seed)) for seed in (1, 2)]
    asked = await play.menu(await play.shared(*files, ("broken.gif", broken(2)), ("notes.txt", b"words")))
    form = await asked.view()
    assert [block["block_id"] for block in form.blocks] == ["tags", "category"]
    await play.side.submit(play.admin, form, {"tags": "boom"})
    told = await asked.ephemeral()
    assert "2 of 500" in told.texts[0]
    assert "broken.gif: " in told.texts[0]
    assert len(told.buttons) == 2
    assert len(list(play.place)) == 2


async def test_change_by_the_button(play: PackStage) -> None:
    told = await play.added(("a.gif", play.place.gif(1)), tags="so funny", name="Bears")
    gif = await play.place.library.find(play.scope, "bears")
    await play.place.own().change(play.scope, gif.id, Wish(tags=["so funny"], categories=["hug", "laugh"]))
    pressed = await play.side.press(play.admin, told, messages.PACK_CHANGE)
    form = await pressed.view()
    assert form.state()["values"]["tags"]["tags"]["value"] == "so funny"
    await play.side.submit(play.admin, form, {"tags": "love", "name": "Squeeze"})
    changed = await pressed.ephemeral()
    assert mrkdwn(messages.PACK_CHANGED.format(name="Squeeze")) in changed.texts[0]
    gif = await play.place.library.find(play.scope, "squeeze")
    assert (gif.entry.tags, gif.entry.categories) == (["love"], ["hug", "laugh"])
    pressed = await play.side.press(play.admin, changed, messages.PACK_CHANGE)
    form = await pressed.view()
    await play.place.library.edit(play.scope, gif.id, GifChange(caption="Two bears.", tags=["bears"]))
    await play.side.submit(play.admin, form, {"category": "thumbs up"})
    await pressed.ephemeral()
    entry = (await play.place.library.find(play.scope, "squeeze")).entry
    assert (entry.categories, entry.tags) == (["thumbs_up"], ["bears"])
    assert "alt_text" in entry.made_up
    assert entry.alt_text.startswith("Two bears (Squeeze")
    assert await play.place.library.gifs(play.scope, text="two bears") != []


async def test_list_show_and_remove(play: PackStage) -> None:
    for seed in range(16):
        await play.place.put(play.scope, seed)
    first = await play.command("list")
    assert "16 of 500" in first.texts[0]
    assert "*Wave 15*" in first.texts[0]
    assert first.buttons == [messages.PACK_NEXT]
    last = await (await play.side.press(play.admin, first, messages.PACK_NEXT)).replaced()
    assert "*Wave 0*" in last.texts[0]
    assert last.buttons == [messages.PREVIOUS]
    one = await play.command("list wave 7")
    assert "*Wave 7*" in one.texts[0]
    (file,) = one.image_file_ids
    play.side.state.files.all[file].is_deleted = True
    assert (await play.command("list wave 7")).images == []  # and it is uploaded anew next time
    assert len((await play.command("list wave 7")).images) == 1
    gone = await play.command("remove Wave 7")
    assert gone.text == mrkdwn(messages.PACK_REMOVED.format(name="Wave 7", count=15, limit=500))
    assert (await play.command("remove Wave 7")).text == refusal(UnknownGifError())
    for wrong in ("", "add", "remove", "dance", "add no link"):
        assert (await play.command(wrong)).text == mrkdwn(messages.SLACK_PACK_USAGE)


async def test_links_that_lead_inside_are_refused(play: PackStage) -> None:
    told = await play.command("add http://127.0.0.1:9466/metrics #boom")
    assert "names a port other than" in told.text
    assert list(play.place) == []


@pytest.mark.parametrize(
    ("typed", "link", "wish"),
    [
        (
            "https://a.example/b.gif?x=1&amp;y=2 #monday #good morning Tired cat",
            "https://a.example/b.gif?x=1&y=2",
            Wish("morning Tired cat", ["monday", "good"]),
        ),
        (
            "<https://a.example/b.gif|a.example> #one,#two",
            "https://a.example/b.gif",
            Wish("", ["one", "two"]),
        ),
        ("Cat https://a.example/#frag", "https://a.example/#frag", Wish("Cat")),
    ],
)
def test_what_is_typed_after_add(typed: str, link: str, wish: Wish) -> None:
    found, said = read_added(typed)
    assert found == link
    assert (said.name, list(said.tags)) == (wish.name, list(wish.tags))


async def test_the_limit_of_a_workspace(
    side: SlackSide, tiny_bundle: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    with packing(tiny_bundle, tiny_pack, tmp_path / "data", limit=1) as place:
        async with (
            following(place) as follows,
            made(side, follows.service, tmp_path, packs=place.own(1)) as stage,
            socket(side, stage.bot),
        ):
            play = PackStage(stage, place, follows)
            assert "1 of 1" in (await play.added(("a.gif", place.gif(1)))).texts[0]
            assert "remove one first" in (await play.added(("b.gif", place.gif(2)))).text
            assert len(list(place)) == 1


async def test_own_gifs_are_uploaded_where_the_others_have_an_address(
    side: SlackSide, place: Packing, tmp_path: Path
) -> None:
    place.empty()
    link = tmp_path / "link"  # a data folder may be named by another way than the one that the engine names
    link.symlink_to(place.gifs, target_is_directory=True)
    async with (
        following(place) as follows,
        made(side, follows.service, tmp_path, BASE_URL, place.own(), link) as stage,
        socket(side, stage.bot),
    ):
        play = PackStage(stage, place, follows)
        await play.added(
            ("a.gif", place.gif(1)), tags="boom, drop", alt_text="Fireworks.", category="mic drop"
        )
        await follows.caught_up()
        preview = await (await side.slash(play.admin, "/react", "boom")).ephemeral()
        while "Fireworks." not in preview.alt_texts:
            preview = await (await side.press(play.admin, preview, "Shuffle")).replaced()
        for image in preview.images:
            assert ("slack_file" in image) is (image["alt_text"] == "Fireworks.")
        number = preview.alt_texts.index("Fireworks.") + 1
        post = await (await side.press(play.admin, preview, f"Send {number}")).shared()
        assert post.files[0].alt_text == "Fireworks."


async def test_without_packs_it_says_so(side: SlackSide, tiny_engine: Engine, tmp_path: Path) -> None:
    async with playing(side, tiny_engine, tmp_path):
        admin = side.people["admin"]
        asked = await side.slash(admin, "/pack", "list")
        assert (await asked.ephemeral()).text == refusal(NoPacksError())
