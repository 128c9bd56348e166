"""The benchmark of faults counts rightly: how calls end, and what the server's record shows."""

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import _faults_props as props
from benchmarks._faults_account import account, audit, first_answers_s, owed
from benchmarks._faults_load import ANSWERED, NOTHING, STRAY, TICK_S, Load, Mix, Outcome, gap_for
from benchmarks._faults_record import Asked, Call, Record, Sent, Takeover, commands, read_record, record_of
from benchmarks._faults_report import Played, judge_kills, judge_outages, judge_swaps
from benchmarks._faults_scenes import Rates, Swap, SwapPlan, by_phase, kill_schedule, not_as_told
from benchmarks._faults_stage import WORKERS, Kill, Outage
from benchmarks._timing import Verdict
from inference.bundle import load_bundle
from inference.client import RedisService
from inference.engine import Engine
from inference.errors import BundleError, DeadlineError, DuplicateError
from inference.pack import read_pack
from inference.protocol import ErrorReply, ReactReply, ReactRequest, encode
from tests.serving import server, working

FIRST, SECOND = Call("replies:a", "1"), Call("replies:b", "1")
RATES = Rates(100.0, 60.0)


def outcome(id: str = "x", end: str = ANSWERED, took_s: float = 0.1, **more: Any) -> Outcome:
    is_typed = end.endswith("Error") and end != "OSError"
    return Outcome(
        id,
        **{"client": 0, "life_s": 1.0, "began_at": 0.0, "is_typed": is_typed} | more,
        took_s=took_s,
        end=end,
    )


def test_every_way_to_end_is_counted() -> None:
    found = account(
        [
            outcome("a"),
            outcome("b", "DeadlineError", 1.2),
            outcome("c", "DeadlineError", 1.3),
            outcome("d", "OSError"),
            outcome("e", NOTHING, 4.0),
            outcome("f", STRAY),
        ]
    )
    assert (found.messages, found.calls, found.answered) == (6, 6, 1)
    assert found.errors == {"DeadlineError": 2}
    assert (found.lost, found.late) == (3, 2)
    assert found.most_over_s == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("other", "took_s", "is_answered", "is_untold"),
    [
        (ANSWERED, 0.1, True, False),
        ("DuplicateError", 0.1, False, False),
        ("DeadlineError", 1.0, False, False),
        ("BusyError", 0.1, False, True),
    ],
)
def test_of_twins_one_is_answered_and_the_other_told(
    other: str, took_s: float, is_answered: bool, is_untold: bool
) -> None:
    found = account([outcome(), outcome(end=other, took_s=took_s), outcome("y", other)])
    assert found.twins == {" + ".join(sorted([ANSWERED, other])): 1}
    assert (found.twins_answered, found.twins_untold) == (is_answered, is_untold)


def test_the_record_shows_what_was_answered_twice() -> None:
    record = Record()
    record.asked = {
        b"1-0": Asked(FIRST, "x", 900),
        b"2-0": Asked(SECOND, "x", 900),
        b"3-0": Asked(FIRST, "x", 900),
    }
    record.replies[FIRST] = [Sent(500, True)]
    record.replies[SECOND] = [Sent(600, False), Sent(700, False)]
    found = audit([record], [outcome("x"), outcome("y"), outcome("z", "DeadlineError")])
    assert (found.replies, found.calls_twice, found.errors_twice, found.ids_twice) == (3, 0, 1, 0)
    assert (found.late, found.unrecorded, found.asked_again) == (0, 1, 1)
    record.replies[FIRST].append(Sent(901, False))
    record.replies[SECOND].append(Sent(800, True))
    found = audit([record], [])
    assert (found.calls_twice, found.errors_twice, found.ids_twice, found.late) == (2, 0, 1, 1)


def test_what_is_answered_anew_after_a_loss_is_counted_apart() -> None:
    records = [Record(), Record()]
    for record in records:
        record.asked = {b"1-0": Asked(FIRST, "x", 900)}
        record.replies[FIRST] = [Sent(500, True)]
    found = audit(records, [outcome("x")])
    assert (found.ids_again, found.ids_twice, found.calls_twice, found.unrecorded) == (1, 0, 0, 0)


def test_what_was_read_before_a_loss_may_be_answered_after_it() -> None:
    before, after = Record(), Record()
    before.asked = {b"1-0": Asked(FIRST, "x", 900), b"2-0": Asked(SECOND, "y", 900)}
    after.replies[FIRST] = [Sent(500, True)]
    after.replies[SECOND] = [Sent(901, True)]
    found = audit([before, after], [outcome("x"), outcome("y")])
    assert (found.ids_twice, found.ids_again, found.unrecorded, found.late) == (0, 0, 0, 1)


