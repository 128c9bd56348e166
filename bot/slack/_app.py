"""The bot: Bolt's app, and which part of the adapter gets which request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages import SLACK_SAVED
from bot.metrics import BotMetrics
from bot.packs import MOST_FILES, OwnPacks
from bot.reactor import Reactor
from bot.slack._downloads import Downloads
from bot.slack._gifs import CANCEL_ID, PREVIOUS_ID, SENDS, SHUFFLE_ID, Gifs
from bot.slack._listener import Listener
from bot.slack._pack_views import ADD_FORM, CHANGE_FORM, CHANGE_ID, NEXT_PAGE_ID, PREVIOUS_PAGE_ID
from bot.slack._packs import Packs, url_of
from bot.slack._people import People
from bot.slack._posting import Posting
from bot.slack._previews import Previews
from bot.slack._replies import Replies
from bot.slack._settings import Settings
from bot.slack._uploads import Uploads
from bot.slack._views import ALLOW, FORGET, OPT_OUT, PICK_CHANNEL, SETTINGS, SWITCH, FormError
from bot.slack._words import Payload, code_of
from bot.tickets import Tickets
from bot.work import Say, Step, Work

REACT, REMOVE, NEVER, ADD_TO_PACK = "rp_react", "rp_remove", "rp_never", "rp_pack"
DRAIN_S = 5.0
Handler = Callable[[Payload], Awaitable[None]]
EventHandler = Callable[[Payload], Awaitable[str]]


@dataclass(frozen=True)
class Wire:
    """How Slack is talked to: a client with its own session, and what tries again after a failure."""

    client: AsyncWebClient
    session: aiohttp.ClientSession
    handlers: Sequence[AsyncRetryHandler]
    signing_secret: str = ""


class SlackBot:
    """Repartee in a workspace; `app` is Bolt's, to be connected by Socket Mode or served over HTTP."""

    def __init__(
        self,
        wire: Wire,
        people: People,
        reactor: Reactor,
        tickets: Tickets,
        metrics: BotMetrics,
        *,
        gif_base_url: str = "",
        packs: OwnPacks | None = None,
        own_gifs: Path | None = None,
    ) -> None:
        """Put the adapter together.

        Args:
            wire: how Slack is talked to.
            people: of the workspace.
            reactor: the core.
            tickets: names previews.
            metrics: counts.
            gif_base_url: where the GIFs of the packs can be had by anybody; empty to upload them.
            packs: the pack of the workspace; None where packs are switched off.
            own_gifs: folder of own GIFs, which are uploaded in any case.
        """
        client, memory = wire.client, reactor.memory
        self._posting = Posting(client)
        gifs = Gifs(self._posting, Uploads(client, memory, people.team), gif_base_url, own_gifs)
        self._work = Work(metrics, "slack", code_of)
        self._replies = Replies(wire.session, wire.handlers)
        self._previews = Previews(client, reactor, gifs, self._posting, self._replies, people, tickets.check)
        self._listener = Listener(client, reactor, gifs, self._posting, people)
        self._settings = Settings(client, memory, people)
        downloads = Downloads(client, wire.session)
        self._packs = Packs(packs, client, memory, people, gifs, self._replies, downloads)
        self.app = AsyncApp(client=client, signing_secret=wire.signing_secret or None)
        self._listen()

    async def close(self) -> None:
        """Let what is under way end."""
        await self._work.drain(DRAIN_S)

    def _listen(self) -> None:
        app, on = self.app, self._on
        app.command("/react")(on("react", self._previews.command))
        app.command("/react-settings")(on("settings", self._open_form))
        app.command("/pack")(on("pack", self._packs.command))
        for callback, surface, handler in (
            (REACT, "shortcut", self._previews.shortcut),
            (REMOVE, "remove", self._previews.remove),
            (NEVER, "never again", self._previews.ban),
            (ADD_TO_PACK, "pack menu", self._packs.shortcut),
        ):
            app.shortcut(callback)(on(surface, handler))
        for action in (*SENDS, SHUFFLE_ID, PREVIOUS_ID, CANCEL_ID):
            surface = f"preview {action.split('_')[1]}"
            app.action(action)(on(surface, self._previews.press))
        for action in (PICK_CHANNEL, OPT_OUT, FORGET, ALLOW, SWITCH):
            app.action(action)(on("home", partial(self._home_action, action)))
        app.view(SETTINGS)(self._save)
        for number in range(MOST_FILES):
            app.action(f"{CHANGE_ID}_{number}")(on("pack change", self._packs.open_change))
        for action in (PREVIOUS_PAGE_ID, NEXT_PAGE_ID):
            app.action(action)(on("pack page", self._packs.turn))
        app.view(ADD_FORM)(on("pack add", self._packs.add))
        app.view(CHANGE_FORM)(on("pack change", self._packs.change))
        for name, event_handler in (
            ("app_mention", self._listener.mention),
            ("message", self._listener.message),
            ("reaction_added", partial(self._listener.vote, is_taken_back=False)),
            ("reaction_removed", partial(self._listener.vote, is_taken_back=True)),
            ("app_home_opened", self._home_opened),
        ):
            app.event(name)(self._on_event(name, event_handler))

    def _on(self, surface: str, handler: Handler) -> Callable[..., Awaitable[None]]:
        """Return a listener that acknowledges at once and works in a task of its own."""

        async def listen(ack: AsyncAck, body: Payload) -> None:
            with self._work.metrics.timed(surface, "acknowledge"):
                await ack()
            self._work.start(self._answer(surface, body, partial(handler, body)))

        return listen

    def _on_event(self, surface: str, handler: EventHandler) -> Callable[..., Awaitable[None]]:
        """Return a listener of an event, which Bolt has acknowledged.

        One that is delivered again does nothing more: messages are answered once, thumbs counted once.
        """

        async def listen(event: Payload) -> None:
            self._work.start(self._work.note(surface, partial(handler, event)))

        return listen

    async def _answer(self, surface: str, body: Payload, work: Step) -> None:
        with self._work.under_way():
            outcome = await self._work.attempt(surface, work, self._say_to(body))
        self._work.metrics.count(surface, outcome)

    def _say_to(self, body: Payload) -> Say:
        """Return how to say a line to the person: where they clicked, else in a direct message."""

        async def say(line: str) -> None:
            if url := body.get("response_url") or url_of(body):
                await self._replies.say(url, line)
            else:
                await self._posting.say(body["user"]["id"], "", line)

        return say

    async def _open_form(self, command: Payload) -> None:
        await self._settings.open_form(command["user_id"], command["channel_id"], command["trigger_id"])

    async def _home_action(self, action: str, body: Payload) -> None:
        person, given = body["user"]["id"], body["actions"][0]
        if action == PICK_CHANNEL:
            channel = given["selected_conversation"]
            await self._settings.open_form(person, channel, body["trigger_id"])
        elif action == OPT_OUT:
            await self._settings.opt_out(person)
        elif action == SWITCH:
            await self._settings.switch(person)
        elif action == FORGET:
            await self._settings.forget(person)
        else:
            await self._settings.allow(person, given["value"])

    async def _home_opened(self, event: Payload) -> str:
        if event.get("tab") != "home":
            return "another tab"
        await self._settings.show_home(event["user"])
        return "shown"

    async def _save(self, ack: AsyncAck, body: Payload, view: Payload) -> None:
        """Keep the form; what cannot be read in it is shown there, before the acknowledgement."""
        try:
            self._settings.check(view)
        except FormError as error:
            await ack(response_action="errors", errors=error.problems)
            return
        await ack()
        say, person = self._say_to(body), body["user"]["id"]

        async def save() -> None:
            status = await self._settings.save(person, view)
            await say(SLACK_SAVED.format(status=status))

        self._work.start(self._answer("settings", body, save))
