"""Putting what the bot writes onto people's screens: the content of a message checked, then shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.slack_side.blocks import problems_of_message
from tests.slack_side.errors import Refusal, invalid_arguments
from tests.slack_side.events import Events
from tests.slack_side.files import StoredFile
from tests.slack_side.messages import ShownMessage
from tests.slack_side.state import State
from tests.slack_side.surfaces import with_ids
from tests.slack_side.world import Channel, Payload, Person

MOST_TEXT, MOST_ATTACHMENTS = 40_000, 100


@dataclass(frozen=True)
class Content:
    """The text and blocks of a message; `has_blocks` says whether blocks were named at all."""

    text: str
    blocks: list[Payload]
    has_blocks: bool
    metadata: Payload | None


class Publisher:
    """Shows, changes and deletes the bot's messages."""

    def __init__(self, state: State, events: Events) -> None:
        self._state, self._events = state, events

    def content(self, args: Payload, *, may_be_empty: bool = False) -> Content:
        """Check the content of a message.

        Raises:
            Refusal: no_text, msg_too_long, invalid_blocks, ...
        """
        text = str(args.get("text") or args.get("markdown_text") or "")
        blocks, attachments = args.get("blocks"), args.get("attachments") or []
        if args.get("markdown_text") and (blocks or args.get("text")):
            raise Refusal("markdown_text_conflict", rule="markdown_text")
        if not text.strip() and not blocks and not attachments and not may_be_empty:
            raise Refusal("no_text", rule="text")
        if len(text) > MOST_TEXT:
            raise Refusal("msg_too_long", rule="text_length")
        if blocks is not None and not isinstance(blocks, list):
            raise Refusal("invalid_blocks_format", rule="blocks_format")
        if len(attachments) > MOST_ATTACHMENTS:
            raise Refusal("too_many_attachments", rule="attachments")
        if blocks:
            self.check_blocks(blocks)
        return Content(text, with_ids(blocks), blocks is not None, _metadata(args.get("metadata")))

    def check_blocks(self, blocks: Any) -> None:
        """Check blocks.

        Raises:
            Refusal: invalid_blocks; only a file that may become ready is no violation.
        """
        problems = problems_of_message(blocks, self._state.files.problem)
        if problems:
            is_ours = any(each.message != "invalid slack file" for each in problems)
            raise Refusal("invalid_blocks", rule="block_kit" if is_ours else "", messages=problems)

    def thread(self, channel: Channel, thread_ts: str) -> str | None:
        """Find the parent of a thread to answer in.

        Raises:
            Refusal: where there is no such message.
        """
        if not thread_ts:
            return None
        message = self._state.book.get(channel, thread_ts)
        if message is not None and message.thread_ts not in {None, message.ts}:
            self._state.flag("thread_ts", "thread_parent", f"{thread_ts} is a reply; give its parent")
            return message.thread_ts
        if message is None and not self._state.book.has_thread(channel, thread_ts):
            raise Refusal("thread_not_found")
        return thread_ts

    def post(
        self,
        channel: Channel,
        content: Content,
        *,
        thread_ts: str | None = None,
        files: Sequence[StoredFile] = (),
        subtype: str | None = None,
        is_broadcast: bool = False,
    ) -> ShownMessage:
        """Write a message that everybody sees, and tell the app of it."""
        message = self._message(channel, content, thread_ts=thread_ts)
        message.files, message.subtype, message.is_broadcast = list(files), subtype, is_broadcast
        self._state.book.add(message)
        self._events.created(message)
        return message

    def show_to(
        self, person: Person, channel: Channel, content: Content, thread_ts: str | None = None
    ) -> ShownMessage:
        """Write a message that one person sees."""
        message = self._message(channel, content, thread_ts=thread_ts)
        message.reader = person
        return self._state.book.add(message)

    def change(
        self,
        message: ShownMessage,
        content: Content,
        files: list[StoredFile] | None = None,
        *,
        is_whole: bool = False,
    ) -> None:
        """Replace a message's content; blocks that are not named stay, unless it is replaced as a whole."""
        message.change(
            text=content.text,
            blocks=content.blocks if content.has_blocks or is_whole else message.blocks,
            metadata=content.metadata or message.metadata,
            files=message.files if files is None else files,
            edited_ts=None if message.is_ephemeral else self._state.world.new_ts(),
        )
        if not message.is_ephemeral:
            self._events.changed(message)
        self._state.bell.ring()

    def delete(self, message: ShownMessage) -> None:
        """Take a message from the screen."""
        message.is_deleted = True
        if not message.is_ephemeral:
            self._events.deleted(message)
        self._state.bell.ring()

    def _message(self, channel: Channel, content: Content, *, thread_ts: str | None) -> ShownMessage:
        world = self._state.world
        return ShownMessage(
            blocks=content.blocks,
            ts=world.new_ts(),
            channel=channel,
            author=world.bot,
            text=content.text,
            thread_ts=thread_ts,
            metadata=content.metadata,
            more={"app_id": world.app_id},
        )


def _metadata(value: Any) -> Payload | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not {"event_type", "event_payload"} <= value.keys():
        raise Refusal("invalid_metadata_format", rule="metadata")
    if not isinstance(value["event_payload"], dict):
        raise invalid_arguments("metadata", "event_payload must be an object")
    return value
