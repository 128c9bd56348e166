"""What the pack of a workspace looks like in Slack: forms, the list, and what people typed."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import msgspec

from bot import messages
from bot.errors import ExpiredError, PackWishError
from bot.moods import spoken
from bot.packs import (
    ALT_LETTERS,
    MOST_FILES,
    NAME_LETTERS,
    Shelf,
    Wish,
    check_size,
    is_kind,
    listed,
    read_wish,
)
from bot.slack._words import Payload, button, escape, label, section
from inference.metrics import POPULAR
from inference.pack import PackGif

ADD_FORM, CHANGE_FORM = "rp_pack_add", "rp_pack_save"
CHANGE_ID, PREVIOUS_PAGE_ID, NEXT_PAGE_ID = "rp_pack_change", "rp_pack_previous", "rp_pack_next"
ANY_KIND = "any"
LETTERS = {"tags": 400, "name": NAME_LETTERS, "alt_text": ALT_LETTERS}
_LINK = re.compile(r"<?(https?://[^\s|>]+)(?:\|[^>]*)?>?")
_TAG = re.compile(r"(?:^|(?<=[\s,]))#([^\s#,]+),?")


class Note(msgspec.Struct, frozen=True):
    """What a form has to remember: where the answer goes, and its files (ids, names) or its GIF."""

    url: str
    files: list[tuple[str, str]] = []
    gif: str = ""


def note_of(view: Payload) -> Note:
    """Return what a form remembers.

    Raises:
        ExpiredError: it is none of ours.
    """
    try:
        return msgspec.json.decode(view["private_metadata"], type=Note)
    except (KeyError, msgspec.DecodeError):
        raise ExpiredError from None


def form(callback: str, note: Note, entry: PackGif | None = None, *, is_one: bool = True) -> Payload:
    """Lay the form for a GIF out; several at once have tags and kind in common."""
    fields = list(messages.PACK_FIELDS) if is_one else ["tags", "category"]
    return {
        "type": "modal",
        "callback_id": callback,
        "private_metadata": msgspec.json.encode(note).decode(),
        "title": label(messages.PACK_MENU if entry is None else messages.PACK_CHANGE),
        "submit": label(messages.SETTINGS_SAVE if entry else messages.PACK_ADD),
        "close": label(messages.SETTINGS_CLOSE),
        "blocks": [_field(name, entry) for name in fields],
    }


def read_form(view: Payload) -> Wish:
    """Return what was put into a form."""
    return _wish({name: _value(fields[name]) for name, fields in view["state"]["values"].items()})


def shown_in(view: Payload) -> Wish:
    """Return what a form began with."""
    elements = {block["block_id"]: block["element"] for block in view["blocks"] if "element" in block}
    return _wish({name: _shown(element) for name, element in elements.items()})


def _wish(given: dict[str, str]) -> Wish:
    if given.get("category") == ANY_KIND:
        given["category"] = ""
    return read_wish(**given)


def read_command(text: str) -> tuple[str, str]:
    """Return which of add, list and remove is meant, and what follows it."""
    act, _, rest = text.strip().partition(" ")
    return act.lower(), rest.strip()


def read_added(text: str) -> tuple[str, Wish]:
    """Return the link, the tags and the name that somebody typed.

    Raises:
        PackWishError: there is no link.
    """
    found = _LINK.search(text)
    if found is None:
        raise PackWishError(messages.SLACK_PACK_USAGE)
    rest = html.unescape(text[: found.start()] + " " + text[found.end() :])
    name = _TAG.sub(" ", rest)
    return html.unescape(found[1]), read_wish(name=name, tags=",".join(_TAG.findall(rest)))


def files_of(message: Payload) -> list[Payload]:
    """Return the files of a message that may be GIFs, not too many.

    Raises:
        PackWishError: it has none.
        RefusedError: one is too large.
    """
    found = [file for file in message.get("files") or [] if is_gif(file)][:MOST_FILES]
    if not found:
        raise PackWishError(messages.PACK_NO_FILE)
    for file in found:
        check_size(escape(name_of(file)), int(file.get("size") or 0))
    return found


def is_gif(file: Payload) -> bool:
    """Whether a file may be a GIF, by what Slack says of it."""
    return is_kind(file.get("mimetype") or "", name_of(file))


def name_of(file: Payload) -> str:
    """Return what people call a file; a form has room for five of them."""
    return str(file.get("name") or file.get("title") or "GIF")[-NAME_LETTERS:]


def page(shelf: Shelf) -> list[Payload]:
    """Lay a page of the pack out."""
    turns = ((messages.PREVIOUS, PREVIOUS_PAGE_ID, -1), (messages.PACK_NEXT, NEXT_PAGE_ID, 1))
    buttons = [
        button(text, action, str(shelf.page + step))
        for text, action, step in turns
        if 0 <= shelf.page + step < shelf.pages
    ]
    blocks = [section(listed(shelf, escape))]
    return [*blocks, {"type": "actions", "elements": buttons}] if buttons else blocks


def change_buttons(gifs: Sequence[tuple[str, str]]) -> Payload:
    """Return a row of buttons that open the forms of GIFs, given by id and name."""
    named = messages.PACK_CHANGE_NAMED
    buttons = [
        button(messages.PACK_CHANGE if len(gifs) == 1 else named.format(name=name)[:75], CHANGE_ID, gif)
        for gif, name in gifs
    ]
    for number, each in enumerate(buttons):  # no two of a block may have the same
        each["action_id"] = f"{CHANGE_ID}_{number}"
    return {"type": "actions", "elements": buttons}


def _field(name: str, entry: PackGif | None) -> Payload:
    text, hint = messages.PACK_FIELDS[name]
    element = _kinds(entry) if name == "category" else _line(name, entry)
    return {
        "type": "input",
        "block_id": name,
        "optional": True,
        "label": label(text),
        "hint": label(hint),
        "element": element | {"action_id": name},
    }


def _line(name: str, entry: PackGif | None) -> Payload:
    element: Payload = {"type": "plain_text_input", "max_length": LETTERS[name]}
    if name == "alt_text":
        element["multiline"] = True
    known = {} if entry is None else {"name": entry.name, "alt_text": entry.alt_text}
    if entry is not None:
        known["tags"] = ", ".join(entry.tags)
    return element | ({"initial_value": known[name][: LETTERS[name]]} if known.get(name) else {})


def _kinds(entry: PackGif | None) -> Payload:
    texts = {ANY_KIND: messages.PACK_ANY_KIND} | {kind: spoken(kind) for kind in POPULAR}
    options = {value: {"text": label(text), "value": value} for value, text in texts.items()}
    chosen = ANY_KIND if entry is None else entry.categories[0]
    return {
        "type": "static_select",
        "options": list(options.values()),
        "initial_option": options.get(chosen, options[ANY_KIND]),
    }


def _shown(element: Payload) -> str:
    chosen = element.get("initial_option")
    return str(chosen["value"] if chosen else element.get("initial_value") or "").strip()


def _value(field: Payload) -> str:
    chosen = field.get("selected_option")
    return str(chosen["value"] if chosen else field.get("value") or "").strip()
