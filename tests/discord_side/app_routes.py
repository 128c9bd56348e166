"""Logging in, the application and its commands, members, direct messages."""

from __future__ import annotations

from tests.discord_side import payloads
from tests.discord_side.calls import Call
from tests.discord_side.contract import Payload
from tests.discord_side.errors import Refusal, missing_access
from tests.discord_side.routing import Router
from tests.discord_side.state import State
from tests.discord_side.world import Person

COMMANDS = "/applications/{application_id}/commands"
GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"


class AppRoutes:
    """What does not concern messages."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_to(self, router: Router) -> None:
        router.add("GET", "/gateway/bot", self.gateway)
        router.add("GET", "/users/@me", self.me)
        router.add("GET", "/applications/@me", self.application)
        router.add("GET", "/oauth2/applications/@me", self.application)
        router.add("GET", "/guilds/{guild_id}/members/{user_id}", self.member)
        router.add("POST", "/users/@me/channels", self.open_dm)
        for template in (COMMANDS, GUILD_COMMANDS):
            router.add("GET", template, self.commands)
            router.add("PUT", template, self.put_commands)

    def gateway(self, call: Call) -> Payload:
        limits = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 16}
        return {
            "url": self._state.gateway.url,
            "shards": self._state.shards,
            "session_start_limit": limits,
        }

    def me(self, call: Call) -> Payload:
        return payloads.own_user(self._state.world.bot)

    def application(self, call: Call) -> Payload:
        return payloads.application(self._state.world)

    def member(self, call: Call) -> Payload:
        guild = self._state.world.guilds.get(call.id("guild_id"))
        if guild is None or not guild.has_bot:
            raise missing_access() if guild else Refusal(404, 10004, "Unknown Guild")
        for person in guild.members:
            if person.id == call.id("user_id"):
                return payloads.full_member(person, guild)
        raise Refusal(404, 10007, "Unknown Member")

    def open_dm(self, call: Call) -> Payload:
        person = self._person(int(call.json.get("recipient_id") or 0))
        return payloads.channel(self._state.world.dms[person.name], self._state.world.bot)

    def commands(self, call: Call) -> list[Payload]:
        return self._state.commands.of_scope(self._scope(call))

    def put_commands(self, call: Call) -> list[Payload]:
        registered = self._state.commands.put(call.body, self._scope(call))
        self._state.delivery.bell.ring()
        return registered

    def _scope(self, call: Call) -> int | None:
        if call.id("application_id") != self._state.world.application_id:
            raise Refusal(403, 20012, "You are not authorized to perform this action on this application")
        return call.id("guild_id") if "guild_id" in call.values else None

    def _person(self, number: int) -> Person:
        for person in self._state.world.people.values():
            if person.id == number:
                return person
        raise Refusal(400, 50033, "Invalid Recipient(s)")
