"""What a server likes: votes on GIFs, and how far they shift a ranking. Counts of GIFs, never words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

SEND = 1.0
THUMB = 1.0
PASSED_OVER = 1 / 3  # who shuffles casts one vote against three GIFs together

PRIOR_UPS = 2.0  # Beta(2, 2): as if each GIF had been liked twice and disliked twice before
PRIOR_DOWNS = 2.0
WEIGHT = 0.05  # the most that a GIF is shifted, in cosine (benchmarks/feedback.py)
PERIOD = timedelta(days=30)
HALF_LIFE_PERIODS = 1.0
COUNTED = 20.0  # votes of one kind a period, at most: a campaign is no verdict for ever
FORGOTTEN_AFTER = 12  # periods
NEGLIGIBLE = 1e-4
UP, DOWN = "u", "d"


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes for and against one GIF, older ones counting less."""

    ups: float = 0.0
    downs: float = 0.0

    @property
    def shift(self) -> float:
        """What is added to the GIF's score, in (-WEIGHT, WEIGHT).

        It says how far the mean of the Beta posterior is from that of the prior. As it is bounded, votes
        fade and a campaign counts little more than a few, no GIF is buried for good.
        """
        total = self.ups + self.downs + PRIOR_UPS + PRIOR_DOWNS
        liked = (self.ups + PRIOR_UPS) / total
        return WEIGHT * (2 * liked - 1)


def period_of(now: datetime) -> int:
    """Number the period that a vote of `now` is counted in."""
    return int(now.timestamp() // PERIOD.total_seconds())


def field_of(gif: str, vote: float, now: datetime) -> str:
    """Name the counter of votes of one kind for a GIF in the present period."""
    return f"{gif}:{period_of(now)}:{UP if vote > 0 else DOWN}"


def tallies(counters: Mapping[str, float], now: datetime) -> dict[str, Tally]:
    """Sum up the counters of `field_of` by GIF, halved every `HALF_LIFE_PERIODS`."""
    found: dict[str, Tally] = {}
    for name, count in counters.items():
        gif, period, kind = name.split(":")
        age = max(0, period_of(now) - int(period))
        worth = min(count, COUNTED) * 0.5 ** (age / HALF_LIFE_PERIODS)
        tally = found.get(gif, Tally())
        found[gif] = (
            Tally(tally.ups + worth, tally.downs) if kind == UP else Tally(tally.ups, tally.downs + worth)
        )
    return {gif: Tally(max(0.0, tally.ups), max(0.0, tally.downs)) for gif, tally in found.items()}


def counted(counters: Mapping[str, float], now: datetime) -> dict[str, Tally]:
    """Sum up the counters of `field_of` by GIF as they are, without those that are forgotten."""
    old, found = set(forgotten(counters, now)), dict[str, Tally]()
    for name, count in counters.items():
        gif, _, kind = name.split(":")
        if name not in old and count > 0:
            ups, downs = (count, 0.0) if kind == UP else (0.0, count)
            tally = found.get(gif, Tally())
            found[gif] = Tally(tally.ups + ups, tally.downs + downs)
    return found


def shifts(counters: Mapping[str, float], now: datetime) -> dict[str, float]:
    """Return what is added to the score of each GIF that the votes say something about."""
    found = {gif: tally.shift for gif, tally in tallies(counters, now).items()}
    return {gif: shift for gif, shift in found.items() if not math.isclose(shift, 0, abs_tol=NEGLIGIBLE)}


def forgotten(fields: Iterable[str], now: datetime) -> list[str]:
    """List the counters that are so old that they no longer matter."""
    oldest = period_of(now) - FORGOTTEN_AFTER
    return [name for name in fields if int(name.split(":")[1]) < oldest]