def test_debts_of_the_killed_are_timed_from_the_kill() -> None:
    record = Record()
    record.takeovers = [
        Takeover(FIRST, "host-7-abc"),
        Takeover(SECOND, "a-host-7-abc"),
        Takeover(FIRST, "host-8-abc"),
    ]
    record.replies[FIRST] = [Sent(2_500, True)]
    found = owed(record, [Kill(7, 1_000), Kill(9, 1_000)])
    assert (found.waits_ms, found.unanswered) == ([1_500.0], 1)


def written(*done: Sequence[bytes]) -> bytes:
    return b"".join(
        b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in command)
        for command in done
    )


def test_what_was_cut_off_did_not_happen() -> None:
    whole = written([b"SET", b"a\r\n*", b""], [b"MULTI"], [b"DEL", b"a"], [b"exec"])
    assert list(commands(b"#TS:1\r\n" + whole)) == [[b"SET", b"a\r\n*", b""], [b"DEL", b"a"]]
    for cut in range(len(whole) - len(written([b"exec"])), len(whole)):
        assert list(commands(whole[:cut])) == [[b"SET", b"a\r\n*", b""]]


def test_takeovers_are_read_out_of_claims() -> None:
    requests = b"{repartee}:requests"
    fields = [
        b"v",
        b"1",
        b"id",
        b"x",
        b"deadline",
        b"900",
        b"reply",
        b"replies:a",
        b"call",
        b"1",
        b"payload",
        b"p",
    ]
    read, taken = (
        [b"XCLAIM", requests, b"workers", owner, b"0", b"1-0", b"TIME", b"1"] for owner in (b"w1", b"w2")
    )
    error, answer = (
        ErrorReply(code="busy", text=""),
        ReactReply(hold=0.0, reactions=[], bundle="", catalogue=""),
    )
    replies = [
        [b"XADD", b"replies:a", b"MAXLEN", b"=", b"1", entry, b"call", b"1", b"payload", encode(reply)]
        for entry, reply in ((b"500-0", error), (b"600-1", answer))
    ]
    record = record_of(iter([[b"XADD", requests, b"1-0", *fields], read, read, taken, *replies]))
    assert record.asked == {b"1-0": Asked(FIRST, "x", 900)}
    assert record.takeovers == [Takeover(FIRST, "w1")]
    assert record.replies == {FIRST: [Sent(500, False), Sent(600, True)]}


async def test_a_real_server_records_who_was_answered(tiny_engine: Engine) -> None:
    with server(appendonly="yes") as running:
        url = str(running.connection_url)
        async with working(url, "repartee", tiny_engine), RedisService(url) as one, RedisService(url) as two:
            await one.react(ReactRequest(text="boom", id="once"))
            await one.react(ReactRequest(text="boom", id="twice"))
            with pytest.raises(DuplicateError):
                await two.react(ReactRequest(text="boom", id="twice"))
        record = read_record(Path(running.data_dir))
    assert sorted(asked.id for asked in record.asked.values()) == ["once", "twice", "twice"]
    found = audit([record], [outcome("once"), outcome("twice")])
    assert (found.ids_twice, found.calls_twice, found.unrecorded, found.late) == (0, 0, 0, 0)
    assert sum(not reply.is_answer for sent in record.replies.values() for reply in sent) == 1


def test_the_seed_decides_who_is_killed_when() -> None:
    plans = list(itertools.islice(kill_schedule(3), 50))
    assert plans == list(itertools.islice(kill_schedule(3), 50))
    assert plans != list(itertools.islice(kill_schedule(4), 50))
    assert {plan.slot for plan in plans} == set(range(WORKERS))
    assert len({plan.wait_s for plan in plans}) == 50


class Answering:
    """A service that answers, refuses, breaks or confuses messages by their number."""

    async def react(self, request: ReactRequest) -> ReactReply:
        await asyncio.sleep(0)
        number = int(request.id.rpartition("-")[2])
        if number == 1:
            raise DeadlineError("late")
        if number == 2:
            raise OSError("broken")
        trace = "another" if number == 3 else request.trace
        return ReactReply(hold=0.0, reactions=[], bundle="b", catalogue="c", trace=trace)

    async def close(self) -> None:
        pass


async def test_the_load_notes_how_every_call_ended() -> None:
    load = Load("n", [Answering(), Answering()], tasks=2, texts=["boom"], mix=Mix(twins=1.0, short=1.0))
    await load.run(6)
    ends = {(found.id, found.end, found.is_typed) for found in load.outcomes}
    assert ends == {
        ("n-1", "DeadlineError", True),
        ("n-2", "OSError", False),
        ("n-3", STRAY, False),
        *((f"n-{number}", ANSWERED, False) for number in (0, 4, 5)),
    }
    assert len(load.outcomes) == 12
    assert all({o.client for o in load.outcomes if o.id == f"n-{number}"} == {0, 1} for number in range(6))
    assert {found.life_s for found in load.outcomes} == {1.0}


def test_tasks_share_the_wanted_rate() -> None:
    assert gap_for(rate=200.0, tasks=32) == pytest.approx(0.16)


