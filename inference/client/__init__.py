"""How an adapter asks for reactions: in its own process or over Redis, behind one protocol."""

from inference.client._local import LocalService
from inference.client._remote import RedisService
from inference.client._service import MAX_TIMEOUT_S, ReactionService

__all__ = ["MAX_TIMEOUT_S", "LocalService", "ReactionService", "RedisService"]
