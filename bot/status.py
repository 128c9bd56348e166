"""How a channel is set up and what was done there today, in sentences for those who run it."""

from __future__ import annotations

from bot import messages
from bot.memory import Memory
from bot.schedule import describe_channel

COUNTS = ("posted", "would", "unsure", "held")


async def status_of(memory: Memory, channel: str, named: str, guild: str) -> str:
    """Describe a channel.

    Args:
        memory: of the platform.
        channel: its id.
        named: how it is mentioned there.
        guild: its server or workspace.
    """
    everywhere, here = await memory.guild(guild), await memory.channel(channel)
    switch = "on" if everywhere.is_automatic else "off"
    day = memory.now_in(everywhere).date().isoformat()
    counts = {kind: await memory.counted(kind, channel, day) for kind in COUNTS}
    return "\n".join(
        (
            describe_channel(named, here, everywhere),
            messages.SERVER_SETTINGS.format(switch=switch, timezone=everywhere.timezone),
            messages.TODAY.format(**counts),
        )
    )
