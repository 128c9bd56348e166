"""What the bots remember, by its meaning; the store below knows only keys. Message text is no part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from bot import feedback
from bot.records import Ban, ChannelSettings, GuildSettings, Post, Preview
from bot.store import Store

PREVIEW_LIFE_S = 15 * 60.0  # as long as a chat platform lets a preview be changed
POST_LIFE_S = 7 * 86_400.0
EVENT_LIFE_S = 900.0
RECENT_LIFE_S = 7 * 86_400.0
DAY_LIFE_S = 2 * 86_400.0
MINUTE_S = 60.0
RECENT = 20

Clock = Callable[[], datetime]
Record = TypeVar("Record", bound=msgspec.Struct)


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class Memory:
    """Settings, counters and short-lived records of one chat platform."""

    def __init__(self, store: Store, platform: str, *, recent: int = RECENT, clock: Clock = utc_now) -> None:
        self._store = store
        self._platform = platform
        self._recent = recent
        self.clock = clock

    def scope(self, guild: str) -> str:
        """Return what the own packs of a server go by, empty where there is none."""
        return f"{self._platform}:{guild}" if guild else ""

    async def channel(self, channel: str) -> ChannelSettings:
        """Return the settings of a channel."""
        return await self._read(ChannelSettings, "channel", channel) or ChannelSettings()

    async def set_channel(self, channel: str, settings: ChannelSettings) -> None:
        """Change the settings of a channel."""
        await self._write("channel", channel, settings)

    async def guild(self, guild: str) -> GuildSettings:
        """Return the settings of a server."""
        return await self._read(GuildSettings, "guild", guild) or GuildSettings()

    async def set_guild(self, guild: str, settings: GuildSettings) -> None:
        """Change the settings of a server."""
        await self._write("guild", guild, settings)

    def now_in(self, guild: GuildSettings) -> datetime:
        """Return the present time of a server, whose days and quiet hours go by it."""
        return self.clock().astimezone(ZoneInfo(guild.timezone))

    async def preview(self, name: str) -> Preview | None:
        """Return a preview while it lives."""
        return await self._read(Preview, "preview", name)

    async def keep_preview(self, preview: Preview) -> None:
        """Keep a preview, or a changed one, for as long as it can be used."""
        await self._write("preview", preview.id, preview, life_s=PREVIEW_LIFE_S)

    async def drop_preview(self, name: str) -> None:
        """Forget a preview."""
        await self._store.drop(self._key("preview", name))

    async def post(self, message: str) -> Post | None:
        """Return what a message of the bot shows, for a week."""
        return await self._read(Post, "post", message)

    async def keep_post(self, message: str, channel: str, post: Post) -> None:
        """Remember what a message shows, and that its channel has seen it."""
        await asyncio.gather(
            self._write("post", message, post, life_s=POST_LIFE_S), self.remember(channel, post.gif)
        )

    async def recent(self, channel: str) -> list[str]:
        """Return the ids of the GIFs that a channel has seen last."""
        return await self._store.newest(self._key("recent", channel))

    async def remember(self, channel: str, gif: str) -> None:
        """Note that a channel has seen a GIF."""
        key = self._key("recent", channel)
        if self._recent:
            await self._store.push(key, gif, keep=self._recent, life_s=RECENT_LIFE_S)

    async def bans(self, guild: str) -> list[Ban]:
        """Return what a server never wants to see again, the newest first."""
        found = (await self._store.fields(self._key("bans", guild))).values()
        return sorted((msgspec.msgpack.decode(ban, type=Ban) for ban in found), key=lambda ban: -ban.at)

    async def ban(self, guild: str, name: str, fingerprint: str) -> None:
        """Never show a GIF on a server again."""
        ban = Ban(fingerprint=fingerprint, name=name, at=int(self.clock().timestamp()))
        await self._store.put_field(self._key("bans", guild), ban.key, msgspec.msgpack.encode(ban))

    async def allow(self, guild: str, key: str) -> bool:
        """Take a ban back; whether there was one."""
        return await self._store.drop_fields(self._key("bans", guild), key) > 0

    async def vote(self, guild: str, gif: str, amount: float) -> None:
        """Count a vote for a GIF on a server, or against it where `amount` is negative."""
        field = feedback.field_of(gif, amount, self.clock())
        await self._store.add(self._key("votes", guild), field, abs(amount))

    async def take_back(self, guild: str, gif: str, amount: float) -> None:
        """Take back a vote that was counted before."""
        field = feedback.field_of(gif, amount, self.clock())
        await self._store.add(self._key("votes", guild), field, -abs(amount))

    async def shifts(self, guild: str) -> dict[str, float]:
        """Return how far the votes of a server shift each GIF."""
        key, now = self._key("votes", guild), self.clock()
        counters = {field: float(value) for field, value in (await self._store.fields(key)).items()}
        await self._store.drop_fields(key, *feedback.forgotten(counters, now))
        return feedback.shifts(counters, now)

    async def tallies(self, guild: str) -> dict[str, feedback.Tally]:
        """Count the votes of a server by GIF, old ones as much as new ones."""
        counters = await self._store.fields(self._key("votes", guild))
        return feedback.counted({field: float(value) for field, value in counters.items()}, self.clock())

    async def voting_guilds(self) -> list[str]:
        """List the servers that have voted on a GIF."""
        return await self._store.names(self._key("votes", ""))

    async def note_voter(self, message: str, voter: str) -> bool:
        """Note that somebody voted on a post; False where that was noted before."""
        return await self._store.claim(self._key("voter", f"{message}:{voter}"), life_s=POST_LIFE_S)

    async def drop_voter(self, message: str, voter: str) -> bool:
        """Forget that somebody voted on a post; whether it was noted."""
        return await self._store.drop(self._key("voter", f"{message}:{voter}"))

    async def count_question(self, channel: str, person: str) -> int:
        """Count a question of a person in a channel; how many there were within a minute."""
        return await self._store.increase(self._key("asks", f"{channel}:{person}"), life_s=MINUTE_S)

    async def has_opted_out(self, person: str) -> bool:
        """Whether a person does not want to be reacted to."""
        return await self._store.has_field(self._key("people", "out"), person)

    async def opt_out(self, person: str) -> None:
        """Leave a person alone from now on."""
        await self._store.put_field(self._key("people", "out"), person, b"1")

    async def forget(self, person: str) -> bool:
        """Remove a person's settings; whether there were any."""
        return await self._store.drop_fields(self._key("people", "out"), person) > 0

    async def is_first(self, event: str) -> bool:
        """Whether an event is delivered for the first time, to any of the bots."""
        return await self._store.claim(self._key("event", event), life_s=EVENT_LIFE_S)

    async def claim(self, what: str) -> bool:
        """Whether nobody has done this before; `release` where it failed after all."""
        return await self._store.claim(self._key("done", what), life_s=PREVIEW_LIFE_S)

    async def release(self, what: str) -> None:
        """Let what was claimed be done after all."""
        await self._store.drop(self._key("done", what))

    async def is_cooling_down(self, channel: str) -> bool:
        """Whether an automatic GIF came to a channel a short while ago."""
        return await self._store.get(self._key("cool", channel)) is not None

    async def cool_down(self, channel: str, seconds: float) -> bool:
        """Begin a cool-down; False where one is on already."""
        return seconds <= 0 or await self._store.claim(self._key("cool", channel), life_s=seconds)

    async def count(self, what: str, channel: str, day: str, by: int = 1) -> int:
        """Count one more of a day, and return the new count."""
        return await self._store.increase(self._key(f"day:{what}:{day}", channel), life_s=DAY_LIFE_S, by=by)

    async def warm_up(self, channel: str) -> None:
        """End the cool-down of a channel."""
        await self._store.drop(self._key("cool", channel))

    async def counted(self, what: str, channel: str, day: str) -> int:
        """Return what was counted on a day."""
        return int(await self._store.get(self._key(f"day:{what}:{day}", channel)) or 0)

    async def note(self, name: str) -> str:
        """Return a note that the adapter made, empty where there is none."""
        return (await self._store.get(self._key("note", name)) or b"").decode()

    async def make_note(self, name: str, text: str) -> None:
        """Keep a note of the adapter's own, such as which commands it has registered."""
        await self._store.put(self._key("note", name), text.encode())

    async def drop_note(self, name: str) -> None:
        """Forget a note of the adapter's own."""
        await self._store.drop(self._key("note", name))

    def _key(self, kind: str, name: str) -> str:
        return f"{self._platform}:{kind}:{name}"

    async def _read(self, kind: type[Record], name: str, key: str) -> Record | None:
        raw = await self._store.get(self._key(name, key))
        return None if raw is None else msgspec.msgpack.decode(raw, type=kind)

    async def _write(self, name: str, key: str, record: msgspec.Struct, life_s: float | None = None) -> None:
        await self._store.put(self._key(name, key), msgspec.msgpack.encode(record), life_s=life_s)
