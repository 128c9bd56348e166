"""A bot on a stage counts what it does."""

from __future__ import annotations

from dataclasses import dataclass

from bot.metrics import BotMetrics


@dataclass
class Counting:
    """What a bot counts while it plays."""

    metrics: BotMetrics

    def count(self, surface: str, outcome: str) -> float:
        """How often something ended in a way."""
        labels = {"surface": surface, "outcome": outcome}
        return self.metrics.registry.get_sample_value("repartee_bot_events_total", labels) or 0.0
