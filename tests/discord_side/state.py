"""All that the routes and the people of the stand-in share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.discord_side.commands import CommandBook
from tests.discord_side.delivery import Delivery
from tests.discord_side.errors import Refusal, missing_access, unknown_message
from tests.discord_side.gateway import Gateway
from tests.discord_side.handles import HandleBook
from tests.discord_side.messages import MessageBook, ShownMessage
from tests.discord_side.rules import Limits
from tests.discord_side.world import Channel, Permission, World


@dataclass
class State:
    """The world, its messages, and the wires to the bot."""

    world: World
    gateway: Gateway
    delivery: Delivery
    book: MessageBook
    handles: HandleBook
    commands: CommandBook
    shards: int
    limits: Limits = field(default_factory=Limits)

    def channel(self, channel_id: int) -> Channel:
        """Find a channel that the bot may look into.

        Raises:
            Refusal: 404 where there is none, 403 where the bot has no access.
        """
        channel = self.world.channels.get(channel_id)
        if channel is None:
            raise Refusal(404, 10003, "Unknown Channel")
        if not channel.bot_may(Permission.VIEW_CHANNEL):
            raise missing_access()
        return channel

    def message(self, channel: Channel, message_id: int) -> ShownMessage:
        """Find a message that everybody in a channel sees.

        Raises:
            Refusal: 404.
        """
        message = self.book.get(message_id)
        if message is None or message.channel is not channel or message.is_ephemeral:
            raise unknown_message()
        return message


def make_state(
    world: World, gateway: Gateway, cdn_url: str, clock: Callable[[], float], shards: int
) -> State:
    delivery, book = Delivery(world, gateway), MessageBook(world, cdn_url)
    return State(world, gateway, delivery, book, HandleBook(clock), CommandBook(world), shards)
