"""All that the routes and the people of the stand-in share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.discord_side.bell import Bell
from tests.slack_side.envelopes import Post
from tests.slack_side.errors import Refusal, Violation, rate_limited
from tests.slack_side.files import FileBook
from tests.slack_side.hooks import HookBook
from tests.slack_side.messages import MessageBook, ShownMessage
from tests.slack_side.views import ViewBook
from tests.slack_side.world import Channel, Person, World

SUBSCRIPTIONS = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "member_joined_channel": "",
    "app_home_opened": "",
    "app_uninstalled": "",
    "tokens_revoked": "",
}
"""The events that a manifest may subscribe to here, and the scopes they need."""


@dataclass
class Limits:
    """What Slack allows; None: no limit here."""

    post_interval_s: float | None = None


@dataclass
class State:
    """The workspace, what was said in it, and the way to the app."""

    world: World
    bell: Bell
    book: MessageBook
    files: FileBook
    views: ViewBook
    hooks: HookBook
    post: Post
    clock: Callable[[], float]
    violations: list[Violation]
    scopes: frozenset[str] | None = None
    subscriptions: frozenset[str] = frozenset(SUBSCRIPTIONS)
    limits: Limits = field(default_factory=Limits)
    _last_posts: dict[str, float] = field(default_factory=dict)

    def channel(self, value: str, *, needs_bot: bool = True) -> Channel:
        """Find a channel by its id, by #name, or the direct message of a user.

        Raises:
            Refusal: channel_not_found, not_in_channel or is_archived.
        """
        world = self.world
        channel = world.channels.get(value) or next(
            (each for each in world.channels.values() if value and value == f"#{each.name}"), None
        )
        if channel is None and (person := world.user(value)) is not None and not person.is_bot:
            channel = world.dm_of(person)
        if channel is None or (channel.kind != "channel" and not world.has_bot(channel)):
            raise Refusal("channel_not_found")
        if needs_bot and not world.has_bot(channel):
            raise Refusal("not_in_channel")
        return channel

    def writable(self, value: str) -> Channel:
        """Find a channel that the bot may write in.

        Raises:
            Refusal: also is_archived.
        """
        channel = self.channel(value)
        if channel.is_archived:
            raise Refusal("is_archived")
        return channel

    def message(self, channel: Channel, ts: str) -> ShownMessage:
        """Find a message that everybody sees.

        Raises:
            Refusal: message_not_found.
        """
        message = self.book.get(channel, ts)
        if message is None:
            raise Refusal("message_not_found")
        return message

    def person(self, user_id: str) -> Person:
        """Find a user.

        Raises:
            Refusal: user_not_found.
        """
        person = self.world.user(user_id)
        if person is None:
            raise Refusal("user_not_found")
        return person

    def count_post(self, channel: Channel) -> None:
        """Hold the bot to one message an interval and channel, where a test wants that.

        Raises:
            Refusal: 429 with Retry-After.
        """
        interval_s, now = self.limits.post_interval_s, self.clock()
        if interval_s is None:
            return
        if now - self._last_posts.get(channel.id, float("-inf")) < interval_s:
            raise rate_limited(max(1, round(interval_s)))
        self._last_posts[channel.id] = now

    def flag(self, method: str, rule: str, detail: str) -> None:
        """Collect what Slack would not refuse but a bot should not do."""
        self.violations.append(Violation(method, rule, detail))
