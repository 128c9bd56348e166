"""The commands that the bot has registered, and what a client lets a person do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.discord_side import payloads
from tests.discord_side.contract import Payload
from tests.discord_side.messages import MessageBook, Upload
from tests.discord_side.world import Channel, Permission, Person, World

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, NUMBER, ATTACHMENT = 3, 4, 5, 6, 7, 10, 11
PYTHON_TYPES: dict[int, tuple[type, ...]] = {
    STRING: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    USER: (Person,),
    CHANNEL: (Channel,),
    NUMBER: (int, float),
    ATTACHMENT: (Upload,),
}
Value = str | int | float | bool | Person | Channel | Upload


class NotOffered(AssertionError):
    """Discord's client would not let the person do this: no such command, option, value or permission."""


class CommandBook:
    """Registered commands, global ones and those of a server."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands: dict[int | None, list[Payload]] = {}

    @property
    def all(self) -> list[Payload]:
        return [command for commands in self._commands.values() for command in commands]

    def put(self, bodies: Sequence[Payload], guild_id: int | None = None) -> list[Payload]:
        """Replace the commands of a scope, as the bulk overwrite does."""
        self._commands[guild_id] = [self._registered(body, guild_id) for body in bodies]
        return self._commands[guild_id]

    def of_scope(self, guild_id: int | None) -> list[Payload]:
        return self._commands.get(guild_id, [])

    def find(self, name: str, kind: int, person: Person, channel: Channel, install: str) -> Payload:
        """Find a command that a client shows to a person in a channel.

        Raises:
            NotOffered: with the reason.
        """
        scopes = [None, *([channel.guild.id] if channel.guild else [])]
        known = [each for scope in scopes for each in self.of_scope(scope) if each["type"] == kind]
        command = next((each for each in known if each["name"] == name), None)
        if command is None:
            raise NotOffered(f"no command {name!r}; there is {sorted(each['name'] for each in known)}")
        for reason in _obstacles(command, person, channel, install):
            raise NotOffered(f"{name!r} is not shown to {person.name}: {reason}")
        return command

    def _registered(self, body: Payload, guild_id: int | None) -> Payload:
        permissions = body.get("default_member_permissions")
        scope = {} if guild_id is None else {"guild_id": str(guild_id)}
        optional = {key: body[key] for key in ("options", "contexts") if body.get(key) is not None}
        return {
            "id": str(self._world.snowflake()),
            "application_id": str(self._world.application_id),
            "version": str(self._world.snowflake()),
            "type": body.get("type") or SLASH,
            "name": body["name"],
            "name_localizations": body.get("name_localizations"),
            "description": body.get("description") or "",
            "description_localizations": body.get("description_localizations"),
            "default_member_permissions": None if permissions is None else str(permissions),
            "dm_permission": True,
            "contexts": None,
            "integration_types": body.get("integration_types") or [0],
            "nsfw": bool(body.get("nsfw")),
            **optional,
            **scope,
        }


def _obstacles(command: Payload, person: Person, channel: Channel, install: str) -> list[str]:
    obstacles = []
    if {"guild": 0, "user": 1}[install] not in command["integration_types"]:
        obstacles.append(f"it cannot be installed for a {install}")
    if command["contexts"] is not None and channel.context not in command["contexts"]:
        obstacles.append(f"it is not for context {channel.context}")
    needed = int(command["default_member_permissions"] or 0)
    is_admin = person.permissions & Permission.ADMINISTRATOR
    if channel.guild is not None and needed & ~person.permissions and not is_admin:
        obstacles.append(f"it needs permissions {needed}")
    if command["nsfw"] and not channel.home.is_nsfw:
        obstacles.append("it is for age-restricted channels")
    return obstacles


def leaf(command: Payload, path: Sequence[str]) -> Payload:
    """Find a subcommand by its names after the command's.

    Raises:
        NotOffered: where there is none, or the path stops at a group.
    """
    node = command
    for name in path:
        found = [each for each in node.get("options", []) if each["name"] == name and each["type"] <= GROUP]
        if not found:
            raise NotOffered(f"{node['name']!r} has no subcommand {name!r}")
        node = found[0]
    if any(option["type"] <= GROUP for option in node.get("options", [])):
        raise NotOffered(f"{node['name']!r} is a group of subcommands")
    return node


def nested(command: Payload, path: Sequence[str], options: list[Payload]) -> list[Payload]:
    """Wrap a subcommand's options in its names, as the interaction carries them."""
    for depth in range(len(path), 0, -1):
        kind = leaf_type(command, path[:depth])
        options = [{"name": path[depth - 1], "type": kind, "options": options}]
    return options


