"""Where the bots keep settings and counters: Redis, or an SQLite file where there is no Redis."""

from bot.store._protocol import Store
from bot.store._redis import RedisStore
from bot.store._sqlite import SqliteStore

__all__ = ["RedisStore", "SqliteStore", "Store"]
