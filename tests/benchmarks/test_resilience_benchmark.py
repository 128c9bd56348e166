"""Drills are counted rightly: what was answered twice, late or not at all cannot hide."""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import resilience
from benchmarks._resilience_ledger import TOLERANCE_S, Ledger, Witness
from benchmarks._resilience_stage import copy_bundle, copy_pack, kill_moments
from inference.bundle import load_bundle
from inference.client import RedisService
from inference.errors import BusyError, DuplicateError
from inference.pack import read_pack
from inference.protocol import ReactReply, ReactRequest

REQUEST = ReactRequest(text="boom")
REPLY = ReactReply(hold=0.0, reactions=[], bundle="tiny 1", catalogue="c")


class Service:
    """Ends each call in the way it was told."""

    def __init__(self, *ends: ReactReply | Exception) -> None:
        self._ends = iter(ends)

    async def react(self, request: ReactRequest) -> ReactReply:
        end = next(self._ends)
        if isinstance(end, Exception):
            raise end
        return end


def service(*ends: ReactReply | Exception) -> RedisService:
    return cast(RedisService, Service(*ends))


async def test_each_call_is_counted_by_how_it_ended() -> None:
    ledger = Ledger(timeout_s=5.0)
    asked = service(REPLY, BusyError("b"), DuplicateError("d"), KeyError("k"), REPLY)
    for _ in range(5):
        await ledger.ask(asked, REQUEST)
    assert dict(ledger.outcomes) == {"answered": 2, "BusyError": 1, "DuplicateError": 1, "BROKEN KeyError": 1}
    assert (ledger.total, ledger.failed, ledger.broken, ledger.late) == (5, 2, 1, 0)
    assert dict(ledger.bundles) == {"tiny 1": 2}


async def test_a_call_that_outlives_its_deadline_is_late() -> None:
    ledger = Ledger(timeout_s=-TOLERANCE_S - 1)
    await ledger.ask(service(REPLY), REQUEST)
    assert ledger.late == 1


@pytest.mark.parametrize(("second", "twice"), [(REPLY, 1), (DuplicateError("d"), 0), (BusyError("b"), 0)])
async def test_two_copies_of_which_both_are_answered_are_seen(second: Any, twice: int) -> None:
    ledger = Ledger(timeout_s=5.0)
    await ledger.ask_twice((service(REPLY), service(second)), REQUEST)
    assert (ledger.twins, ledger.twins_answered_twice) == (1, twice)


def test_a_second_reply_to_one_call_is_seen() -> None:
    witness = Witness()
    line = b'17.5 [0 lua] "XADD" "{repartee}:replies:%s" "MAXLEN" "~" "10" "*" "call" "%d" "payload" "x"'
    for client, call in ((b"a", 1), (b"a", 2), (b"b", 1), (b"a", 2)):
        witness.see(line % (client, call))
    witness.see(b'17.5 [0 127.0.0.1:5] "XADD" "{repartee}:control" "*" "message" "x"')
    witness.see(b'17.5 [0 lua] "XADD" "{repartee}:requests" "*" "v" "1" "call" "2"')
    assert sum(witness.replies.values()) == 4
    assert witness.written_twice == 1


def test_kills_come_at_random_but_the_same_ones_for_a_seed() -> None:
    moments = kill_moments(10_000, 100.0, 4.0, seed=0)
    assert moments == kill_moments(10_000, 100.0, 4.0, seed=0) != kill_moments(10_000, 100.0, 4.0, seed=1)
    assert 15 < len(moments) < 40
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(moments))
    assert moments[-1] <= 100.0


def test_a_copied_bundle_is_another_version_with_the_same_vectors(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = load_bundle(copy_bundle(tiny_bundle, tmp_path / "copy", "9"))
    assert copy.label == "tiny 9"
    assert copy.vector_key == load_bundle(tiny_bundle).vector_key


def test_copied_gifs_are_new_ones(tiny_pack: Path, tmp_path: Path) -> None:
    pack = read_pack(copy_pack(tiny_pack, tmp_path / "copy", 3))
    old = {gif.id for gif in read_pack(tiny_pack).gifs}
    assert len(pack.gifs) == 3
    for gif in pack.gifs:
        assert gif.id == hashlib.sha256((pack.folder / gif.file).read_bytes()).hexdigest()
        assert gif.id not in old


def row(**changes: Any) -> dict[str, Any]:
    figures = {"broken": 0, "late": 0, "twins_answered_twice": 0, "failed": 0}
    return figures | {"written_twice": 0, "swaps_done": 4, "swaps_refused": 2} | changes


@pytest.mark.parametrize(
    ("drill", "changes", "is_met"),
    [
        ("kill -9", {}, True),
        ("kill -9", {"broken": 1}, False),
        ("kill -9", {"late": 1}, False),
        ("kill -9", {"written_twice": 1}, False),
        ("Redis gone, data kept", {"twins_answered_twice": 1}, False),
        ("Redis gone, data lost", {"twins_answered_twice": 1}, True),
        ("Redis gone, data lost", {"failed": 5}, True),
        ("hot swap", {"failed": 1}, False),
        ("hot swap", {"swaps_refused": 1}, False),
    ],
)
def test_the_rule_is_judged(drill: str, changes: dict[str, int], is_met: bool) -> None:
    names = ("kill -9", "Redis gone, data kept", "Redis gone, data lost", "hot swap")
    rows = {name: row(**(changes if name == drill else {})) for name in names}
    assert all(verdict.is_met is not False for verdict in resilience.judge(rows)) is is_met
    assert json.dumps([verdict.what for verdict in resilience.judge(rows)])