def leaf_type(command: Payload, path: Sequence[str]) -> int:
    node = command
    for name in path:
        node = next(each for each in node["options"] if each["name"] == name)
    return int(node["type"])


class Form:
    """A slash command's options as a client fills them in and checks them."""

    def __init__(self, declared: Payload, book: MessageBook, channel: Channel, bot: Person) -> None:
        self._options: dict[str, Payload] = {each["name"]: each for each in declared.get("options", [])}
        self._book, self._channel, self._bot = book, channel, bot
        self.resolved: dict[str, Payload] = {}

    def fill(self, values: Mapping[str, Value], focused: str | None = None) -> list[Payload]:
        """Check values and turn them into the interaction's options.

        Raises:
            NotOffered: for an unknown, missing or unacceptable one.
        """
        unknown = set(values) - set(self._options)
        missing = {name for name, option in self._options.items() if option.get("required")} - set(values)
        if unknown or (missing and focused is None):
            raise NotOffered(f"options that do not exist: {unknown}; that are missing: {missing}")
        return [self._filled(self._options[name], value, name == focused) for name, value in values.items()]

    def _filled(self, option: Payload, value: Value, is_focused: bool) -> Payload:
        filled = {"name": option["name"], "type": option["type"]}
        if is_focused:
            return filled | {"value": value, "focused": True}
        self._check(option, value)
        return filled | {"value": self._wire_value(option, value)}

    def _check(self, option: Payload, value: Value) -> None:
        name = option["name"]
        if not isinstance(value, PYTHON_TYPES.get(option["type"], (object,))):
            raise NotOffered(f"{name} is of type {option['type']}, not {value!r}")
        size: Any = len(value) if isinstance(value, str) else value
        kind = "length" if isinstance(value, str) else "value"
        low, high = option.get(f"min_{kind}"), option.get(f"max_{kind}")
        if (low is not None and size < low) or (high is not None and size > high):
            raise NotOffered(f"{name} must be between {low} and {high}, not {size}")

    def _wire_value(self, option: Payload, value: Value) -> Any:
        if isinstance(value, Person):
            return self._resolve_person(value)
        if isinstance(value, Channel):
            may = {"permissions": str(int(value.home.bot_permissions))}
            return self._resolve("channels", value.id, payloads.channel(value, self._bot) | may)
        if isinstance(value, Upload):
            stored = self._book.store(value, self._channel.id)
            return self._resolve("attachments", stored.id, stored.attachment(is_ephemeral=True))
        return _chosen(option, value)

    def _resolve_person(self, person: Person) -> str:
        if self._channel.guild is not None:
            described = payloads.member(person, self._channel.guild)
            self._resolve("members", person.id, described | {"permissions": str(int(person.permissions))})
        return self._resolve("users", person.id, payloads.user(person))

    def _resolve(self, kind: str, number: int, described: Payload) -> str:
        self.resolved.setdefault(kind, {})[str(number)] = described
        return str(number)


def _chosen(option: Payload, value: Any) -> Any:
    """Take a choice by its name or its value."""
    choices = option.get("choices")
    if not choices:
        return value
    for choice in choices:
        if value in (choice["name"], choice["value"]):
            return choice["value"]
    raise NotOffered(f"{option['name']} is one of {[choice['name'] for choice in choices]}, not {value!r}")
