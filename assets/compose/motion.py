"""Values that change over one loop of an animation: key values, easings and periodic moves.

Time runs from 0 (first frame) to 1 (the first frame again), so that every move can be made to loop.
"""

import math
from collections.abc import Callable

Channel = float | Callable[[float], float]
Easing = Callable[[float], float]
Key = tuple[float, float] | tuple[float, float, Easing]


def value(channel: Channel, time: float) -> float:
    """Return what a channel is at a time in [0, 1)."""
    return channel(time) if callable(channel) else channel


def linear(part: float) -> float:
    """Move at one speed."""
    return part


def smooth(part: float) -> float:
    """Start and stop gently."""
    return part * part * (3 - 2 * part)


def fall(part: float) -> float:
    """Start at rest and gather speed."""
    return part * part


def rise(part: float) -> float:
    """Start fast and come to rest."""
    return 1 - (1 - part) ** 2


def overshoot(part: float) -> float:
    """Go a little beyond the goal and come back."""
    back = part - 1
    return 1 + 2.70158 * back**3 + 1.70158 * back**2


def bounce(part: float) -> float:
    """Fall on the goal and bounce twice, lower each time."""
    for start, width, height in ((0.0, 0.8, 1.0), (0.4, 0.36, 0.25), (0.76, 0.24, 0.08)):
        if part < start + (width / 2 if start == 0 else width):
            if start == 0:
                return (part / (width / 2)) ** 2
            middle = (part - start) / width * 2 - 1
            return 1 - height * (1 - middle * middle)
    return 1.0


def keys(*points: Key, ease: Easing = smooth) -> Channel:
    """Pass through key values `(time, value)`, held before the first and after the last.

    A third member of a key is the easing of the move that ends there.
    """

    def channel(time: float) -> float:
        before = points[0]
        for point in points:
            if time < point[0]:
                move = point[2] if len(point) == 3 else ease
                part = (time - before[0]) / (point[0] - before[0]) if point is not points[0] else 1.0
                return before[1] + (point[1] - before[1]) * move(part)
            before = point
        return before[1]

    return channel


def wave(centre: float, amplitude: float, cycles: float = 1, phase: float = 0) -> Channel:
    """Swing about a centre for ever; whole cycles loop. The phase is a part of a cycle."""
    return lambda time: centre + amplitude * math.sin(2 * math.pi * (cycles * time + phase))


def hop(ground: float, height: float, hops: int = 1, phase: float = 0) -> Channel:
    """Jump up from the ground and land again and again (y grows downwards)."""
    return lambda time: ground - height * abs(math.sin(math.pi * (hops * time + phase)))


def swing(
    amplitude: float, cycles: float = 2, start: float = 0.1, end: float = 0.8, base: float = 0
) -> Channel:
    """Swing to both sides between two times and rest at the base outside of them."""

    def channel(time: float) -> float:
        part = (time - start) / (end - start)
        return base + (amplitude * math.sin(2 * math.pi * cycles * part) if 0 < part < 1 else 0.0)

    return channel


def dip(amplitude: float, times: int = 2, start: float = 0.1, end: float = 0.8, base: float = 0) -> Channel:
    """Go from the base to one side and back, some times, between two times: a nod, a knock."""

    def channel(time: float) -> float:
        part = (time - start) / (end - start)
        return base + (amplitude * math.sin(math.pi * times * part) ** 2 if 0 < part < 1 else 0.0)

    return channel


def pop(start: float, end: float, size: float, grow: float = 0.12) -> Channel:
    """Appear with a little overshoot at a time and shrink away before another."""
    return keys((start, 0), (start + grow, size, overshoot), (end - grow, size), (end, 0, fall))


def cycle(times: float = 1, phase: float = 0) -> Channel:
    """Run from 0 to 1 again and again: the position in a source animation that plays whole times."""
    return lambda time: (times * time + phase) % 1


def delayed(channel: Channel, by: float) -> Channel:
    """Shift a looping channel to a later time."""
    return lambda time: value(channel, (time - by) % 1)
