"""Response URLs, and answers given in an acknowledgement: the two speak the same language."""

from __future__ import annotations

from tests.slack_side.calls import TRUE
from tests.slack_side.errors import Refusal
from tests.slack_side.hooks import Hook
from tests.slack_side.publishing import Publisher
from tests.slack_side.state import State
from tests.slack_side.world import Payload

METHOD = "response_url"
KNOWN = frozenset(
    {"text", "blocks", "attachments", "response_type", "replace_original", "delete_original", "thread_ts"}
    | {"mrkdwn", "metadata", "unfurl_links", "unfurl_media"}
)


class HookRoutes:
    """Does what is posted to a response URL."""

    def __init__(self, state: State, publisher: Publisher) -> None:
        self._state, self._publisher = state, publisher

    def post(self, key: str, body: Payload) -> None:
        """Use a response URL.

        Raises:
            Refusal: 404 where it is used up, too old, or the message is not valid.
        """
        self.respond(self._state.hooks.use(key), body)

    def respond(self, hook: Hook, body: Payload) -> None:
        """Replace or delete the message that was pressed, or write a new one."""
        for name in sorted(body.keys() - KNOWN):
            self._state.flag(METHOD, "known_arguments", f"{name} means nothing here")
        replaces, deletes = _is_set(body, "replace_original"), _is_set(body, "delete_original")
        if (replaces or deletes) and hook.original is None:
            # bolt-python#1268: after a slash command or a shortcut there is nothing to replace.
            self._state.flag(METHOD, "original", "there is no original message; a new one is written")
            replaces = deletes = False
        if deletes:
            self._delete(hook)
        elif replaces:
            self._replace(hook, body)
        else:
            self._write(hook, body)

    def _delete(self, hook: Hook) -> None:
        assert hook.original is not None
        if not hook.original.is_deleted:
            self._publisher.delete(hook.original)
        hook.is_original_deleted = True

    def _replace(self, hook: Hook, body: Payload) -> None:
        assert hook.original is not None
        if hook.original.is_deleted:
            raise Refusal("message_not_found", status=404)
        if hook.original.is_ephemeral and body.get("response_type") == "in_channel":
            self._state.flag(METHOD, "response_type", "an ephemeral message stays one")
        content = self._publisher.content(body)
        hook.replacements += 1
        self._publisher.change(hook.original, content, is_whole=True)

    def _write(self, hook: Hook, body: Payload) -> None:
        if hook.original is not None and not {"replace_original", "response_type"} & body.keys():
            self._state.flag(METHOD, "replace_original", "say whether it is to replace the original")
        content = self._publisher.content(body)
        thread_ts = str(body.get("thread_ts") or "") or None
        if body.get("response_type") == "in_channel":
            message = self._publisher.post(hook.channel, content, thread_ts=thread_ts)
        else:
            message = self._publisher.show_to(hook.person, hook.channel, content, thread_ts)
        hook.shown.append(message)
        self._state.bell.ring()


def _is_set(body: Payload, name: str) -> bool:
    value = body.get(name)
    return not isinstance(value, (list, dict)) and value in TRUE
