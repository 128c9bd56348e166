"""The page: try messages, look after the packs, add GIFs; and the same as an interface for programs."""

from bot.web._app import Web
from bot.web._gate import Gate
from bot.web._guard import Hosts

__all__ = ["Gate", "Hosts", "Web"]
