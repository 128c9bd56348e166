"""The figures of each scene beside the rule: answered once, or ended by a typed error in time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._faults_account import TOLERANCE_S, account, audit, first_answers_s, owed
from benchmarks._faults_load import ANSWERED, Outcome
from benchmarks._faults_record import Record
from benchmarks._faults_scenes import Rates, Swap, by_phase, not_as_told
from benchmarks._faults_stage import Kill, Outage
from benchmarks._timing import Spread, Verdict, print_spreads, print_verdicts, spread

TOLERANCE = f"{TOLERANCE_S * 1000:.0f} ms"


@dataclass(frozen=True)
class Played:
    """What a scene leaves: how calls ended, what the server recorded, requests that stayed in the stream.

    `pause_s` is how long the clients stood still; on a machine that is shared it explains long calls.
    """

    outcomes: Sequence[Outcome]
    records: Sequence[Record]
    left_over: int
    rates: Rates
    pause_s: float = 0.0


@dataclass(frozen=True)
class Result:
    """The figures of a scene: what was counted, how long it took, what is judged, and all of it in detail."""

    counts: dict[str, float]
    spreads: dict[str, Spread]
    verdicts: list[Verdict]
    details: dict[str, Any]


def judge_kills(played: Played, kills: Sequence[Kill]) -> Result:
    """Judge the scene in which workers are killed."""
    debts = owed(played.records[0], kills)
    counts = _counts(played) | {
        "workers killed": len(kills),
        "calls that they owed": len(debts.waits_ms) + debts.unanswered,
        "of these replied to by the survivor": len(debts.waits_ms),
    }
    spreads = {"answers": _latency(played.outcomes)}
    if debts.waits_ms:
        spreads["owed calls, from kill to reply"] = spread(debts.waits_ms)
        counts["longest from kill to reply, ms"] = max(debts.waits_ms)
    details = _details(played) | {"kills": [asdict(kill) for kill in kills]}
    return Result(counts, spreads, _rule(played), details)


def judge_outages(played: Played, outages: Sequence[Outage], *, is_kept: bool) -> Result:
    """Judge a scene in which the server is stopped and started again."""
    firsts = [first_answers_s(outage, played.outcomes) for outage in outages]
    clients = {outcome.client for outcome in played.outcomes}
    missing = sum(len(clients) - len(first) for first in firsts)
    spreads = {"answers": _latency(played.outcomes)}
    if found := [first for first in firsts if first]:
        spreads["server back to first answer"] = spread([first[0] * 1e3 for first in found])
        spreads["the same, slowest client"] = spread([first[-1] * 1e3 for first in found])
    verdicts = [
        *_rule(played, is_kept=is_kept),
        Verdict("clients that had no more answer after a stop", missing, limit=0),
    ]
    details = _details(played) | {"outages": [asdict(outage) for outage in outages]}
    return Result(_counts(played) | {"stops of the server": len(outages)}, spreads, verdicts, details)


def judge_swaps(played: Played, swaps: Sequence[Swap]) -> Result:
    """Judge the scene in which bundles and packs are swapped: no call may fail."""
    failed = sum(outcome.end != ANSWERED for outcome in played.outcomes)
    wrong = not_as_told(swaps, played.outcomes)
    bundles = Counter(outcome.bundle for outcome in played.outcomes if outcome.end == ANSWERED)
    counts = _counts(played) | {
        "swaps obeyed by all workers": sum(not swap.plan.is_broken and not swap.code for swap in swaps),
        "broken bundles refused by all workers": sum(
            swap.plan.is_broken and bool(swap.code) for swap in swaps
        ),
        **{f"answered by {bundle}": count for bundle, count in sorted(bundles.items())},
    }
    verdicts = [
        *_rule(played),
        Verdict("calls that failed", failed, limit=0),
        Verdict("swaps that went otherwise than they should", len(wrong), limit=0),
    ]
    phases = by_phase(swaps, played.outcomes)
    spreads = {f"answers {name}": _latency(found) for name, found in phases.items() if found}
    took = [
        {"swap": swap.plan.name, "seconds": swap.ended_at - swap.began_at, "code": swap.code}
        for swap in swaps
    ]
    return Result(counts, spreads, verdicts, _details(played) | {"swaps": took, "wrong": wrong})


def _rule(played: Played, *, is_kept: bool = True) -> list[Verdict]:
    """Put what every scene must keep beside its limits; where data are lost, so are the marks of answers."""
    ours, theirs = account(played.outcomes), audit(played.records, played.outcomes)
    verdicts = [
        Verdict("lost: no answer, no typed error", ours.lost, limit=0),
        Verdict(f"ended more than {TOLERANCE} late", ours.late, limit=0),
        Verdict("calls answered twice, by the record", theirs.calls_twice, limit=0),
        Verdict("ids answered twice, by the record", theirs.ids_twice, limit=0),
        Verdict("replies sent after a deadline, by the record", theirs.late, limit=0),
        Verdict("answers that no record shows", theirs.unrecorded, limit=0),
        Verdict("of twins one not told in time", ours.twins_untold, limit=0),
        Verdict("requests left in the stream", played.left_over, limit=0),
    ]
    return [*verdicts, Verdict("twins both answered", ours.twins_answered, limit=0)] if is_kept else verdicts


def _counts(played: Played) -> dict[str, float]:
    ours, theirs = account(played.outcomes), audit(played.records, played.outcomes)
    start = min(outcome.began_at for outcome in played.outcomes)
    end = max(outcome.ended_at for outcome in played.outcomes)
    return {
        "messages": ours.messages,
        "calls": ours.calls,
        "calls a second": ours.calls / (end - start),
        "calls a second that saturate": played.rates.saturating,
        "answered": ours.answered,
        **{f"ended by {error}": count for error, count in sorted(ours.errors.items())},
        **{f"twins: {ends}": count for ends, count in sorted(ours.twins.items())},
        "longest call, ms": ours.longest_s * 1e3,
        "furthest past a deadline, ms": ours.most_over_s * 1e3,
        "longest pause of the clients' event loop, ms": played.pause_s * 1e3,
        "requests beyond the first of a call, by the record": theirs.asked_again,
        "calls told twice why there is no answer, by the record": theirs.errors_twice,
        "ids answered again after a loss of data, by the record": theirs.ids_again,
    }


def _details(played: Played) -> dict[str, Any]:
    return {
        "clients": asdict(account(played.outcomes)),
        "record": asdict(audit(played.records, played.outcomes)),
        "rates": played.rates._asdict(),
    }


def _latency(outcomes: Sequence[Outcome]) -> Spread:
    """Summarise milliseconds to the answer; calls that had none are counted elsewhere."""
    return spread([outcome.took_s * 1e3 for outcome in outcomes if outcome.end == ANSWERED] or [float("nan")])


def print_result(console: Console, title: str, result: Result) -> None:
    """Print the tables of a scene."""
    table = Table(title=title, title_justify="left", header_style="dim")
    table.add_column("what")
    table.add_column("", justify="right")
    for name, count in result.counts.items():
        table.add_row(name, f"{count:,.1f}" if isinstance(count, float) else f"{count:,}")
    console.print(table)
    print_spreads(console, "How long it took", result.spreads, "ms")
    print_verdicts(console, result.verdicts)
