"""The numbers by which a worker works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerConfig:
    """How a worker works.

    Attributes:
        threads: batches that go through the model at a time.
        max_batch: requests in one of them. Eight of about one length are as fast a message as more.
        max_deliveries: how often a request is tried before it is given up.
        stage_limit_s: how long a batch may take before the process counts as stuck.
    """

    threads: int = 1
    max_batch: int = 8
    max_deliveries: int = 3
    stage_limit_s: float = 30.0
