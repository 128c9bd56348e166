"""Own GIFs on their way in: files of strangers become GIFs of a pack, in processes that may die of it."""

from inference.ingest._ingestor import Ingestor, missing_extras
from inference.ingest._measure import read_moments
from inference.ingest._submission import (
    DEFAULT_PACK,
    MIB,
    SWITCHABLE,
    Limits,
    OnStage,
    Options,
    Outcome,
    Stage,
    StageReport,
    Submission,
)
from inference.ingest._trial import open_captioner, running

__all__ = [
    "DEFAULT_PACK",
    "MIB",
    "SWITCHABLE",
    "Ingestor",
    "Limits",
    "OnStage",
    "Options",
    "Outcome",
    "Stage",
    "StageReport",
    "Submission",
    "missing_extras",
    "open_captioner",
    "read_moments",
    "running",
]
