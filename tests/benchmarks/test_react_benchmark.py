"""The benchmark compares fairly: contenders take turns, targets are read rightly, memory is its own."""

import sys
from pathlib import Path

import pytest
from rich.console import Console
from tokenizers import Tokenizer

from benchmarks import react
from benchmarks._process import run_once
from benchmarks._timing import Contender, Verdict, interleave, report, spread


def test_contenders_take_turns_and_none_is_always_first() -> None:
    seen: list[tuple[str, int]] = []

    def contender(name: str, took: float) -> Contender:
        def run(number: int) -> float:
            seen.append((name, number))
            return took

        return run

    contenders = {name: contender(name, took) for name, took in (("a", 1.0), ("b", 2.0))}
    series = interleave(contenders, rounds=30, warm_up=10, progress=lambda _: None)
    assert series == {"a": [1.0] * 30, "b": [2.0] * 30}
    assert [number for _, number in seen] == [number for number in range(40) for _ in "ab"]
    assert 10 < [name for name, _ in seen[::2]].count("a") < 30


def test_a_burst_is_measured_call_by_call() -> None:
    series = interleave({"a": float}, rounds=2, warm_up=1, burst=3, progress=lambda _: None)
    assert series == {"a": [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]}


@pytest.mark.parametrize(
    ("value", "is_at_most", "met"),
    [(1.2, True, True), (1.3, True, False), (4.0, False, True), (0.9, False, False)],
)
def test_a_target_is_a_ceiling_or_a_floor(value: float, is_at_most: bool, met: bool) -> None:
    assert Verdict("x", value, "x", 1.25, is_at_most).is_met is met
    assert Verdict("x", value).is_met is None


def test_a_report_holds_series_figures_and_the_machine() -> None:
    content = report({"ours": spread([1.0, 2.0, 9.0])}, [Verdict("ratio", 0.9, "x", 1.25)], note=1)
    assert content["series"]["ours"]["p50"] == 2.0
    assert content["figures"][0]["is_met"] is True
    assert content["machine"]["cores"] >= 1
    assert content["note"] == 1


def test_memory_and_time_are_those_of_the_started_command() -> None:
    small = run_once([sys.executable, "-S", "-c", "pass"], {})
    large = run_once([sys.executable, "-S", "-c", "b = bytes(range(256)) * 400_000"], {})
    assert 90 < large.peak_mb - small.peak_mb < 130
    assert small.peak_mb < 60
    assert 0 < small.cpu_seconds <= large.seconds + 10


def test_a_command_that_fails_is_an_error_with_its_words() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 3: no bundle"):
        run_once([sys.executable, "-c", "import sys; print('no bundle', file=sys.stderr); sys.exit(3)"], {})


def test_messages_are_cut_to_the_wanted_number_of_tokens(tiny_bundle: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_bundle / "tokenizer.json"))
    assert react.message_of_length(tokenizer, "i miss you so !", 5) == "i miss you"
    with pytest.raises(ValueError, match="12 tokens"):
        react.message_of_length(tokenizer, "i miss you so !", 12)


def test_the_engine_is_timed_on_the_tiny_bundle(
    tiny_bundle: Path, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(react, "TOKENS", 5)
    monkeypatch.setattr(react, "SENTENCES", ("i miss you so !", "that is so funny"))
    monkeypatch.setattr(react, "WARM_UP", 1)
    series, versions = react.measure_answers(tiny_bundle, tiny_pack, tmp_path, 4, None, Console())
    assert len(series[react.OURS]) == 4 * react.BURST
    assert "onnxruntime" in versions
