"""Generates the recorded captions of a captioner's case again; the ids have to be equal."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from export.captions import Caption, NextLogits, beam, greedy, next_logits
from export.models.clipcap import ClipCap
from export.parity.files import CaseError
from export.parity.report import Comparison, compare, unlike

Array = npt.NDArray[Any]

SCORE_TOLERANCE = 1e-4
BEAM = re.compile(r"beam(\d*)")
TEMPERATURE = re.compile(r"temperature[_-]?(\d+(?:\.\d+)?)")
ABOUT_TIES = re.compile(r".*(_min_margin|_min_score_gap|_same_in_float64)")
"""What a record says about itself: how far its choices were from a tie."""

SETTINGS = ("prefix_index", "tokens", "stop_token", "entry_length", "beam_size", "temperature")


def check_generation(model: ClipCap, arrays: Mapping[str, Array], record: Any) -> dict[str, Comparison]:
    """Repeat every run of ``generate.json``.

    Raises:
        CaseError: a run lacks what is needed to repeat it.
    """
    if not isinstance(record, dict):
        raise CaseError("generate.json does not hold runs")
    runs = {f"run{i}": run for i, run in enumerate(record.get("runs", []))} | record.get("extra", {})
    found: dict[str, Comparison] = {}
    for name, run in runs.items():
        try:
            repeated = _Run(model, arrays, name, run)
            found |= {f"generate/{name}/{key}": c for key, c in repeated.comparisons().items()}
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise CaseError(f"generate.json: {name} lacks or garbles {error}") from error
    return found


class _Run:
    """One prefix or prompt with one stop token; each search is made once."""

    def __init__(
        self, model: ClipCap, arrays: Mapping[str, Array], name: str, run: Mapping[str, Any]
    ) -> None:
        self._run = run
        self._prompt: Sequence[int] = run.get("tokens", ())
        self._stop, self._limit = int(run["stop_token"]), int(run["entry_length"])
        prefix = None if "tokens" in run else arrays["prefix"][int(run["prefix_index"])]
        self._ask: NextLogits = next_logits(model, prefix, len(self._prompt) + self._limit)
        named = TEMPERATURE.search(name)
        self._temperature = float(run.get("temperature", named.group(1) if named else 1.0))
        self._beams: dict[int, list[Caption]] = {}

    def _beam(self, size: int) -> list[Caption]:
        if size not in self._beams:
            self._beams[size] = beam(
                self._ask,
                self._stop,
                self._limit,
                beam_size=size,
                temperature=self._temperature,
                prompt=self._prompt,
            )
        return self._beams[size]

    def comparisons(self) -> dict[str, Comparison]:
        """Compare everything that the run has records of."""
        wanted = {k: v for k, v in self._run.items() if k not in SETTINGS and not ABOUT_TIES.fullmatch(k)}
        return {key: self._compared(key, recorded) for key, recorded in wanted.items()}

    def _compared(self, key: str, recorded: Any) -> Comparison:
        if key == "greedy":
            return compare_ids([greedy(self._ask, self._stop, self._limit, self._prompt).ids], [recorded])
        search = BEAM.match(key)
        if search is None:
            return unlike(f"no output is known by the name {key}")
        captions = self._beam(int(search.group(1) or self._run["beam_size"]))
        what = key[search.end() :]
        if what == "":
            return compare_ids([caption.ids for caption in captions], recorded)
        if what == "_mean_logprob":
            return compare([c.mean_log_probability for c in captions], recorded, SCORE_TOLERANCE)
        if what == "_lengths":
            return compare([len(c.ids) - len(self._prompt) for c in captions], recorded, 0.0)
        return unlike(f"no output is known by the name {key}")


def compare_ids(ours: Sequence[Sequence[int]], recorded: Sequence[Sequence[int]]) -> Comparison:
    """Compare lists of ids, which must be equal; the difference is the number of ids that are not."""
    if [len(row) for row in ours] != [len(row) for row in recorded]:
        lengths = [len(row) for row in ours], [len(row) for row in recorded]
        return unlike(f"lengths {lengths[0]}, recorded {lengths[1]}")
    pairs = [pair for a, b in zip(ours, recorded, strict=True) for pair in zip(a, b, strict=True)]
    unequal = float(np.sum([a != b for a, b in pairs]))
    return Comparison(unequal, 0.0, unequal == 0)
