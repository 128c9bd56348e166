"""What a bot tells Prometheus: how often what happened, and how long it took. Never who or what was said."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


class BotMetrics:
    """Counters and histograms of one bot, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter(
            "repartee_bot_events",
            "What people did, by surface and how it ended.",
            ["surface", "outcome"],
            registry=self.registry,
        )
        self._stages = Histogram(
            "repartee_bot_stage_seconds",
            "From the event to the end of a stage.",
            ["surface", "stage"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )

    def count(self, surface: str, outcome: str) -> None:
        """Count an event."""
        self._events.labels(surface, outcome).inc()

    @contextlib.contextmanager
    def timed(self, surface: str, stage: str) -> Iterator[None]:
        """Time a stage, whether it ends well or not."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._stages.labels(surface, stage).observe(time.perf_counter() - start)
