"""The adapter for assistants: what the bot can do, as tools of the Model Context Protocol."""

from bot.mcp._server import make_server

__all__ = ["make_server"]
