"""Interactions as the person who caused them sees them: when they are answered, and with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.discord_side.bell import Bell
from tests.discord_side.contract import Payload
from tests.discord_side.errors import Refusal
from tests.discord_side.messages import ShownMessage
from tests.discord_side.world import Channel, Person

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
SEND, DEFER, DEFER_UPDATE, UPDATE, CHOICES, SHOW_MODAL = 4, 5, 6, 7, 8, 9
ANSWERS = {
    COMMAND: {SEND, DEFER, SHOW_MODAL},
    COMPONENT: {SEND, DEFER, DEFER_UPDATE, UPDATE, SHOW_MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL: {SEND, DEFER, DEFER_UPDATE, UPDATE},
}
ACKNOWLEDGE_S, TOKEN_S = 3.0, 15 * 60.0
USER_INSTALL_FOLLOWUPS = 5


@dataclass(frozen=True)
class Event:
    """A gateway event that can be sent again."""

    name: str
    data: Payload
    guild_id: int | None


@dataclass(frozen=True)
class Acknowledgement:
    """The first answer to an interaction."""

    body: Payload
    seconds: float

    @property
    def type(self) -> int:
        return int(self.body["type"])

    @property
    def data(self) -> Payload:
        return self.body.get("data") or {}

    @property
    def is_ephemeral(self) -> bool:
        return bool((self.data.get("flags") or 0) & 1 << 6)


@dataclass(eq=False)
class Handle:
    """One interaction; its milestones can be awaited."""

    id: int
    token: str
    type: int
    person: Person
    channel: Channel
    event: Event
    sent_at: float
    is_user_install: bool = False
    source: ShownMessage | None = None
    callback: Acknowledgement | None = None
    original: ShownMessage | None = None
    is_replied: bool = False
    followups: list[ShownMessage] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell, repr=False)

    async def acknowledged(self) -> Acknowledgement:
        """Wait for the callback."""
        return await self.bell.until(lambda: self.callback, f"the acknowledgement of {self}")

    async def reply(self) -> ShownMessage:
        """Wait for the response: the message that was sent or edited, no longer loading."""

        def look() -> ShownMessage | None:
            return self.original if self.is_replied else None

        return await self.bell.until(look, f"the reply to {self}")

    async def followup(self, index: int = 0) -> ShownMessage:
        """Wait for a follow-up message."""

        def look() -> ShownMessage | None:
            return self.followups[index] if len(self.followups) > index else None

        return await self.bell.until(look, f"follow-up {index} of {self}")

    async def choices(self) -> list[Payload]:
        """Wait for what an autocompletion offers."""
        return list((await self.acknowledged()).data["choices"])

    async def modal(self) -> Payload:
        """Wait for the form that is shown."""
        acknowledgement = await self.acknowledged()
        assert acknowledgement.type == SHOW_MODAL, f"{self} was answered with {acknowledgement}"
        return acknowledgement.data

    async def deleted(self) -> None:
        """Wait until the response is gone."""

        def look() -> bool | None:
            return True if self.original is not None and self.original.is_deleted else None

        await self.bell.until(look, f"the deletion of the reply to {self}")

    def replied(self) -> None:
        self.is_replied = True
        self.bell.ring()

    def __str__(self) -> str:
        data = self.event.data.get("data", {})
        return f"{self.person.name}'s interaction {data.get('name') or data.get('custom_id')}"


class HandleBook:
    """All interactions, found by id and by token as Discord finds them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._by_id: dict[int, Handle] = {}
        self._by_token: dict[str, Handle] = {}

    def add(self, handle: Handle) -> None:
        self._by_id[handle.id] = self._by_token[handle.token] = handle

    def to_acknowledge(self, interaction_id: int, token: str) -> Handle:
        """Find an interaction that may be acknowledged.

        Raises:
            Refusal: where it is unknown, acknowledged, or older than 3 s.
        """
        handle = self._by_id.get(interaction_id)
        if handle is None or handle.token != token:
            raise Refusal(404, 10062, "Unknown interaction", rule="interaction_known")
        if handle.callback is not None:
            message = "Interaction has already been acknowledged."
            raise Refusal(400, 40060, message, rule="acknowledged_once")
        if self.clock() - handle.sent_at > ACKNOWLEDGE_S:
            raise Refusal(404, 10062, "Unknown interaction", rule="acknowledged_in_time")
        return handle

    def of_token(self, token: str) -> Handle:
        """Find an acknowledged interaction whose token lives.

        Raises:
            Refusal: 404 where it is unknown or not acknowledged, 401 after 15 minutes.
        """
        handle = self._by_token.get(token)
        if handle is None or handle.callback is None:
            raise Refusal(404, 10015, "Unknown Webhook", rule="token_known")
        if self.clock() - handle.sent_at > TOKEN_S:
            raise Refusal(401, 50027, "Invalid Webhook Token", rule="token_alive")
        return handle


def metadata(handle: Handle) -> Payload:
    """Describe the interaction in the messages that answer it."""
    data: Any = handle.event.data
    described: Payload = {
        "id": str(handle.id),
        "type": handle.type,
        "user": data["member"]["user"] if "member" in data else data["user"],
        "authorizing_integration_owners": data["authorizing_integration_owners"],
    }
    if handle.type == COMPONENT and handle.source is not None:
        described["interacted_message_id"] = str(handle.source.id)
    if "target_id" in data.get("data", {}):
        described["target_message_id"] = data["data"]["target_id"]
    if handle.type == MODAL:
        described["triggering_interaction_metadata"] = described | {"type": COMMAND}
    return described
