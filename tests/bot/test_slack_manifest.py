"""The manifest of the Slack app: with what it asks for all flows work, and without any part of it one fails.

The stand-in keeps scopes and subscriptions; commands and shortcuts, which Slack offers by the manifest, are
kept here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
import yaml  # type: ignore[import-untyped]
from slack_bolt.async_app import AsyncApp

from bot import messages
from bot.cli._slack import EVENTS_PATH
from bot.settings import SlackSettings
from bot.slack import _app
from bot.slack._words import mrkdwn
from inference.engine import Engine
from tests.bot.packing import packing
from tests.bot.slack_stage import SlackStage, playing
from tests.serving import until
from tests.slack_side.handles import Handle
from tests.slack_side.messages import ShownMessage
from tests.slack_side.people import is_event
from tests.slack_side.server import SlackSide
from tests.slack_side.state import SUBSCRIPTIONS
from tests.slack_side.views import ShownView
from tests.slack_side.world import Channel, Person

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "assets" / "slack-manifest.yaml").read_text(encoding="utf-8")
CREATOR = "U0CREATOR"  # whom the stand-in names as the creator of its channels
READING, OVER_HTTP = "+", "http"  # the marks in the manifest

T = TypeVar("T")


class MissingError(Exception):
    """Slack offers, tells or allows something no more."""


def manifest(*marks: str) -> dict[str, Any]:
    """Read the manifest with some of its marks deleted."""
    text = TEXT
    for mark in marks:
        text, count = re.subn(rf"(?m)^( *)#{re.escape(mark)} ", r"\1", text)
        assert count > 0
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def scopes_of(found: dict[str, Any]) -> list[str]:
    return list(found["oauth_config"]["scopes"]["bot"])


def events_of(found: dict[str, Any]) -> list[str]:
    return list(found["settings"]["event_subscriptions"]["bot_events"])


@dataclass
class Installed:
    """A workspace with the app of a manifest; what people do in it fails at once where a scope is missing."""

    side: SlackSide
    stage: SlackStage
    scopes: list[str]
    commands: set[str]
    callbacks: set[str]

    @property
    def ann(self) -> Person:
        return self.side.people["ann"]

    async def slash(
        self, person: Person, name: str, text: str = "", channel: Channel | None = None
    ) -> Handle:
        """Use a slash command."""
        self._check(name in self.commands)
        return await self.side.slash(person, name, text, channel)

    async def shortcut(self, person: Person, callback_id: str, message: ShownMessage) -> Handle:
        """Use an entry in the menu of a message."""
        self._check(callback_id in self.callbacks)
        return await self.side.shortcut(person, callback_id, message)

    async def got(self, wanted: Awaitable[T]) -> T:
        """Wait for what somebody should see.

        Raises:
            MissingError: Slack has refused a request for want of a scope.
        """
        refused = asyncio.ensure_future(self.side.until(self._refused, "a refusal"))
        found = asyncio.ensure_future(wanted)
        try:
            await asyncio.wait({refused, found}, return_when=asyncio.FIRST_COMPLETED)
            if refused.done():
                raise MissingError(refused.result())
            return found.result()
        finally:
            for task in (refused, found):
                task.cancel()
            await asyncio.gather(refused, found, return_exceptions=True)

    async def counted(self, surface: str, outcome: str, count: int = 1) -> None:
        """Wait until something has ended in a way."""
        await self.got(until(lambda: self.stage.count(surface, outcome) == count))

    def _refused(self) -> str | None:
        return next((each.detail for each in self.side.violations if each.rule == "scopes"), None)

    def _check(self, is_offered: bool) -> None:
        if not is_offered or "commands" not in self.scopes:
            raise MissingError("missing_scope commands")


def heard(handle: Handle, kind: str) -> Handle:
    """Return what somebody did, if the bot is told of it by an event of this kind.

    Raises:
        MissingError: it is not.
    """
    told = [each for each in (handle.envelope, *handle.also) if each is not None]
    if not any(is_event(each, kind) for each in told):
        raise MissingError(kind)
    return handle


@contextlib.asynccontextmanager
async def installed(
    side: SlackSide, engine: Engine, folder: Path, *marks: str, without: str = "", **options: Any
) -> AsyncIterator[Installed]:
    """Install the app of the manifest, without some scopes or events, and connect the bot."""
    found, left_out = manifest(*marks), without.split()
    scopes = [each for each in scopes_of(found) if each not in left_out]
    side.set_scopes(" ".join(scopes))
    side.subscribe(" ".join(each for each in events_of(found) if each not in left_out))
    features = found["features"]
    commands = {each["command"] for each in features["slash_commands"]}
    callbacks = {each["callback_id"] for each in features["shortcuts"]}
    async with playing(side, engine, folder, **options) as stage:
        yield Installed(side, stage, scopes, commands, callbacks)


@pytest.fixture
async def side() -> AsyncIterator[SlackSide]:
    async with SlackSide() as opened:
        yield opened
        assert opened.violations == []


# What people do.


async def sent_by_command(app: Installed) -> ShownMessage:
    """Send a GIF by /react."""
    before = app.stage.count("preview send", "answered")
    asked = await app.slash(app.ann, "/react", "boom")
    preview = await app.got(asked.ephemeral())
    pressed = await app.side.press(app.ann, preview, "Send 1")
    post = await app.got(pressed.shared())
    await app.counted("preview send", "answered", int(before) + 1)
    assert post.files[0].alt_text == preview.alt_texts[0]
    return post


async def command(app: Installed) -> None:
    """Leaf through GIFs by /react, send one, throw the others away."""
    await sent_by_command(app)
    preview = await app.got((await app.slash(app.ann, "/react", "I miss you")).ephemeral())
    for name in ("Shuffle", "Previous"):
        preview = await app.got((await app.side.press(app.ann, preview, name)).replaced())
    await app.got((await app.side.press(app.ann, preview, "Cancel")).removed())


async def menu(app: Installed) -> None:
    """Send a GIF by the menu of a message."""
    said = (await app.side.say(app.side.people["bob"], "I miss you")).message
    assert said is not None
    preview = await app.got((await app.shortcut(app.ann, "rp_react", said)).ephemeral())
    post = await app.got((await app.side.press(app.ann, preview, "Send 2")).shared())
    assert post.thread_ts == said.ts


async def mention(app: Installed) -> None:
    """Mention the bot in a public and in a private channel."""
    for channel in (app.side.world.general, app.side.world.private):
        asked = heard(await app.side.mention(app.ann, "I miss you", channel=channel), "app_mention")
        post = await app.got(asked.shared())
        assert asked.message is not None
        assert post.thread_ts == asked.message.ts


async def direct(app: Installed) -> None:
    """Write to the bot, and in that thread ask for another one."""
    asked = heard(await app.side.say(app.ann, "so funny", channel=app.side.dms["ann"]), "message")
    await app.got(asked.shared())
    again = await app.side.say(app.ann, "shuffle", channel=app.side.dms["ann"], thread=asked.message)
    await app.got(again.shared())


async def thumbs(app: Installed) -> None:
    """Put a thumb under a GIF and take it away."""
    post, memory = await sent_by_command(app), app.stage.memory
    before = await memory.shifts(app.side.world.team_id)
    heard(await app.side.reacts(app.ann, post, "+1"), "reaction_added")
    await app.counted("reaction_added", "counted")
    assert await memory.shifts(app.side.world.team_id) != before
    heard(await app.side.unreacts(app.ann, post, "+1"), "reaction_removed")
    await app.counted("reaction_removed", "counted")


async def home(app: Installed) -> None:
    """Open the Home tab, opt out, forget that."""
    shown = await app.got(heard(await app.side.open_home(app.ann), "app_home_opened").home())
    for name in (messages.HOME_OPT_OUT, messages.HOME_FORGET):
        pressed = await app.side.press(app.ann, shown, name)
        shown = await app.got(pressed.home(shown.updates + 1))


async def filled_in(app: Installed, person: Person, asked: Handle, cap: str) -> None:
    """Fill in the form that has been asked for, and send it."""
    form: ShownView = await app.got(asked.view())
    await app.got((await app.side.submit(person, form, {"daily_cap": cap})).acknowledged())
    assert form.is_closed
    memory, channel = app.stage.memory, form.view["private_metadata"]
    async with asyncio.timeout(10):  # it is kept after the acknowledgement
        while (await memory.channel(channel)).daily_cap != int(cap):
            await asyncio.sleep(0.005)


async def settings_by_admin(app: Installed) -> None:
    """Set a channel up as an admin, by the command and by the Home tab."""
    admin, side = app.side.people["admin"], app.side
    await filled_in(app, admin, await app.slash(admin, "/react-settings"), "7")
    shown = await app.got(heard(await side.open_home(admin), "app_home_opened").home())
    picked = await side.select(admin, shown, messages.HOME_PICK_CHANNEL, side.world.random.id)
    await filled_in(app, admin, picked, "8")


async def _settings_by_creator(app: Installed, channel: Channel) -> None:
    carol = app.side.people.get("carol") or app.side.world.add_person("carol")
    carol.id = CREATOR
    await filled_in(app, carol, await app.slash(carol, "/react-settings", channel=channel), "9")


async def settings_by_creator(app: Installed) -> None:
    """Set a public channel up as who created it."""
    await _settings_by_creator(app, app.side.world.general)


async def settings_by_private_creator(app: Installed) -> None:
    """Set a private channel up as who created it."""
    await _settings_by_creator(app, app.side.world.private)


async def remove_and_ban(app: Installed) -> None:
    """Take a GIF away, then another one for good."""
    await app.got((await app.shortcut(app.ann, "rp_remove", post := await sent_by_command(app))).ephemeral())
    assert post.is_deleted
    post, admin = await sent_by_command(app), app.side.people["admin"]
    line = await app.got((await app.shortcut(admin, "rp_never", post)).ephemeral())
    assert "never comes again" in line.text
    assert post.is_deleted


async def _bare_mention(app: Installed, channel: Channel) -> None:
    said = (await app.side.say(app.side.people["bob"], "so funny haha", channel=channel)).message
    for text in ("", "shuffle"):
        asked = heard(await app.side.mention(app.ann, text, thread=said), "app_mention")
        post = await app.got(asked.shared())
        assert said is not None
        assert post.thread_ts == said.ts


async def _automatic(app: Installed, channel: Channel) -> None:
    admin = app.side.people["admin"]
    form = await app.got((await app.slash(admin, "/react-settings", channel=channel)).view())
    chosen = {"mode": "all", "confidence": "chatty", "cooldown": "0"}
    await app.got((await app.side.submit(admin, form, chosen)).acknowledged())
    said = heard(await app.side.say(app.side.people["bob"], "boom", channel=channel), "message")
    post = await app.got(said.shared())
    assert said.message is not None
    assert post.thread_ts == said.message.ts


async def bare_mention(app: Installed) -> None:
    """Mention the bot without words in a thread of a public channel."""
    await _bare_mention(app, app.side.world.general)


async def private_bare_mention(app: Installed) -> None:
    """The same in a private channel."""
    await _bare_mention(app, app.side.world.private)


async def automatic(app: Installed) -> None:
    """Let the bot speak up in a public channel."""
    await _automatic(app, app.side.world.general)


async def private_automatic(app: Installed) -> None:
    """The same in a private channel."""
    await _automatic(app, app.side.world.private)


Flow = Callable[[Installed], Awaitable[None]]
ON_DEMAND: tuple[Flow, ...] = (
    command,
    menu,
    mention,
    direct,
    thumbs,
    home,
    settings_by_admin,
    settings_by_creator,
    settings_by_private_creator,
    remove_and_ban,
)
READS: tuple[Flow, ...] = (bare_mention, private_bare_mention, automatic, private_automatic)

STOPS: dict[str, Flow] = {
    "commands": menu,
    "chat:write": mention,
    "files:write": mention,  # of one GIF: in a preview the uploads of the others would go on
    "files:read": mention,
    "app_mentions:read": mention,
    "im:history": direct,
    "reactions:read": thumbs,
    "users:read": settings_by_admin,
    "channels:read": settings_by_creator,
    "groups:read": settings_by_private_creator,
    "app_mention": mention,
    "message.im": direct,
    "reaction_added": thumbs,
    "reaction_removed": thumbs,
    "app_home_opened": home,
}
READING_STOPS: dict[str, Flow] = {
    "channels:history": bare_mention,
    "groups:history": private_bare_mention,
    "message.channels": automatic,
    "message.groups": private_automatic,
}


async def test_the_manifest_is_enough_for_all_that_is_asked_for(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with installed(side, tiny_engine, tmp_path) as app:
        for flow in ON_DEMAND:
            await flow(app)


async def test_with_the_marked_lines_it_reads_channels_too(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with installed(side, tiny_engine, tmp_path, READING) as app:
        for flow in (mention, *READS):
            await flow(app)


@pytest.mark.parametrize(
    ("marks", "without", "flow"),
    [((), *stop) for stop in STOPS.items()] + [((READING,), *stop) for stop in READING_STOPS.items()],
)
async def test_without_any_part_of_it_something_stops(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path, marks: tuple[str, ...], without: str, flow: Flow
) -> None:
    async with installed(side, tiny_engine, tmp_path, *marks, without=without) as app:
        with pytest.raises(MissingError) as raised:
            await flow(app)
    if str(raised.value).startswith("missing_scope"):
        assert str(raised.value) == f"missing_scope {without}"
    side.take_violations()


def test_there_is_no_part_that_nothing_needs() -> None:
    asked = [*scopes_of(manifest()), *events_of(manifest())]
    assert sorted(asked) == sorted(STOPS)
    more = [*scopes_of(manifest(READING)), *events_of(manifest(READING))]
    assert sorted(more) == sorted(STOPS | READING_STOPS)
    for found in (manifest(), manifest(READING)):
        needed = {SUBSCRIPTIONS[event] for event in events_of(found)} - {""}
        assert needed <= set(scopes_of(found)), "an event without its scope, which Slack refuses"
        assert "user" not in found["oauth_config"]["scopes"]


async def test_the_manifest_is_enough_for_the_pack_and_without_a_scope_nothing_is_added(
    side: SlackSide, tiny_bundle: Path, tiny_pack: Path, tiny_engine: Engine, tmp_path: Path
) -> None:
    with packing(tiny_bundle, tiny_pack, tmp_path / "data") as place:
        for without, count in (("files:read", 0), ("users:read", 0), ("", 1)):
            async with installed(side, tiny_engine, tmp_path, without=without, packs=place.own()) as app:
                await pack(app, place.gif(1), count)
            assert len(list(place)) == count
            assert side.take_violations() == ["scopes"] * (1 - count)


async def pack(app: Installed, data: bytes, count: int) -> None:
    """Add a GIF to the pack by the menu of a message."""
    side, admin = app.side, app.side.people["admin"]
    shared = (await side.say(admin, "look", files=[side.own_file("a.gif", data)])).message
    assert shared is not None
    asked = await app.shortcut(admin, "rp_pack", shared)
    if "users:read" in app.scopes:
        await side.submit(admin, await asked.view(), {"tags": "boom"})
    told = await asked.ephemeral()
    assert bool(told.buttons) is bool(count)


async def test_without_reading_a_bare_mention_is_told_what_to_do(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    async with installed(side, tiny_engine, tmp_path) as app:
        said = (await side.say(side.people["bob"], "so funny haha")).message
        asked = await side.mention(app.ann, "", thread=said)
        assert (await asked.posted()).text == mrkdwn(messages.SLACK_CANNOT_READ)
    assert side.take_violations() == ["scopes"]


async def test_a_public_address_of_the_gifs_makes_the_file_scopes_needless(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path
) -> None:
    address, without = "https://gifs.example.org", "files:read files:write"
    async with installed(side, tiny_engine, tmp_path, without=without, gif_base_url=address) as app:
        preview = await app.got((await app.slash(app.ann, "/react", "boom")).ephemeral())
        post = await app.got((await side.press(app.ann, preview, "Send 1")).posted())
        assert post.blocks[0]["image_url"].startswith(address)


class Recorder(AsyncApp):
    """Bolt's app, which also notes what is registered."""

    names: ClassVar[dict[str, set[str]]] = {}

    def command(self, command: Any, *more: Any, **named: Any) -> Any:
        self.names.setdefault("commands", set()).add(command)
        return super().command(command, *more, **named)

    def shortcut(self, constraints: Any, *more: Any, **named: Any) -> Any:
        self.names.setdefault("shortcuts", set()).add(constraints)
        return super().shortcut(constraints, *more, **named)

    def event(self, event: Any, *more: Any, **named: Any) -> Any:
        self.names.setdefault("events", set()).add(event)
        return super().event(event, *more, **named)


