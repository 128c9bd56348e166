"""From a request's body to a message: merged with what is there, checked, then written."""

from __future__ import annotations

from typing import Any

from tests.discord_side import components as parts
from tests.discord_side import payloads
from tests.discord_side.calls import Call
from tests.discord_side.contract import Payload
from tests.discord_side.errors import Refusal
from tests.discord_side.messages import Flag, MessageBook, ShownMessage, StoredFile
from tests.discord_side.rules import Draft, Limits, check

SETTABLE = Flag.SUPPRESS_EMBEDS | Flag.SILENT | Flag.COMPONENTS_V2


def draft_new(body: Payload, call: Call) -> Draft:
    """Read a new message."""
    return Draft(
        body=body,
        uploads=call.uploads,
        is_new=True,
        content=body.get("content") or "",
        components=body.get("components") or [],
        embeds=body.get("embeds") or [],
        flags=Flag(body.get("flags") or 0) & (SETTABLE | Flag.EPHEMERAL),
    )


def draft_edit(message: ShownMessage, body: Payload, call: Call) -> Draft:
    """Read an edit; what the body leaves out stays as it is, components V2 for ever."""
    flags = message.flags & ~Flag.LOADING | Flag(body.get("flags") or 0) & SETTABLE
    return Draft(
        body=body,
        uploads=call.uploads,
        is_new=False,
        content=_given(body, "content", message.content) or "",
        components=_given(body, "components", message.components) or [],
        embeds=_given(body, "embeds", message.embeds) or [],
        flags=flags,
        kept=_kept_files(message, body),
    )


def check_and_write(
    message: ShownMessage, draft: Draft, book: MessageBook, limits: Limits, where: tuple[str, ...] = ()
) -> None:
    """Check a draft and make the message what it says."""
    check(draft, limits, where)
    if not draft.is_new:
        message.versions.append(message.payload())
        message.edited_at = None if message.is_loading else payloads.now()
    message.attachments = [*draft.kept, *_new_files(message, draft, book)]
    message.content, message.flags = draft.content, draft.flags | message.flags & Flag.EPHEMERAL
    message.components = parts.resolved(draft.components, lambda url: _medium(message, url, book))
    message.embeds = [_resolved_embed(message, embed) for embed in draft.embeds]
    message.allowed_mentions = draft.body.get("allowed_mentions", message.allowed_mentions)


def _given(body: Payload, key: str, default: Any) -> Any:
    return body.get(key, default)


def _kept_files(message: ShownMessage, body: Payload) -> list[StoredFile]:
    if body.get("attachments") is None:
        return list(message.attachments)
    listed = {int(entry["id"]) for entry in body["attachments"]}
    return [file for file in message.attachments if file.id in listed]


def _new_files(message: ShownMessage, draft: Draft, book: MessageBook) -> list[StoredFile]:
    entries = {int(entry["id"]): entry for entry in draft.listed}
    files = []
    for number, upload in sorted(draft.uploads.items()):
        stored = book.store(upload, message.channel.id, entries.get(number, {}).get("description"))
        stored.filename = entries.get(number, {}).get("filename") or upload.filename
        files.append(stored)
    return files


def _medium(message: ShownMessage, url: str, book: MessageBook) -> Payload:
    for file in message.attachments:
        if url in {f"attachment://{file.filename}", file.url}:
            return file.media()
    if not url.startswith(("http://", "https://")):
        raise Refusal(400, 50035, "Invalid Form Body", rule="media_url")
    return {"id": "1", "url": url, "proxy_url": url, "width": None, "height": None, "content_type": None}


def _resolved_embed(message: ShownMessage, embed: Payload) -> Payload:
    urls = {f"attachment://{file.filename}": file.url for file in message.attachments}
    media = {
        key: embed[key] | {"url": urls.get(embed[key]["url"], embed[key]["url"])}
        for key in ("image", "thumbnail")
        if embed.get(key)
    }
    return {"type": "rich", **embed, **media}
