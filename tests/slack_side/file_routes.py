"""files.* and the upload URL: ticket, bytes, completion, processing, sharing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.slack_side.calls import Call
from tests.slack_side.errors import Refusal, invalid_arguments
from tests.slack_side.files import Share, StoredFile
from tests.slack_side.publishing import Publisher
from tests.slack_side.state import State
from tests.slack_side.world import Channel, Payload

MOST_ALT_TEXT = 1000


class FileRoutes:
    """Answers files.* and takes uploads."""

    def __init__(self, state: State, publisher: Publisher) -> None:
        self._state, self._publisher = state, publisher
        self.routes = {
            "files.getUploadURLExternal": self._ticket,
            "files.completeUploadExternal": self._complete,
            "files.info": self._info,
            "files.delete": self._delete,
        }

    def upload(self, file_id: str, data: bytes) -> str:
        """Take the bytes of a ticket; the answer is plain text.

        Raises:
            Refusal: where the ticket is unknown or the length is not the one announced.
        """
        file = self._state.files.all.get(file_id)
        if file is None or file.data is not None:
            raise Refusal("unknown ticket", rule="upload_ticket", status=404)
        if len(data) != file.size:
            detail = f"{len(data)} bytes, announced were {file.size}"
            raise Refusal(detail, rule="upload_length", status=400)
        file.data = data
        return f"OK - {len(data)}"

    def make_ready(self, file: StoredFile) -> None:
        """Finish a file's processing: it gets its type and is shared where it was to be."""
        if file.is_ready or file.is_deleted:
            return
        file.is_ready = True
        if self._state.files.drops_shares > 0 and file.waiting:
            self._state.files.drops_shares -= 1
            file.waiting.clear()
        for share in file.waiting:
            self._share(file, share)
        file.waiting.clear()
        self._state.bell.ring()

    def release(self) -> None:
        """Finish the processing of everything held back."""
        self._state.files.is_held = False
        for file in list(self._state.files.all.values()):
            if file.is_completed:
                self.make_ready(file)

    def _ticket(self, call: Call) -> Payload:
        alt_text, length = call.text("alt_txt"), call.number("length", 0)
        if length <= 0:
            raise invalid_arguments("required_arguments", "missing required field: length")
        if len(alt_text) > MOST_ALT_TEXT:
            raise Refusal("alt_txt_too_large", rule="alt_txt")
        file = self._state.files.open_ticket(call.text("filename"), length, alt_text)
        return {"upload_url": self._state.files.upload_url(file), "file_id": file.id}

    def _complete(self, call: Call) -> Payload:
        files = self._named(call)
        names = [*call.text("channels").split(","), call.text("channel_id")]
        channels = [self._state.writable(name) for name in dict.fromkeys(names) if name]
        thread_ts = self._checked_thread(call, channels)
        comment, blocks = call.text("initial_comment"), call.args.get("blocks") or []
        if blocks and any(each.get("type") == "markdown" for each in blocks):
            raise Refusal("internal_error", rule="markdown_with_file")  # slackapi/python-slack-sdk#1756
        if blocks:
            self._publisher.check_blocks(blocks)
        for channel in channels:
            self._state.count_post(channel)
        shares = [Share(channel, thread_ts, comment, [] if comment else blocks) for channel in channels]
        for number, file in enumerate(files):
            # Several files of one completion make one message, in their order; here its first file leads.
            file.is_completed, file.waiting = True, list(shares) if number == 0 else []
            file.companions = files[1:] if number == 0 else []
            if self._state.files.ready_after_looks == 0 and not self._state.files.is_held:
                asyncio.get_running_loop().call_soon(self.make_ready, file)
        return {"files": [file.payload(self._state.world.bot.id) for file in files]}

    def _named(self, call: Call) -> Sequence[StoredFile]:
        described = call.args["files"]
        if not isinstance(described, list) or not described:
            raise invalid_arguments("files", "files must be an array of {id, title}")
        files = [self._state.files.all.get(str(each.get("id"))) for each in described]
        known = [
            each for each in files if each is not None and each.data is not None and not each.is_completed
        ]
        if len(known) != len(files):
            raise Refusal("file_not_found", rule="upload_before_complete")
        for file, each in zip(known, described, strict=True):
            file.title = str(each.get("title") or "")
        return known

    def _checked_thread(self, call: Call, channels: list[Channel]) -> str | None:
        thread_ts = call.text("thread_ts")
        if thread_ts and len(channels) != 1:
            raise invalid_arguments("one_channel_with_thread", "thread_ts needs exactly one channel")
        return self._publisher.thread(channels[0], thread_ts) if thread_ts else None

    def _info(self, call: Call) -> Payload:
        file = self._living(call)
        file.looks += 1
        if not self._state.files.is_held and file.looks >= self._state.files.ready_after_looks:
            self.make_ready(file)
        return {"file": file.payload(self._state.world.bot.id), "comments": [], "response_metadata": {}}

    def _delete(self, call: Call) -> Payload:
        file = self._living(call)
        file.is_deleted = True
        for share in file.shares:
            message = self._state.book.get(share.channel, share.ts)
            if message is not None:
                content = self._publisher.content({"text": message.text}, may_be_empty=True)
                self._publisher.change(message, content, [each for each in message.files if each is not file])
        return {}

    def _living(self, call: Call) -> StoredFile:
        file = self._state.files.get(call.text("file"))
        if file is None:
            was_deleted = call.text("file") in self._state.files.all
            raise Refusal("file_deleted" if was_deleted else "file_not_found")
        return file

    def _share(self, file: StoredFile, share: Share) -> None:
        if not self._state.world.has_bot(share.channel) or share.channel.is_archived:
            return
        text = {"text": share.comment, "blocks": share.blocks or None}
        content = self._publisher.content(text, may_be_empty=True)
        files = [file, *file.companions]
        message = self._publisher.post(
            share.channel, content, thread_ts=share.thread_ts, files=files, subtype="file_share"
        )
        for each in files:
            done = Share(share.channel, share.thread_ts, share.comment, share.blocks, message.ts)
            each.shares.append(done)
