"""The command line: `repartee react`, `eval` and `index`."""

from bot.cli._app import app, main

__all__ = ["app", "main"]
