"""The adapter for Discord: what happens there goes to the reactor, what the reactor picks goes there."""

from bot.discord._bot import DiscordBot

__all__ = ["DiscordBot"]
