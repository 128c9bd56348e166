"""What became of every call: by the clients' own account, and by the record of the server."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from benchmarks._faults_load import ANSWERED, Outcome
from benchmarks._faults_record import Asked, Call, Record
from benchmarks._faults_stage import Kill, Outage

TOLERANCE_S = 0.25
"""A call may end so long after its deadline: what the event loop of all clients takes to notice."""
TOLD = "DuplicateError"


@dataclass(frozen=True)
class Account:
    """What the clients say.

    Attributes:
        messages: distinct ids.
        calls: messages, those sent twice counted twice.
        answered: calls that got an answer.
        errors: calls that ended with a typed error, by class.
        lost: calls that ended with anything else, or not at all.
        late: calls that ended after their deadline and the tolerance.
        longest_s: the longest call.
        most_over_s: the furthest that a call went past its deadline, negative where none did.
        twins: messages that were sent twice, by how their two calls ended.
        twins_answered: of these, those of which both calls were answered.
        twins_untold: of these, those of which one was answered and the other neither told so nor kept until
            its deadline.
    """

    messages: int
    calls: int
    answered: int
    errors: Mapping[str, int]
    lost: int
    late: int
    longest_s: float
    most_over_s: float
    twins: Mapping[str, int]
    twins_answered: int
    twins_untold: int


def account(outcomes: Sequence[Outcome]) -> Account:
    """Add up how calls ended."""
    pairs = _twins(outcomes)
    over_s = [outcome.took_s - outcome.life_s for outcome in outcomes]
    return Account(
        messages=len({outcome.id for outcome in outcomes}),
        calls=len(outcomes),
        answered=sum(outcome.end == ANSWERED for outcome in outcomes),
        errors=dict(Counter(outcome.end for outcome in outcomes if outcome.is_typed)),
        lost=sum(outcome.end != ANSWERED and not outcome.is_typed for outcome in outcomes),
        late=sum(seconds > TOLERANCE_S for seconds in over_s),
        longest_s=max((outcome.took_s for outcome in outcomes), default=0.0),
        most_over_s=max(over_s, default=0.0),
        twins=dict(Counter(" + ".join(sorted(outcome.end for outcome in pair)) for pair in pairs)),
        twins_answered=sum(all(outcome.end == ANSWERED for outcome in pair) for pair in pairs),
        twins_untold=sum(_is_untold(pair) for pair in pairs),
    )


def _twins(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    by_id: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_id[outcome.id].append(outcome)
    return [found for found in by_id.values() if len(found) > 1]


def _is_untold(pair: Sequence[Outcome]) -> bool:
    others = [outcome for outcome in pair if outcome.end != ANSWERED]
    return len(others) == 1 and others[0].end != TOLD and others[0].took_s < others[0].life_s


@dataclass(frozen=True)
class Audit:
    """What the server's records say, a record for each time that it started without data.

    Attributes:
        replies: answers and typed errors that were sent.
        calls_twice: calls that one record shows an answer for, and one more or a typed error.
        errors_twice: calls that were told more than once why they get no answer; the first time they ended.
        ids_twice: ids that one record shows more than one answer for.
        ids_again: ids that were answered anew after the data, and with them the marks, were lost.
        late: replies that were sent after their deadline.
        unrecorded: messages that a client has an answer to and no record shows.
        asked_again: requests that clients put into the stream beyond the first of each call.
    """

    replies: int
    calls_twice: int
    errors_twice: int
    ids_twice: int
    ids_again: int
    late: int
    unrecorded: int
    asked_again: int


def audit(records: Sequence[Record], outcomes: Iterable[Outcome]) -> Audit:
    """Count what the records show, whatever clients believe.

    A worker may answer after a loss of data what it read before: requests are looked up in all records.
    """
    asked = [asked for record in records for asked in record.asked.values()]
    replies = [sent for record in records for sent in record.replies.values()]
    twice = [any(reply.is_answer for reply in sent) for sent in replies if len(sent) > 1]
    answers = [_answers_by_id(record, asked) for record in records]
    known = Counter(chain.from_iterable(answers))
    believed = {outcome.id for outcome in outcomes if outcome.end == ANSWERED}
    return Audit(
        replies=sum(map(len, replies)),
        calls_twice=twice.count(True),
        errors_twice=twice.count(False),
        ids_twice=sum(count > 1 for found in answers for count in found.values()),
        ids_again=sum(count > 1 for count in known.values()),
        late=sum(_late_replies(record, asked) for record in records),
        unrecorded=len(believed - known.keys()),
        asked_again=len(asked) - len({request.call for request in asked}),
    )


def _answers_by_id(record: Record, asked: Iterable[Asked]) -> Counter[str]:
    ids = {request.call: request.id for request in asked}
    found: Counter[str] = Counter()
    for call, sent in record.replies.items():
        if count := sum(reply.is_answer for reply in sent):
            found[ids[call]] += count
    return found


def _late_replies(record: Record, asked: Iterable[Asked]) -> int:
    """Count replies after the deadline; asked again, a call may have got a little more time."""
    deadlines: dict[Call, int] = defaultdict(int)
    for request in asked:
        deadlines[request.call] = max(deadlines[request.call], request.deadline_ms)
    return sum(reply.at_ms > deadlines[call] for call, sent in record.replies.items() for reply in sent)


@dataclass(frozen=True)
class Owed:
    """What killed workers owed: milliseconds from the kill to each reply, and how many got none."""

    waits_ms: list[float]
    unanswered: int


def owed(record: Record, kills: Iterable[Kill]) -> Owed:
    """Find the requests that survivors took over from the killed, and when they were replied to."""
    killed = {str(kill.pid): kill.at_ms for kill in kills}
    waits_ms, unanswered = [], 0
    for taken in record.takeovers:
        _, pid, _ = taken.owner.rsplit("-", 2)
        if pid not in killed:
            continue
        sent = record.replies.get(taken.call, [])
        waits_ms += [float(reply.at_ms - killed[pid]) for reply in sent[:1]]
        unanswered += not sent
    return Owed(waits_ms, unanswered)


def first_answers_s(outage: Outage, outcomes: Iterable[Outcome]) -> list[float]:
    """Return for each client how long after the server answered again it had its first answer, sorted."""
    firsts: dict[int, float] = {}
    for outcome in outcomes:
        if outcome.end == ANSWERED and outcome.ended_at > outage.started_at:
            ended_at = min(outcome.ended_at, firsts.get(outcome.client, outcome.ended_at))
            firsts[outcome.client] = ended_at
    return sorted(max(0.0, ended_at - outage.ready_at) for ended_at in firsts.values())
