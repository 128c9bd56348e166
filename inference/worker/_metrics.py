"""What a worker counts and times, for Prometheus. Nothing of a message is ever a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

STAGES = ("queue", "prepare", "infer", "finish", "reply")
OUTCOMES = ("answered", "duplicates", "before", "late")  # in the order of the queue's tally
SECONDS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.0, 5.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class WorkerMetrics:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.queue_depth = self._gauge("queue_depth", "Requests in the stream, those in work included.")
        self.waiting = self._gauge("waiting", "Requests that this worker has read and not begun.")
        self.batch_size = Histogram(
            "repartee_batch_size", "Requests in one run of the model.", buckets=SIZES, registry=self.registry
        )
        self._stage_seconds = Histogram(
            "repartee_stage_seconds",
            "Time in each stage: queue (until a thread is free), prepare, infer, finish, reply.",
            ["stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stages = {stage: self._stage_seconds.labels(stage) for stage in STAGES}
        requests = self._counter("requests", "Requests by what became of them.", "outcome")
        self.outcomes = [requests.labels(name) for name in OUTCOMES]
        self.errors = self._counter("errors", "Errors sent, by code.", "code")
        self.dropped = self._counter("dropped", "Requests dropped unanswered, by reason.", "reason")
        self.cache = self._counter("cache_lookups", "Lookups of kept results.", "result")
        self.claimed = self._counter("claimed", "Requests taken over from dead or stuck workers.")
        self.reconnects = self._counter("reconnects", "Failures of Redis that were waited out.")
        self.swaps = self._counter("swaps", "Bundles and catalogues swapped in or refused.", "outcome")
        self.gifs = self._gauge("gifs", "GIFs in the catalogue that is served.")
        self.serving = Info("repartee_serving", "What is served, and on what.", registry=self.registry)

    def time(self, timings_ms: dict[str, float]) -> None:
        """Record the stages of one request."""
        for stage, took in timings_ms.items():
            self.stages[stage].observe(took / 1e3)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"repartee_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"repartee_{name}", text, labels, registry=self.registry)