async def test_it_names_just_what_the_bot_answers(
    side: SlackSide, tiny_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recorder, "names", {})
    monkeypatch.setattr(_app, "AsyncApp", Recorder)
    async with installed(side, tiny_engine, tmp_path) as app:
        assert app.commands == Recorder.names["commands"]
        assert app.callbacks == Recorder.names["shortcuts"]
    assert {event.partition(".")[0] for event in events_of(manifest(READING))} == Recorder.names["events"]
    shortcuts = {each["callback_id"]: each for each in manifest()["features"]["shortcuts"]}
    assert shortcuts["rp_react"]["name"] in mrkdwn(messages.HOME_INTRO)
    assert shortcuts["rp_react"]["name"] in mrkdwn(messages.SLACK_CANNOT_READ)
    assert shortcuts["rp_pack"]["name"] == messages.PACK_MENU
    assert {each["type"] for each in shortcuts.values()} == {"message"}


def test_slack_takes_it() -> None:
    """Lengths are those of slackapi/manifest-schema, which the paste is checked against."""
    found = manifest()
    shown, features, settings = found["display_information"], found["features"], found["settings"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["background_color"])
    for each in features["slash_commands"]:
        assert re.fullmatch(r"/[a-z-]{1,31}", each["command"])
        assert each["description"]
        assert each["usage_hint"]
    for each in features["shortcuts"]:
        assert len(each["name"]) <= 24
        assert len(each["description"]) <= 150
    assert features["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert settings["interactivity"]["is_enabled"] is True
    assert settings["socket_mode_enabled"] is True
    assert settings["org_deploy_enabled"] is settings["token_rotation_enabled"] is False
    assert "request_url" not in settings["event_subscriptions"] | settings["interactivity"]


def test_over_http_every_request_goes_to_the_bots_address() -> None:
    found = manifest(OVER_HTTP)
    settings = found["settings"]
    urls = [each["url"] for each in found["features"]["slash_commands"]]
    urls += [settings[part]["request_url"] for part in ("event_subscriptions", "interactivity")]
    assert len(set(urls)) == 1
    assert re.fullmatch(rf"https://[\w.-]+{re.escape(EVENTS_PATH)}", urls[0])


def test_the_guide_explains_every_scope_setting_and_field() -> None:
    guide = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
    for scope in scopes_of(manifest(READING)):
        assert f"| `{scope}` |" in guide, scope
    for mark in (READING, OVER_HTTP):
        assert f"`#{mark} `" in guide
    for field in SlackSettings.model_fields:
        assert f"`SLACK_{field.upper()}`" in guide, field
    for label in messages.SETTINGS_LABELS.values():
        assert f"| {label.partition(', such')[0]} |" in guide, label
