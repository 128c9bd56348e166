"""What a worker does with a batch: prepare (tokenise), infer (the model), finish (search and rank).

All of it runs in threads and touches no connection. A request that cannot be answered becomes a typed error
and costs its neighbours nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

import msgspec

from inference.encoders import Tokens
from inference.engine import Engine, Reading, ShortRankingError
from inference.errors import DeviceError, ReparteeError, StageError, VersionError
from inference.logs import where_of
from inference.protocol import READABLE_VERSIONS, ReactReply, ReactRequest, decode_request
from inference.wire import Entry

OLD = (
    "The message came in version {version} of the wire protocol, which this worker cannot read: give worker "
    "and client the same version of Repartee."
)
GARBLED = "The message could not be read as a request."


@dataclass(eq=False)
class Job:
    """A request on its way through the stages; the engine is the one whose tokens it has."""

    entry: Entry
    request: ReactRequest
    engine: Engine
    tokens: Tokens
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def deadline_ms(self) -> int:
        """Time after which nobody waits for the answer, by the clock of Redis."""
        return self.entry.deadline_ms

    @property
    def length(self) -> int:
        """Number of tokens."""
        return len(self.tokens.ids)


class Failure(NamedTuple):
    """A request that a stage refused or failed at; `where` is empty where the request itself is to blame."""

    entry: Entry
    error: Exception
    where: str = ""


class Answer(NamedTuple):
    """A job with its reply, and what was read of the message, which may be kept."""

    job: Job
    reply: ReactReply
    reading: Reading


def prepare(engine: Engine, entries: Sequence[Entry]) -> tuple[list[Job], list[Failure]]:
    """Read and tokenise requests."""
    jobs: list[Job] = []
    failures: list[Failure] = []
    for entry in entries:
        start = perf_counter()
        try:
            request = _decode(entry)
            tokens = engine.prepare(request)
        except ReparteeError as error:
            failures.append(Failure(entry, error))
        except Exception as error:
            failures.append(Failure(entry, error, where_of(error)))
        else:
            took = {"prepare": (perf_counter() - start) * 1e3}
            jobs.append(Job(entry, request, engine, tokens, took))
    return jobs, failures


def compute(engine: Engine, jobs: Sequence[Job]) -> tuple[list[Answer], list[Failure]]:
    """Run the model once over a batch and rank; where that fails, each job alone.

    Raises:
        DeviceError: the GPU failed; it fails at everything from then on.
    """
    fresh, failures = _for_engine(engine, jobs)
    if not fresh:
        return [], failures
    try:
        return _compute(engine, fresh), failures
    except DeviceError:
        raise
    except Exception as error:
        if len(fresh) == 1:
            return [], [*failures, Failure(fresh[0].entry, error, where_of(error))]
    answers: list[Answer] = []
    for job in fresh:
        found, failed = compute(engine, [job])
        answers += found
        failures += failed
    return answers, failures


def answer_kept(engine: Engine, job: Job, reading: Reading) -> Answer | None:
    """Answer a job out of a reading that was kept; None where that is too little for it."""
    start = perf_counter()
    try:
        reply = engine.finish(job.request, reading)
    except ShortRankingError:
        return None
    job.timings_ms["finish"] = (perf_counter() - start) * 1e3
    return Answer(job, msgspec.structs.replace(reply, timings_ms=job.timings_ms), reading)


def _decode(entry: Entry) -> ReactRequest:
    if entry.version not in READABLE_VERSIONS:
        raise VersionError(OLD.format(version=entry.version or "?"))
    try:
        return decode_request(entry.payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StageError(GARBLED) from None


def _for_engine(engine: Engine, jobs: Sequence[Job]) -> tuple[list[Job], list[Failure]]:
    """Tokenise anew what was prepared for an engine that has been replaced since."""
    fresh = [job for job in jobs if job.engine is engine]
    again, failures = prepare(engine, [job.entry for job in jobs if job.engine is not engine])
    return fresh + again, failures


def _compute(engine: Engine, jobs: Sequence[Job]) -> list[Answer]:
    start = perf_counter()
    outputs = engine.infer([job.tokens for job in jobs])
    infer_ms = (perf_counter() - start) * 1e3
    answers = []
    for job, (vector, hold) in zip(jobs, outputs, strict=True):
        start = perf_counter()
        reading = engine.rank(job.tokens, vector, hold, job.request.scope)
        reply = engine.finish(job.request, reading)
        job.timings_ms |= {"infer": infer_ms, "finish": (perf_counter() - start) * 1e3}
        answers.append(Answer(job, msgspec.structs.replace(reply, timings_ms=job.timings_ms), reading))
    return answers
