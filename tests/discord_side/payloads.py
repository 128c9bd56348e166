"""Discord's JSON for users, members, servers and channels."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.discord_side.contract import Payload
from tests.discord_side.world import MEMBER, MODERATOR, Channel, Guild, Permission, Person, World

JOINED = "2026-01-02T03:04:05+00:00"


def now() -> str:
    return datetime.now(UTC).isoformat()


def user(person: Person) -> Payload:
    return {
        "id": str(person.id),
        "username": person.name,
        "global_name": None if person.is_bot else person.name.title(),
        "discriminator": "0000" if person.is_bot else "0",
        "avatar": None,
        "bot": person.is_bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
        "avatar_decoration_data": None,
        "collectibles": None,
    }


def own_user(bot: Person) -> Payload:
    return user(bot) | {"mfa_enabled": True, "locale": "en-US", "verified": True, "email": None}


def application(world: World) -> Payload:
    """Describe the application, as GET /applications/@me does."""
    return {
        "id": str(world.application_id),
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "integration_types_config": {"0": {}, "1": {}},
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "max_participants": None,
        "tags": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(world.people["moderator"]),
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 1,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "rpc_origins": [],
        "summary": "",
        "hook": True,
        "is_monetized": False,
        "storefront_available": False,
    }


def member(person: Person, guild: Guild) -> Payload:
    """Describe a member without the user, as messages carry it."""
    is_moderator = not person.is_bot and bool(person.permissions & ~MEMBER)
    return {
        "avatar": None,
        "banner": None,
        "collectibles": None,
        "avatar_decoration_data": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": JOINED,
        "nick": None,
        "pending": False,
        "premium_since": None,
        "roles": [str(guild.moderator_role_id)] if is_moderator else [],
        "mute": False,
        "deaf": False,
    }


def full_member(person: Person, guild: Guild) -> Payload:
    return member(person, guild) | {"user": user(person)}


def role(role_id: int, name: str, permissions: int, position: int) -> Payload:
    return {
        "id": str(role_id),
        "name": name,
        "permissions": str(int(permissions)),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
        "description": None,
    }


def overwrites(channel: Channel, bot: Person) -> list[Payload]:
    """Say with a member overwrite what the bot is allowed more or less than everyone."""
    may = channel.bot_permissions
    if may == MEMBER:
        return []
    allow, deny = may & ~MEMBER, MEMBER & ~may
    return [{"id": str(bot.id), "type": 1, "allow": str(int(allow)), "deny": str(int(deny))}]


def channel(place: Channel, bot: Person) -> Payload:
    """Describe a channel, as GET /channels/{id} does."""
    common: Payload = {"id": str(place.id), "type": place.type, "last_message_id": None, "flags": 0}
    if place.guild is None:
        return common | {"recipients": [user(person) for person in place.recipients]}
    if place.parent is not None and place.owner is not None:
        return common | _thread(place, place.parent, place.guild, place.owner)
    return common | {
        "guild_id": str(place.guild.id),
        "name": place.name,
        "parent_id": None,
        "position": place.guild.channels.index(place),
        "permission_overwrites": overwrites(place, bot),
        "topic": None,
        "nsfw": place.is_nsfw,
        "rate_limit_per_user": 0,
    }


def _thread(thread: Channel, parent: Channel, server: Guild, owner: Person) -> Payload:
    """Say what a thread has of its own: no position, overwrites or age limit; the bot has not joined it."""
    return {
        "guild_id": str(server.id),
        "name": thread.name,
        "parent_id": str(parent.id),
        "owner_id": str(owner.id),
        "rate_limit_per_user": 0,
        "message_count": 0,
        "member_count": 1,
        "total_message_sent": 0,
        "thread_metadata": {
            "archived": False,
            "archive_timestamp": JOINED,
            "auto_archive_duration": 4320,
            "locked": False,
            "create_timestamp": JOINED,
        },
    }


def guild(server: Guild, bot: Person, *, with_members: bool) -> Payload:
    """Describe a server, as GUILD_CREATE does; without the members intent the bot sees itself only."""
    seen = server.members if with_members else [bot]
    threads = [each for each in server.threads if each.bot_may(Permission.VIEW_CHANNEL)]
    return {
        "id": str(server.id),
        "name": server.name,
        "unavailable": False,
        "joined_at": JOINED,
        "large": False,
        "member_count": len(server.members),
        "owner_id": str(server.id + 2),  # none of the people: an owner may do everything
        "preferred_locale": server.locale,
        "roles": [
            role(server.id, "@everyone", MEMBER, 0),
            role(server.moderator_role_id, "moderators", MODERATOR, 1),
        ],
        "channels": [_without_guild(channel(each, bot)) for each in server.channels],
        "threads": [channel(each, bot) for each in threads],
        "members": [full_member(person, server) for person in seen],
        "features": [],
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "nsfw": False,
        "premium_tier": 0,
        "premium_progress_bar_enabled": False,
        "system_channel_flags": 0,
        "afk_timeout": 300,
        **{name: None for name in ("icon", "banner", "splash", "description", "system_channel_id")},
        **{name: [] for name in ("emojis", "stickers", "voice_states", "presences")},
        **{name: [] for name in ("stage_instances", "guild_scheduled_events", "soundboard_sounds")},
    }


def _without_guild(described: Payload) -> Payload:
    return {key: value for key, value in described.items() if key != "guild_id"}
