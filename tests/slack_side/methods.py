"""What each Web API method takes, from Slack's reference (docs.slack.dev/reference/methods): one table."""

from __future__ import annotations

from dataclasses import dataclass

from tests.slack_side.calls import Call
from tests.slack_side.errors import Refusal, Violation, invalid_arguments
from tests.slack_side.world import Channel

KINDS = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}
POST = (
    "text blocks attachments thread_ts markdown_text metadata unfurl_links unfurl_media unfurl_app_links "
    "parse link_names mrkdwn username icon_emoji icon_url"
)
PAGE = "cursor limit"
# Sent by slack_sdk to every method, or with some by its wrappers.
ALWAYS = frozenset({"token", "team_id", "include_all_metadata", "as_user"})


@dataclass(frozen=True)
class Method:
    """The arguments and the scope of a method; a scope with * depends on the kind of channel."""

    required: frozenset[str]
    optional: frozenset[str]
    scope: str = ""
    is_for_app: bool = False


def _method(required: str = "", optional: str = "", scope: str = "", *, is_for_app: bool = False) -> Method:
    return Method(frozenset(required.split()), frozenset(optional.split()), scope, is_for_app)


METHODS = {
    "auth.test": _method(),
    "apps.connections.open": _method(is_for_app=True),
    "chat.postMessage": _method("channel", f"{POST} reply_broadcast", "chat:write"),
    "chat.postEphemeral": _method("channel user", POST, "chat:write"),
    "chat.update": _method("channel ts", f"{POST} reply_broadcast file_ids", "chat:write"),
    "chat.delete": _method("channel ts", "", "chat:write"),
    "chat.getPermalink": _method("channel message_ts"),
    "files.getUploadURLExternal": _method("filename length", "alt_txt snippet_type", "files:write"),
    "files.completeUploadExternal": _method(
        "files",
        "channel_id channels initial_comment thread_ts blocks username icon_url icon_emoji",
        "files:write",
    ),
    "files.info": _method("file", f"{PAGE} count page", "files:read"),
    "files.delete": _method("file", "", "files:write"),
    "views.open": _method("view", "trigger_id interactivity_pointer"),
    "views.push": _method("view", "trigger_id interactivity_pointer"),
    "views.update": _method("view", "view_id external_id hash"),
    "views.publish": _method("user_id view", "hash"),
    "conversations.info": _method("channel", "include_locale include_num_members", "*:read"),
    "conversations.members": _method("channel", PAGE, "*:read"),
    "conversations.history": _method("channel", f"{PAGE} latest oldest inclusive", "*:history"),
    "conversations.replies": _method("channel ts", f"{PAGE} latest oldest inclusive", "*:history"),
    "conversations.open": _method("", "channel users return_im prevent_creation", "im:write"),
    "conversations.join": _method("channel", "", "channels:join"),
    "users.info": _method("user", "include_locale", "users:read"),
    "reactions.add": _method("channel name timestamp", "", "reactions:write"),
    "reactions.remove": _method("name", "channel timestamp file file_comment", "reactions:write"),
}


def check_arguments(call: Call) -> list[Violation]:
    """Compare arguments with the table; those that Slack would ignore are returned.

    Raises:
        Refusal: invalid_arguments for what is missing.
    """
    method = METHODS[call.method]
    missing = [name for name in sorted(method.required) if call.args.get(name) in (None, "")]
    if missing:
        messages = [f"missing required field: {name}" for name in missing]
        raise invalid_arguments("required_arguments", *messages)
    known = method.required | method.optional | ALWAYS
    return [
        Violation(call.method, "known_arguments", f"{name} means nothing here")
        for name in sorted(call.args.keys() - known)
    ]


def check_scope(call: Call, scopes: frozenset[str] | None, channel: Channel | None) -> None:
    """Check the bot's scopes, where a test has set them.

    Raises:
        Refusal: missing_scope.
    """
    needed = METHODS[call.method].scope
    if channel is not None:
        needed = needed.replace("*", KINDS[channel.kind])
    if scopes is None or not needed or "*" in needed or needed in scopes:
        return
    more = {"needed": needed, "provided": ",".join(sorted(scopes))}
    raise Refusal("missing_scope", rule="scopes", more=more, messages=[needed])
