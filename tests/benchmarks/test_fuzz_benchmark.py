"""The fuzz run works from end to end, and notices a process that dies or hangs."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import fuzz
from benchmarks._mutations import WAYS, mutate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of memory are those of Unix")


def test_it_counts_what_became_of_changed_files(
    tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "fuzz.json"
    fuzz.main(count=40, seed=3, pack=tiny_pack, json_file=written)
    report = json.loads(written.read_text())
    assert sum(report["outcomes"].values()) == 40
    assert report["outcomes"]["added"] > 0
    figures = {figure["what"]: figure["value"] for figure in report["figures"]}
    assert figures["crashed"] == figures["hung"] == 0
    assert figures["peak memory of a process"] > 0
    assert "What became of the files" in capsys.readouterr().out


def test_what_goes_wrong_is_told_and_the_next_file_finds_a_new_process(tiny_pack: Path) -> None:
    picture = next(tiny_pack.rglob("*.gif"))
    with fuzz.Pen(600 << 20, 60.0) as pen:
        assert pen.take_in(picture)[0] == "added"
        pen._process.kill()
        pen._process.join()
        assert pen.take_in(picture)[0].startswith("died")
        assert pen.take_in(picture)[0] == "added"
        pen._time_s = 0.0  # no file is as quick
        assert pen.take_in(picture)[0] == "hang"
        pen._time_s = 60.0
        assert pen.take_in(picture)[0] == "added"


def test_a_crash_or_a_hang_is_no_success() -> None:
    verdicts = fuzz.judge([("a.gif", ("crash: KeyError: 1", 1.0, 2.0)), ("b.gif", ("hang", 3.0, 0.0))])
    assert [verdict.is_met for verdict in verdicts[:2]] == [False, False]


def test_changes_are_the_same_for_the_same_seed() -> None:
    import random

    data = bytes(range(256)) * 4
    assert mutate(data, random.Random(5)) == mutate(data, random.Random(5))
    assert all(way(data, random.Random(seed)) != data for way in WAYS for seed in (1, 2))
    assert all(isinstance(way(b"", random.Random(1)), bytes) for way in WAYS)
