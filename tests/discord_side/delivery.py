"""What the bot is told over the gateway of messages and reactions, and how much of them it may read."""

from __future__ import annotations

from tests.discord_side import payloads
from tests.discord_side.bell import Bell
from tests.discord_side.contract import Payload
from tests.discord_side.gateway import Gateway
from tests.discord_side.handles import Event
from tests.discord_side.messages import ShownMessage
from tests.discord_side.world import Channel, Intent, Permission, Person, World

UNREADABLE: Payload = {"content": "", "embeds": [], "attachments": [], "components": []}


class Delivery:
    """Sends events as far as the bot's intents and permissions reach; rings when anything happened."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self._world, self._gateway = world, gateway
        self.bell = Bell()

    def readable(self, message: ShownMessage) -> Payload:
        """Describe a message to the bot: empty where it lacks the message content intent."""
        described = message.payload()
        if message.reference is not None and not message.reference.is_deleted:
            described["referenced_message"] = self.readable(message.reference)
        return described if self._may_read(message) else described | UNREADABLE

    def created(self, message: ShownMessage) -> Event:
        return self._message("MESSAGE_CREATE", message)

    def updated(self, message: ShownMessage) -> None:
        self._message("MESSAGE_UPDATE", message)

    def deleted(self, message: ShownMessage) -> None:
        message.is_deleted = True
        data = {"id": str(message.id), "channel_id": str(message.channel.id), **_guild_id(message.channel)}
        self.send(Event("MESSAGE_DELETE", data, _number(message.channel)), message.channel, message)

    def reacted(self, message: ShownMessage, person: Person, emoji: str, *, is_added: bool) -> None:
        """Add or remove a reaction."""
        people = message.reactions.setdefault(emoji, set())
        (people.add if is_added else people.discard)(person.id)
        data: Payload = {
            "user_id": str(person.id),
            "channel_id": str(message.channel.id),
            "message_id": str(message.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
            **_guild_id(message.channel),
        }
        if is_added:
            data["message_author_id"] = str(message.author.id)
            if message.channel.guild is not None:
                data["member"] = payloads.full_member(person, message.channel.guild)
        name = "MESSAGE_REACTION_ADD" if is_added else "MESSAGE_REACTION_REMOVE"
        event = Event(name, data, _number(message.channel))
        intents = Intent.GUILD_MESSAGE_REACTIONS, Intent.DIRECT_MESSAGE_REACTIONS
        self.send(event, message.channel, message, intents)

    def send(
        self,
        event: Event,
        channel: Channel,
        message: ShownMessage | None = None,
        intents: tuple[Intent, Intent] = (Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES),
    ) -> None:
        """Send an event of a channel, if the bot may look there and asked for it (in servers, in DMs)."""
        is_private = message is not None and message.is_ephemeral
        if channel.bot_may(Permission.VIEW_CHANNEL) and not is_private:
            needed = intents[0] if channel.guild is not None else intents[1]
            self._gateway.dispatch(event.name, event.data, event.guild_id, needed)
        self.bell.ring()

    def _message(self, name: str, message: ShownMessage) -> Event:
        data = self.readable(message) | _guild_id(message.channel)
        if message.channel.guild is not None:
            data["member"] = payloads.member(message.author, message.channel.guild)
        event = Event(name, data, _number(message.channel))
        self.send(event, message.channel, message)
        return event

    def _may_read(self, message: ShownMessage) -> bool:
        is_direct = message.channel.guild is None
        is_for_bot = self._world.bot in {message.author, *message.mentions}
        return is_direct or is_for_bot or self._gateway.sees_content


def _number(channel: Channel) -> int | None:
    return None if channel.guild is None else channel.guild.id


def _guild_id(channel: Channel) -> Payload:
    return {} if channel.guild is None else {"guild_id": str(channel.guild.id)}
