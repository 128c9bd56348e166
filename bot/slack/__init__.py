"""The adapter for Slack: what happens there goes to the reactor, what the reactor picks goes there."""

from bot.slack._app import SlackBot

__all__ = ["SlackBot"]