async def test_a_pause_of_the_clients_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count(0.0, 5.0)  # at each look at the clock five have passed
    monkeypatch.setattr("benchmarks._faults_load.time", SimpleNamespace(perf_counter=seconds.__next__))
    load = Load("n", [Answering()], tasks=1, texts=["boom"])
    await load.run(1)
    assert load.longest_pause_s >= 5.0 - TICK_S


def test_the_first_answer_after_an_outage_is_that_of_each_client() -> None:
    outage = Outage(True, stopped_at=1.0, started_at=2.0, ready_at=2.5)
    found = [
        outcome("a", began_at=0.5, took_s=1.0),
        outcome("b", began_at=1.5, took_s=1.25),
        outcome("c", began_at=2.6, took_s=0.1),
        outcome("d", began_at=2.6, took_s=0.9, client=1),
        outcome("e", "DeadlineError", began_at=1.0, took_s=1.6, client=2),
    ]
    assert first_answers_s(outage, found) == pytest.approx([0.2, 1.0])


SWAPS = [
    Swap(SwapPlan("a swap", []), 10.0, 12.0, 0, ""),
    Swap(SwapPlan("a broken one", [], is_broken=True), 20.0, 22.0, 2, ""),
]


def served(*bundles: str) -> list[Outcome]:
    return [outcome(str(n), began_at=5.0 * n, bundle=bundle) for n, bundle in enumerate(bundles, start=1)]


def test_calls_are_sorted_by_when_they_began() -> None:
    found = by_phase(SWAPS, [outcome(began_at=at) for at in (9.0, 10.5, 11.0, 13.0, 21.0, 30.0)])
    assert {name: len(calls) for name, calls in found.items()} == {
        "before": 1,
        "during a swap": 2,
        "during a broken one": 1,
        "after": 2,
    }


def test_a_swap_is_right_when_all_serve_what_was_told() -> None:
    old, new = "old", "new"
    assert not_as_told(SWAPS, served(old, old, new, new, new)) == []
    assert not_as_told(SWAPS, served(old, old, old, old, old)) == ["a swap"]
    assert not_as_told(SWAPS, served(old, old, new, new, "broken")) == ["a broken one"]
    mixed = [*served(old, old, new, new, new), outcome("late", began_at=16.0, bundle=old)]
    assert not_as_told(SWAPS, mixed) == ["a swap", "a broken one"]


def missed(verdicts: Sequence[Verdict]) -> list[str]:
    return [verdict.what for verdict in verdicts if verdict.is_met is False]


def test_twins_may_both_be_answered_only_where_data_are_lost() -> None:
    record = Record()
    record.asked = {b"1-0": Asked(FIRST, "x", 900)}
    record.replies[FIRST] = [Sent(500, True)]
    played = Played([outcome(), outcome()], [record], 0, RATES)
    assert missed(judge_kills(played, []).verdicts) == ["twins both answered"]
    assert missed(judge_outages(played, [], is_kept=True).verdicts) == ["twins both answered"]
    assert missed(judge_outages(played, [], is_kept=False).verdicts) == []


def test_no_call_may_fail_while_bundles_are_swapped() -> None:
    record = Record()
    calls = served("old", "old", "new", "new", "new")
    for number, call in enumerate(calls):
        record.asked[b"%d-0" % number] = Asked(Call("r", call.id), call.id, 900)
        record.replies[Call("r", call.id)] = [Sent(500, True)]
    result = judge_swaps(Played(calls, [record], 0, RATES), SWAPS)
    assert missed(result.verdicts) == []
    assert (
        result.counts["swaps obeyed by all workers"]
        == result.counts["broken bundles refused by all workers"]
        == 1
    )
    failed = [*calls, outcome("f", "DeadlineError", 1.0)]
    assert missed(judge_swaps(Played(failed, [record], 0, RATES), SWAPS).verdicts) == ["calls that failed"]


def test_a_copied_bundle_keeps_the_vectors_and_broken_ones_are_broken(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    one, two, three = (props.copy_bundle(tiny_bundle, tmp_path / name, f"1 {name}") for name in "abc")
    assert load_bundle(one).label == "tiny 1 a"
    assert load_bundle(one).vector_key == load_bundle(tiny_bundle).vector_key
    with pytest.raises(BundleError, match="has changed"):
        load_bundle(props.flip_byte(two))
    assert load_bundle(props.replace_graph(three)).path("text.onnx").read_bytes() == props.GARBAGE


def test_a_new_pack_has_gifs_that_no_catalogue_knows(tiny_pack: Path, tmp_path: Path) -> None:
    made = read_pack(props.make_new_pack(tiny_pack, tmp_path / "new", 3))
    known = {gif.id for gif in read_pack(tiny_pack).gifs}
    assert len(made.gifs) == 3
    assert known.isdisjoint(gif.id for gif in made.gifs)
    assert all((made.folder / gif.file).is_file() for gif in made.gifs)
