"""The worker: requests out of a Redis stream, through the model in batches, replies to each client."""

from inference.worker._cache import CacheConfig, ResultCache
from inference.worker._config import WorkerConfig
from inference.worker._metrics import WorkerMetrics
from inference.worker._queue import RequestQueue
from inference.worker._swap import Swapper, describe
from inference.worker._worker import StuckError, Worker

__all__ = [
    "CacheConfig",
    "RequestQueue",
    "ResultCache",
    "StuckError",
    "Swapper",
    "Worker",
    "WorkerConfig",
    "WorkerMetrics",
    "describe",
]
