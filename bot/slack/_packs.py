"""The pack of a workspace in Slack: the menu entry, `/pack`, forms and buttons; for admins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import messages
from bot.errors import NoPacksError, NotAdminError, PackWishError
from bot.memory import Memory
from bot.messages import refusal
from bot.packs import Added, OwnPacks, Wish, told
from bot.slack._downloads import Downloads
from bot.slack._gifs import Gifs
from bot.slack._pack_views import (
    ADD_FORM,
    CHANGE_FORM,
    Note,
    change_buttons,
    files_of,
    form,
    name_of,
    note_of,
    page,
    read_added,
    read_command,
    read_form,
    shown_in,
)
from bot.slack._people import People
from bot.slack._replies import RefusedReplyError, Replies
from bot.slack._words import Payload, escape, section
from inference.errors import RefusedError, ServiceError


class Packs:
    """What admins do with the pack of their workspace."""

    def __init__(
        self,
        packs: OwnPacks | None,
        client: AsyncWebClient,
        memory: Memory,
        people: People,
        gifs: Gifs,
        replies: Replies,
        downloads: Downloads,
    ) -> None:
        """Put it together; without packs everything says that they are switched off."""
        self._own = packs
        self._client = client
        self._memory = memory
        self._people = people
        self._gifs = gifs
        self._replies = replies
        self._downloads = downloads

    async def command(self, command: Payload) -> None:
        """Do what somebody typed after /pack."""
        scope = await self._scope(command["team_id"], command["user_id"])
        url = command["response_url"]
        act, rest = read_command(command.get("text", ""))
        with explained():
            if act == "add" and rest:
                link, wish = read_added(rest)
                await self._show(url, await self._packs.add_url(scope, link, wish), messages.PACK_ADDED)
            elif act == "remove" and rest:
                left = await self._packs.remove(scope, rest)
                name = escape(left.gif.entry.name)
                line = messages.PACK_REMOVED.format(name=name, count=left.count, limit=left.limit)
                await self._replies.say(url, line)
            elif act == "list" and rest:
                await self._show(url, await self._packs.find(scope, rest), messages.PACK_SHOWN)
            elif act == "list":
                await self._draw(scope, url, 0, replaces=False)
            else:
                await self._replies.say(url, messages.SLACK_PACK_USAGE)

    async def shortcut(self, shortcut: Payload) -> None:
        """Open a form for the GIFs of a message."""
        await self._scope(shortcut["team"]["id"], shortcut["user"]["id"])
        with explained():
            files = [(file["id"], name_of(file)) for file in files_of(shortcut["message"])]
        view = form(ADD_FORM, Note(shortcut["response_url"], files), is_one=len(files) == 1)
        await self._client.views_open(trigger_id=shortcut["trigger_id"], view=view)

    async def add(self, body: Payload) -> None:
        """Add the files that a form was opened for."""
        scope = await self._scope(body["team"]["id"], body["user"]["id"])
        note = note_of(body["view"])
        with explained():
            wish = read_form(body["view"])
            if len(note.files) == 1:
                added = await self._add(scope, note.files[0], wish)
                await self._show(note.url, added, messages.PACK_ADDED)
                return
        await self._add_all(scope, note, wish)

    async def open_change(self, body: Payload) -> None:
        """Open the form of a GIF."""
        scope = await self._scope(body["team"]["id"], body["user"]["id"])
        known = await self._packs.find(scope, body["actions"][0]["value"])
        view = form(CHANGE_FORM, Note(body["response_url"], gif=known.gif.id), known.gif.entry)
        await self._client.views_open(trigger_id=body["trigger_id"], view=view)

    async def change(self, body: Payload) -> None:
        """Keep what was put into the form of a GIF."""
        scope = await self._scope(body["team"]["id"], body["user"]["id"])
        note = note_of(body["view"])
        with explained():
            wish, shown = read_form(body["view"]), shown_in(body["view"])
            changed = await self._packs.change(scope, note.gif, wish, shown)
        await self._show(note.url, changed, messages.PACK_CHANGED)

    async def turn(self, body: Payload) -> None:
        """Show another page of the pack."""
        scope = await self._scope(body["team"]["id"], body["user"]["id"])
        number = body["actions"][0]["value"]
        await self._draw(scope, body["response_url"], int(number), replaces=True)

    @property
    def _packs(self) -> OwnPacks:
        if self._own is None:
            raise NoPacksError
        return self._own

    async def _scope(self, team: str, person: str) -> str:
        """Return what the pack of the workspace goes by.

        Raises:
            NoPacksError: packs are switched off.
            NotAdminError: the person may not look after it.
        """
        if self._own is None:
            raise NoPacksError
        if not await self._people.may_manage(person):
            raise NotAdminError
        return self._memory.scope(team)

    async def _add(self, scope: str, file: tuple[str, str], wish: Wish) -> Added:
        file_id, name = file
        return await self._packs.add(scope, name, wish, lambda path: self._downloads.fetch(file_id, path))

    async def _add_all(self, scope: str, note: Note, wish: Wish) -> None:
        added: list[Added] = []
        lines = []
        for file in note.files:
            try:
                done = await self._add(scope, file, wish)
            except (RefusedError, PackWishError) as error:
                reason = messages.PACK_NOT_ADDED.format(name=file[1], reason=refusal(error))
                lines.append(escape(reason))
                continue
            added.append(done)
            lines.append(messages.PACK_ADDED.format(name=escape(done.gif.entry.name)))
        if added:
            lines.append(messages.PACK_COUNT.format(count=added[-1].count, limit=added[-1].limit))
        text = "\n".join(lines)
        await self._reply(note.url, text, [section(text), *_buttons(added)])

    async def _show(self, url: str, known: Added, head: str) -> None:
        """Show one GIF with its picture, and the button that changes it."""
        text = told(known, head, escape, messages.SLACK_PACK_ADULT)
        picture = await self._picture(known)
        try:
            await self._reply(url, text, [section(text, **picture), *_buttons([known])])
        except RefusedReplyError as error:
            if not (error.is_stale and picture):
                raise
            await self._gifs.forget([self._packs.reaction(known.gif)])  # somebody has deleted the file
            await self._reply(url, text, [section(text), *_buttons([known])])

    async def _picture(self, known: Added) -> Payload:
        """Return the picture of a GIF, nothing where Slack does not take it: the GIF is in the pack."""
        try:
            return {"accessory": await self._gifs.image(self._packs.reaction(known.gif))}
        except (SlackApiError, ServiceError):
            return {}

    async def _draw(self, scope: str, url: str, number: int, *, replaces: bool) -> None:
        shelf = await self._packs.shelf(scope, number)
        await self._replies.show(url, messages.PACK_MENU, page(shelf), replaces=replaces)

    async def _reply(self, url: str, text: str, blocks: Sequence[Payload]) -> None:
        await self._replies.show(url, text, blocks, replaces=False)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Let no reason be read as markup: it may quote the name of a file."""
    try:
        yield
    except (RefusedError, PackWishError) as error:
        raise PackWishError(escape(str(error))) from error


def url_of(body: Payload) -> str:
    """Return where what is wrong with a form of ours is said, empty where that is nowhere."""
    view = body.get("view") or {}
    is_ours = view.get("callback_id") in (ADD_FORM, CHANGE_FORM)
    return note_of(view).url if is_ours else ""


def _buttons(added: Sequence[Added]) -> list[Payload]:
    return [change_buttons([(done.gif.id, done.gif.entry.name) for done in added])] if added else []
