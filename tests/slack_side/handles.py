"""What a person did, as that person sees it: when it is acknowledged, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.slack_side.envelopes import Ack, Envelope
from tests.slack_side.hooks import Hook
from tests.slack_side.messages import ShownMessage
from tests.slack_side.state import State
from tests.slack_side.views import ShownView, Trigger
from tests.slack_side.world import Channel, Person

T = TypeVar("T")


@dataclass(eq=False)
class Handle:
    """One thing that somebody did; its milestones can be awaited.

    `envelope` is None where the app is not told of it; `also` holds further events of the same thing (a
    mention is a message too).
    """

    state: State
    person: Person
    channel: Channel
    name: str
    began_ts: str
    envelope: Envelope | None
    also: list[Envelope] = field(default_factory=list)
    message: ShownMessage | None = None
    hook: Hook | None = None
    trigger: Trigger | None = None

    @property
    def is_sent(self) -> bool:
        """Whether the app was to be told."""
        return self.envelope is not None

    @property
    def envelopes(self) -> list[Envelope]:
        """Every delivery of it, redeliveries included."""
        return [] if self.envelope is None else self.envelope.sent

    @property
    def ephemerals(self) -> list[ShownMessage]:
        """The messages for this person alone, there and since, that are still on the screen."""
        shown = self.state.book.since(self.channel, self.began_ts)
        return [each for each in shown if each.reader is self.person]

    @property
    def posts(self) -> list[ShownMessage]:
        """What the bot has written there since that everybody sees."""
        shown = self.state.book.since(self.channel, self.began_ts)
        return [each for each in shown if each.author is self.state.world.bot and not each.is_ephemeral]

    async def acknowledged(self) -> Ack:
        """Wait for the first good acknowledgement: its payload, and the seconds since that delivery."""

        def look() -> Ack | None:
            return next((each.ack for each in self.envelopes if each.ack and each.ack.status == 200), None)

        return await self._until(look, "acknowledgement")

    async def answered(self, count: int = 1) -> Ack:
        """Wait until so many deliveries are answered, well or not (HTTP: its status); return the last."""

        def look() -> Ack | None:
            acks = [each.ack for each in self.envelopes if each.ack]
            return acks[count - 1] if len(acks) >= count else None

        return await self._until(look, "answer")

    async def delivered(self, count: int = 1) -> Envelope:
        """Wait for the n-th delivery."""

        def look() -> Envelope | None:
            sent = [each for each in self.envelopes if each.is_sent]
            return sent[count - 1] if len(sent) >= count else None

        return await self._until(look, f"delivery {count}")

    async def ephemeral(self, index: int = 0) -> ShownMessage:
        """Wait for a message that only this person sees."""

        def look() -> ShownMessage | None:
            return self.ephemerals[index] if len(self.ephemerals) > index else None

        return await self._until(look, f"ephemeral message {index}")

    async def replaced(self, count: int = 1) -> ShownMessage:
        """Wait until the message that was pressed is replaced by way of the response URL."""

        def look() -> ShownMessage | None:
            return self.hook.original if self.hook and self.hook.replacements >= count else None

        return await self._until(look, "replacement")

    async def removed(self) -> None:
        """Wait until the message that was pressed is deleted by way of the response URL."""
        await self._until(
            lambda: True if self.hook and self.hook.is_original_deleted else None, "deletion of the original"
        )

    async def posted(self, index: int = 0) -> ShownMessage:
        """Wait for a message of the bot that everybody in the channel sees."""

        def look() -> ShownMessage | None:
            return self.posts[index] if len(self.posts) > index else None

        return await self._until(look, f"post {index}")

    async def shared(self, index: int = 0) -> ShownMessage:
        """Wait for a message of the bot with files: `message.files[0].data`, `.alt_text`, `.name`."""

        def look() -> ShownMessage | None:
            posts = [each for each in self.posts if each.files]
            return posts[index] if len(posts) > index else None

        return await self._until(look, f"shared file {index}")

    async def view(self) -> ShownView:
        """Wait for the modal that is opened."""
        return await self._until(lambda: self.trigger.view if self.trigger else None, "view")

    async def home(self, updates: int = 1) -> ShownView:
        """Wait for the person's home tab, published so many times."""

        def look() -> ShownView | None:
            shown = self.state.views.homes.get(self.person.id)
            return shown if shown is not None and shown.updates >= updates else None

        return await self._until(look, "home tab")

    async def _until(self, look: Callable[[], T | None], what: str) -> T:
        return await self.state.bell.until(look, f"{what} of {self}")

    def __str__(self) -> str:
        return f"{self.person.name}'s {self.name}"
