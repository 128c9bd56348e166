"""Flashes that can cause seizures, after WCAG 2.3.1 (https://www.w3.org/TR/WCAG22/, success criterion 2.3.1).

A general flash is a pair of opposing changes in relative luminance by 10 % of the maximum or more, where the
darker image is below 0.80; a red flash one to or from a saturated red. More than three within any second are
too many, where they cover more than a quarter of ten degrees of the visual field, which a GIF in a chat fills.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHANGE = 0.10
DARK = 0.80
RED_CHANGE = 20.0
RED_SHARE = 0.80
AREA = 0.25
ALLOWED = 3
WINDOW_MS = 1000.0
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)

Grid = NDArray[np.float32]
Moments = list[tuple[float, int]]


@dataclass(frozen=True)
class FlashReport:
    """The most flashes in any one second, when that begins, and whether red ones are meant."""

    worst_per_second: int
    at_ms: float
    is_red: bool

    @property
    def is_flashing(self) -> bool:
        """Whether these are too many."""
        return self.worst_per_second > ALLOWED


class Turns:
    """Follows the value of each cell; a turn is a change that is large enough against the last extreme."""

    def __init__(self, first: Grid, change: float, dark: float) -> None:
        self._change = change
        self._dark = dark
        self._low, self._high = first.copy(), first.copy()
        self._direction = np.zeros(first.shape, np.int8)

    def step(self, value: Grid) -> tuple[float, float]:
        """Return the shares of the cells that turn up and that turn down at this value."""
        np.minimum(self._low, value, out=self._low)
        np.maximum(self._high, value, out=self._high)
        up = (value - self._low >= self._change) & (self._low < self._dark) & (self._direction <= 0)
        down = (self._high - value >= self._change) & (value < self._dark) & (self._direction >= 0) & ~up
        self._direction[up], self._direction[down] = 1, -1
        # An extreme counts from the last turn on.
        self._high[up], self._low[down] = value[up], value[down]
        return float(up.mean()), float(down.mean())


class FlashMeter:
    """Takes in the frames of an animation as small grids, and counts at the end."""

    def __init__(self) -> None:
        self._grids: list[tuple[Grid, Grid]] = []
        self._shown_ms: list[float] = []

    def add(self, rgb: NDArray[np.uint8], shown_ms: float) -> None:
        """Take in a frame as (rows, columns, 3) uint8 sRGB."""
        linear = _LINEAR[rgb]
        red = linear[..., 0]
        total = linear.sum(-1)
        is_red = red >= RED_SHARE * np.maximum(total, 1e-6)
        redness = np.where(is_red, np.maximum(2 * red - total, 0) * 320, 0).astype(np.float32)
        self._grids.append((linear @ LUMINANCE, redness))
        self._shown_ms.append(shown_ms)

    def report(self) -> FlashReport:
        """Count the flashes of the animation, which begins again at its end."""
        if len(self._grids) < 2:
            return FlashReport(0, 0.0, False)
        rounds = 2 + int(2 * WINDOW_MS // max(sum(self._shown_ms), 1.0))
        general = _worst(self._turns(0, CHANGE, DARK, rounds))
        red = _worst(self._turns(1, RED_CHANGE, np.inf, rounds))
        count, at_ms = max(general, red)
        return FlashReport(count, at_ms % sum(self._shown_ms), red[0] > general[0])

    def _turns(self, which: int, change: float, dark: float, rounds: int) -> Moments:
        """List when enough of the picture turns, and which way (1 up, -1 down), over several rounds."""
        turns = Turns(self._grids[0][which], change, dark)
        found: Moments = []
        at_ms = 0.0
        for _ in range(rounds):
            for grids, shown_ms in zip(self._grids, self._shown_ms, strict=True):
                up, down = turns.step(grids[which])
                if up >= AREA and up >= down:
                    found.append((at_ms, 1))
                elif down >= AREA:
                    found.append((at_ms, -1))
                at_ms += shown_ms
        return found


def _worst(turns: Moments) -> tuple[int, float]:
    """Return the most pairs of opposing turns within a second, and when that begins."""
    opposing = [turn for last, turn in zip([(0.0, 0), *turns], turns, strict=False) if turn[1] != last[1]]
    worst, begin, first = 0, 0.0, 0
    for number, (at_ms, _) in enumerate(opposing):
        while at_ms - opposing[first][0] > WINDOW_MS:
            first += 1
        if (flashes := (number - first + 1) // 2) > worst:
            worst, begin = flashes, opposing[first][0]
    return worst, begin


def _to_linear() -> Grid:
    """Return linear light by sRGB byte, (256,) float32, as WCAG's relative luminance has it."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _to_linear()
