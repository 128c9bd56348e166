"""Flashes that can cause seizures, after WCAG 2.3.1 (https://www.w3.org/TR/WCAG22/, success criterion 2.3.1).

A general flash is a pair of opposing changes in relative luminance by 10 % of the maximum or more, where the
darker image is below 0.80; a red flash one to or from a saturated red. More than three within any second are
too many, where they cover more than a quarter of ten degrees of the visual field: about what a GIF fills.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHANGE = 0.10
DARK = 0.80
RED_CHANGE = 20.0
RED_SCALE = 320.0
RED_SHARE = 0.80
AREA = 0.25
BLOCKS = 8  # along the longer edge
ALLOWED = 3
WINDOW_MS = 1000.0
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)

Grid = NDArray[np.float32]
Mask = NDArray[np.bool_]


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

    def __init__(self, shape: tuple[int, ...], change: float, dark: float) -> None:
        self._change = change
        self._dark = dark
        self._low, self._high = np.full(shape, np.inf, np.float32), np.full(shape, -np.inf, np.float32)
        self._direction = np.zeros(shape, np.int8)

    def step(self, value: Grid, counts: Mask) -> tuple[Mask, Mask]:
        """Return which cells turn up and which turn down; only where one `counts` is it an upper extreme."""
        np.minimum(self._low, value, out=self._low)
        np.maximum(self._high, value, out=self._high, where=counts)
        up = (value - self._low >= self._change) & (self._low < self._dark) & (self._direction <= 0) & counts
        down = (self._high - value >= self._change) & (value < self._dark) & (self._direction >= 0) & ~up
        self._direction[up], self._direction[down] = 1, -1
        # An extreme counts from the last turn on.
        self._high[up], self._low[down] = value[up], value[down]
        return up, down


class Window:
    """The turns of each cell within a second."""

    def __init__(self, shape: tuple[int, ...], change: float, dark: float) -> None:
        self._turns = Turns(shape, change, dark)
        self._recent: deque[tuple[float, Mask]] = deque()
        self.turned = np.zeros(shape, np.uint16)

    def add(self, at_ms: float, value: Grid, counts: Mask) -> tuple[int, int]:
        """Take in what is shown from a time on; return how many cells turn up and down then."""
        while self._recent and self._recent[0][0] < at_ms - WINDOW_MS:
            self.turned -= self._recent.popleft()[1]
        up, down = self._turns.step(value, counts)
        self._recent.append((at_ms, up | down))
        self.turned += up | down
        return int(up.sum()), int(down.sum())


class Counter:
    """Counts flashes in any second.

    It does so cell by cell, which finds what flashes in another phase here than there and what fades
    through several frames, and for the whole picture, which finds what flashes now here, now there. A cell
    counts no more often than the block that it lies in: where stripes move, it is cells alone that flash.
    """

    def __init__(self, shape: tuple[int, ...], change: float, dark: float) -> None:
        side = -(-max(shape) // BLOCKS)
        self._edges = [np.arange(0, length, side) for length in shape]
        self._block_of = np.ix_(*(np.arange(length) // side for length in shape))
        self._block_cells = self._in_blocks(np.ones(shape, np.float32))
        self._cells = Window(shape, change, dark)
        self._blocks = Window(self._block_cells.shape, change, dark)
        self._together: deque[tuple[float, int]] = deque([(-np.inf, 0)])
        self._let_be = int(AREA * shape[0] * shape[1])
        self.worst, self.at_ms = 0, 0.0

    def add(self, at_ms: float, value: Grid, counts: Mask) -> None:
        """Take in what is shown from a time on, later than the times before."""
        mean, mostly = (self._in_blocks(grid) / self._block_cells for grid in (value, counts))
        self._blocks.add(at_ms, mean, mostly >= 0.5)
        up, down = self._cells.add(at_ms, value, counts)
        if up or down:
            turned = np.minimum(self._cells.turned, self._blocks.turned[self._block_of])
            place = turned.size - 1 - self._let_be
            self._note(int(np.partition(turned, place, axis=None)[place]), at_ms)
        self._turn_together(at_ms, up, down)

    def _turn_together(self, at_ms: float, up: int, down: int) -> None:
        direction = 1 if up >= down else -1
        if max(up, down) <= self._let_be or direction == self._together[-1][1]:
            return
        self._together.append((at_ms, direction))
        while self._together[0][0] < at_ms - WINDOW_MS:
            self._together.popleft()
        self._note(len(self._together), at_ms)

    def _note(self, turns: int, at_ms: float) -> None:
        if turns // 2 > self.worst:
            self.worst, self.at_ms = turns // 2, max(0.0, at_ms - WINDOW_MS)

    def _in_blocks(self, grid: Grid | Mask) -> Grid:
        """Return sums, (blocks down, blocks across) float32."""
        rows = np.add.reduceat(grid.astype(np.float32), self._edges[0], axis=0)
        return np.asarray(np.add.reduceat(rows, self._edges[1], axis=1))


class FlashMeter:
    """Takes in the frames of an animation as small grids, and counts at the end."""

    def __init__(self) -> None:
        self._frames: list[tuple[NDArray[np.uint8], float]] = []

    def add(self, rgb: NDArray[np.uint8], shown_ms: float) -> None:
        """Take in a frame as (rows, columns, 3) uint8 sRGB."""
        self._frames.append((rgb, shown_ms))

    def report(self) -> FlashReport:
        """Count the flashes of the animation, which begins again at its end."""
        if len(self._frames) < 2:
            return FlashReport(0, 0.0, False)
        luminance, redness, is_red = _measured(np.stack([rgb for rgb, _ in self._frames]))
        shape = luminance.shape[1:]
        general, red = Counter(shape, CHANGE, DARK), Counter(shape, RED_CHANGE, np.inf)
        if _may_flash(luminance, CHANGE):
            everywhere = np.ones(shape, np.bool_)
            for at_ms, number in self._timed():
                general.add(at_ms, luminance[number], everywhere)
        if _may_flash(redness, RED_CHANGE) and is_red.any(axis=0).mean() > AREA:
            for at_ms, number in self._timed():
                red.add(at_ms, redness[number], is_red[number])
        worst = max(general, red, key=lambda counter: counter.worst)
        return FlashReport(worst.worst, worst.at_ms % self._total_ms, worst is red)

    @property
    def _total_ms(self) -> float:
        return sum(shown_ms for _, shown_ms in self._frames)

    def _timed(self) -> Iterator[tuple[float, int]]:
        """Give the number of what is shown from when on, for more than a second after the seam."""
        at_ms, end_ms = 0.0, self._total_ms + 2 * WINDOW_MS
        while at_ms < end_ms:
            for number, (_, shown_ms) in enumerate(self._frames):
                yield at_ms, number
                at_ms += shown_ms


def _may_flash(values: Grid, change: float) -> bool:
    """Say whether enough of the cells of (frames, rows, columns) ever change enough; seldom that many do."""
    return bool((np.ptp(values, axis=0) >= change).mean() > AREA)


def _measured(rgb: NDArray[np.uint8]) -> tuple[Grid, Grid, Mask]:
    """Return relative luminance, how red each cell is, and whether it is a saturated red, frame by frame."""
    linear = _LINEAR[rgb]
    red, total = linear[..., 0], linear.sum(-1)
    redness = np.maximum(2 * red - total, 0) * RED_SCALE
    return linear @ LUMINANCE, redness, (red >= RED_SHARE * total) & (red > 0)


def _to_linear() -> Grid:
    """Return linear light by sRGB byte, (256,) float32, as WCAG's relative luminance has it."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _to_linear()
