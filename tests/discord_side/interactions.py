"""Building interactions as the gateway carries them."""

from __future__ import annotations

from tests.discord_side import payloads
from tests.discord_side.contract import Payload
from tests.discord_side.handles import Event, Handle
from tests.discord_side.messages import ShownMessage
from tests.discord_side.state import State
from tests.discord_side.world import Channel, Person


def make_handle(
    state: State,
    kind: int,
    person: Person,
    channel: Channel,
    data: Payload,
    *,
    install: str = "guild",
    source: ShownMessage | None = None,
) -> Handle:
    """Make an interaction of a person in a channel, not yet sent."""
    number = state.world.snowflake()
    payload = {
        "id": str(number),
        "application_id": str(state.world.application_id),
        "type": kind,
        "token": f"token-{number}",
        "version": 1,
        "data": data,
        "locale": person.locale,
        "context": channel.context,
        "entitlements": [],
        "attachment_size_limit": state.limits.attachment_bytes,
        "authorizing_integration_owners": _owners(person, channel, install),
        **_place(state, person, channel),
        **({} if source is None else {"message": source.payload()}),
    }
    guild_id = channel.guild.id if channel.guild is not None and channel.has_bot else None
    handle = Handle(
        id=number,
        token=f"token-{number}",
        type=kind,
        person=person,
        channel=channel,
        event=Event("INTERACTION_CREATE", payload, guild_id),
        sent_at=state.handles.clock(),
        is_user_install=install == "user",
        source=source,
    )
    state.handles.add(handle)
    return handle


def _owners(person: Person, channel: Channel, install: str) -> dict[str, str]:
    """Say for whom the app is installed; key 0 is a server (0 in the bot's DM), key 1 a user."""
    if install == "user":
        return {"1": str(person.id)}
    return {"0": "0" if channel.guild is None else str(channel.guild.id)}


def _place(state: State, person: Person, channel: Channel) -> Payload:
    described = payloads.channel(channel, state.world.bot) | {"permissions": str(int(person.permissions))}
    place: Payload = {
        "channel": described,
        "channel_id": str(channel.id),
        "app_permissions": str(int(channel.home.bot_permissions)),
    }
    if channel.guild is None:
        return place | {"user": payloads.user(person)}
    permissions = {"permissions": str(int(person.permissions))}
    return place | {
        "guild_id": str(channel.guild.id),
        "guild_locale": channel.guild.locale,
        "guild": {"id": str(channel.guild.id), "locale": channel.guild.locale, "features": []},
        "member": payloads.full_member(person, channel.guild) | permissions,
    }
