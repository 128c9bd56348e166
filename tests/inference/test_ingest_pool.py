"""Whatever a file does to a child, its job ends, the other jobs go on and the next one finds a new child."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from inference.errors import RefusedError, ServiceError
from inference.ingest import MIB, Limits, Options, StageReport, Submission
from inference.ingest._messages import Prepared
from inference.ingest._pool import Pool

ROOT = Path(__file__).parents[2]
CHILD = (sys.executable, "-P", str(Path(__file__).with_name("odd_child.py")))

Open = Callable[..., Pool]


@pytest.fixture
def open_pool() -> Iterator[Open]:
    with contextlib.ExitStack() as stack:

        def make(size: int = 1, time_s: float = 60.0, bundle: str = "fine", further: int = 256 * MIB) -> Pool:
            options = Options(limits=Limits(time_s=time_s))
            pool = Pool(Path(bundle), options, size, further_bytes=further, command=CHILD)
            stack.callback(pool.close)
            return pool

        yield make


def work(pool: Pool, what: str, *, is_new: bool = True) -> tuple[Prepared, list[StageReport]]:
    stages: list[StageReport] = []
    prepared = pool.work(Submission(path="none", label=what), stages.append, lambda look: is_new)
    return prepared, stages


def refusal(pool: Pool, what: str, *, is_new: bool = True) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        work(pool, what, is_new=is_new)
    return caught.value


def test_a_job_comes_back_with_its_stages_and_all_of_the_gif(open_pool: Open) -> None:
    prepared, stages = work(open_pool(), "fine")
    assert prepared.entry.name == "fine"
    assert prepared.data == b"GIF89a" * 500_000
    assert [stage.stage for stage in stages] == ["decode"]


def test_a_child_is_used_again(open_pool: Open) -> None:
    pool = open_pool()
    (_, first), (_, second) = work(pool, "one"), work(pool, "two")
    assert first[0].note == second[0].note


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("die", "crashed"),
        ("abort", "crashed"),
        ("babble", "crashed"),
        ("stumble", "crashed"),
        pytest.param(
            "swell",
            "too_much_memory",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds memory"),
        ),
    ],
)
def test_a_bad_end_is_a_refusal_and_the_next_job_finds_a_new_child(
    open_pool: Open, what: str, code: str
) -> None:
    pool = open_pool()
    _, before = work(pool, "fine")
    assert refusal(pool, what).code == code
    _, after = work(pool, "fine")
    assert before[0].note != after[0].note
    assert len(pool.pids) == 1


@pytest.mark.parametrize("what", ["hang", "spin"])
def test_what_takes_too_long_is_ended(open_pool: Open, what: str) -> None:
    pool = open_pool(time_s=0.3)
    error = refusal(pool, what)
    assert error.code == "too_slow"
    assert "0.3 s" in str(error)
    assert not pool.pids


def test_a_refusal_costs_no_child(open_pool: Open) -> None:
    pool = open_pool()
    _, before = work(pool, "fine")
    error = refusal(pool, "refuse")
    assert (error.code, str(error)) == ("unsafe", "It is refused.")
    assert work(pool, "fine")[1][0].note == before[0].note


def test_the_parent_answers_what_a_child_asks(open_pool: Open) -> None:
    pool = open_pool()
    assert work(pool, "ask", is_new=True)[0].entry.name == "ask"
    assert refusal(pool, "ask", is_new=False).code == "duplicate"


def test_what_libraries_print_does_no_harm(open_pool: Open) -> None:
    assert work(open_pool(), "print")[0].entry.name == "print"


def test_jobs_beside_a_bad_one_end_well(open_pool: Open) -> None:
    pool = open_pool(size=2)
    wanted = ["fine", "die", "one", "stumble", "two", "die", "three"]

    def end(what: str) -> str:
        try:
            return work(pool, what)[0].entry.name
        except RefusedError as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(end, wanted)) == [
            "crashed" if what in ("die", "stumble") else what for what in wanted
        ]
    assert len(pool.pids) <= 2


def test_a_callback_that_fails_ends_its_job_only(open_pool: Open) -> None:
    pool = open_pool()

    def fail(stage: StageReport) -> None:
        raise LookupError("of the caller")

    with pytest.raises(LookupError):
        pool.work(Submission(path="none", label="fine"), fail, lambda look: True)
    assert work(pool, "fine")[0].entry.name == "fine"


def test_a_child_that_died_while_idle_is_replaced(open_pool: Open) -> None:
    pool = open_pool()
    work(pool, "fine")
    psutil.Process(pool.pids[0]).kill()
    psutil.wait_procs([psutil.Process(pid) for pid in pool.pids], timeout=10)
    assert work(pool, "again")[0].entry.name == "again"


def test_secrets_stay_with_the_parent(open_pool: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISCORD_TOKEN", "some_secret", "REDIS_URL", "X_API_KEY"):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("REPARTEE_HARMLESS", "1")
    names = work(open_pool(), "environment")[1][1].note.split()
    assert "REPARTEE_HARMLESS" in names
    assert not {"DISCORD_TOKEN", "some_secret", "REDIS_URL", "X_API_KEY"} & set(names)


@pytest.mark.parametrize(
    ("bundle", "words"),
    [("broken", "The bundle is broken."), ("missing", "onnxruntime"), ("dies", "exit code 3")],
)
def test_a_child_that_cannot_start_says_why(open_pool: Open, bundle: str, words: str) -> None:
    pool = open_pool(bundle=bundle)
    for _ in range(2):  # the first try leaves the pool as it was
        with pytest.raises(ServiceError, match=words):
            work(pool, "fine")
    assert not pool.pids


def test_closing_ends_jobs_under_way(open_pool: Open) -> None:
    pool, errors, is_there = open_pool(), [], threading.Event()

    def hang() -> None:
        try:
            pool.work(Submission(path="none", label="hang"), lambda stage: is_there.set(), lambda look: True)
        except ServiceError as error:
            errors.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    assert is_there.wait(30)
    pool.close()
    thread.join(30)
    assert errors
    assert not pool.pids
    with pytest.raises(ServiceError):
        work(pool, "fine")


PARENT = """
import sys
from pathlib import Path
from inference.ingest import Options, Submission
from inference.ingest._pool import Pool
pool = Pool(Path("fine"), Options(), 1, command={child!r})
wanted = Submission(path="none", label="{what}")
pool.work(wanted, lambda stage: print(stage.note, flush=True), lambda look: True)
sys.stdin.read()
"""


@pytest.mark.parametrize("what", ["fine", "hang", "spin"])
def test_children_go_with_their_parent(what: str) -> None:
    source = PARENT.format(child=CHILD, what=what)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        gone, _ = psutil.wait_procs([child], timeout=30)
    assert gone
