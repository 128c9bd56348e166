"""chat.*: posting, showing to one person, changing, deleting."""

from __future__ import annotations

from tests.slack_side.calls import Call
from tests.slack_side.errors import Refusal
from tests.slack_side.files import StoredFile
from tests.slack_side.messages import ShownMessage
from tests.slack_side.publishing import Publisher
from tests.slack_side.state import State
from tests.slack_side.world import Payload


class ChatRoutes:
    """Answers chat.*."""

    def __init__(self, state: State, publisher: Publisher) -> None:
        self._state, self._publisher = state, publisher
        self.routes = {
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.getPermalink": self._permalink,
        }

    def _post(self, call: Call) -> Payload:
        channel = self._state.writable(call.text("channel"))
        content = self._publisher.content(call.args)
        thread_ts = self._publisher.thread(channel, call.text("thread_ts"))
        self._state.count_post(channel)
        files = self._state.files.linked(content.text)
        broadcasts = call.is_set("reply_broadcast")
        message = self._publisher.post(
            channel, content, thread_ts=thread_ts, files=files, is_broadcast=broadcasts
        )
        return {"channel": channel.id, "ts": message.ts, "message": message.payload()}

    def _post_ephemeral(self, call: Call) -> Payload:
        channel = self._state.writable(call.text("channel"))
        person = self._state.person(call.text("user"))
        if person not in channel.members:
            raise Refusal("user_not_in_channel")
        content = self._publisher.content(call.args)
        thread_ts = self._publisher.thread(channel, call.text("thread_ts"))
        if thread_ts and len(self._state.book.replies(channel, thread_ts)) < 2:
            self._state.flag(call.method, "ephemeral_thread", "shown only in a thread that has answers")
            return {"message_ts": self._state.world.new_ts()}
        return {"message_ts": self._publisher.show_to(person, channel, content, thread_ts).ts}

    def _update(self, call: Call) -> Payload:
        message = self._own(call, "cant_update_message")
        keeps = bool(message.files or message.blocks)
        content = self._publisher.content(call.args, may_be_empty=keeps or bool(call.args.get("file_ids")))
        self._publisher.change(message, content, self._files(call))
        described = message.payload()
        return {"channel": message.channel.id, "ts": message.ts, "text": message.text, "message": described}

    def _delete(self, call: Call) -> Payload:
        message = self._own(call, "cant_delete_message")
        self._publisher.delete(message)
        return {"channel": message.channel.id, "ts": message.ts}

    def _permalink(self, call: Call) -> Payload:
        channel = self._state.channel(call.text("channel"))
        message = self._state.message(channel, call.text("message_ts"))
        domain, path = self._state.world.domain, f"{channel.id}/p{message.ts.replace('.', '')}"
        link = f"https://{domain}.slack.com/archives/{path}"
        thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.thread_ts else ""
        return {"channel": channel.id, "permalink": link + thread}

    def _own(self, call: Call, error: str) -> ShownMessage:
        channel = self._state.writable(call.text("channel"))
        message = self._state.message(channel, call.text("ts"))
        if message.author is not self._state.world.bot:
            raise Refusal(error)
        return message

    def _files(self, call: Call) -> list[StoredFile] | None:
        if "file_ids" not in call.args:
            return None
        files = [self._state.files.get(str(each)) for each in call.args["file_ids"] or []]
        if None in files:
            raise Refusal("file_not_found", rule="file_ids")
        return [each for each in files if each is not None]
