"""Groups of sprites that many compositions share: sparks, confetti, things that rise, rain or jump out."""

import math
from dataclasses import replace

from assets.compose.canvas import SIDE
from assets.compose.motion import Channel, fall, keys, rise, value, wave
from assets.compose.pictures import ARC, CONFETTI_COLOURS, EYE, NOTE_COLOURS, PUPIL, confetti, note, spark
from assets.compose.scene import Painted, Sprite

_GOLDEN = 0.618034
Picture = str | Painted


def scatter(index: int, salt: float = 0.0) -> float:
    """Return a number in [0, 1) that looks random and spreads evenly over the indices."""
    return (index * _GOLDEN + salt) % 1


def sparks(
    x: float,
    y: float,
    start: float,
    picture: Picture | None = None,
    count: int = 7,
    reach: float = 46,
    size: float = 20,
) -> tuple[Sprite, ...]:
    """Things that fly apart from a point at a time and shrink away: an impact, a twinkle."""
    shown = picture or spark()
    angles = [2 * math.pi * (step + 0.25) / count for step in range(count)]
    return tuple(
        Sprite(
            shown,
            x=keys((start, x + 8 * math.cos(angle)), (start + 0.3, x + reach * math.cos(angle), rise)),
            y=keys((start, y + 8 * math.sin(angle)), (start + 0.3, y + reach * math.sin(angle), rise)),
            size=keys((start, 0), (start + 0.06, size), (start + 0.18, size), (start + 0.32, 0, fall)),
        )
        for angle in angles
    )


def rising(
    picture: Picture,
    count: int = 5,
    size: float = 24,
    left: float = 15,
    right: float = 145,
    bottom: float = 165,
    top: float = 5,
    turn: float = 12,
) -> tuple[Sprite, ...]:
    """Things that float up for ever, sway, grow at the bottom and shrink at the top."""

    def one(index: int) -> Sprite:
        phase = index / count
        x = left + (right - left) * scatter(index, 0.1)

        def part(time: float) -> float:
            return (time + phase) % 1

        return Sprite(
            picture,
            x=wave(x, 6, 2, phase),
            y=lambda time: bottom + (top - bottom) * part(time),
            size=lambda time: size * min(1.0, 5 * part(time), 5 * (1 - part(time))),
            turn=wave(0, turn, 2, phase),
        )

    return tuple(one(index) for index in range(count))


def raining(
    pictures: tuple[Picture, ...],
    count: int = 10,
    size: float = 16,
    spin: int = 1,
    left: float = 6,
    right: float = 154,
    top: float = -14,
    bottom: float = 174,
) -> tuple[Sprite, ...]:
    """Things that fall for ever, each with whole turns a loop."""

    def one(index: int) -> Sprite:
        phase = scatter(index, 0.37)
        return Sprite(
            pictures[index % len(pictures)],
            x=wave(left + (right - left) * (index + 0.5) / count, 5, 1, phase),
            y=lambda time: top + (bottom - top) * ((time + phase) % 1),
            size=size,
            turn=lambda time: 360 * spin * time + 90 * index,
        )

    return tuple(one(index) for index in range(count))


def confetti_rain(count: int = 10, size: float = 15) -> tuple[Sprite, ...]:
    """Coloured paper that falls for ever."""
    return raining(tuple(confetti(colour) for colour in CONFETTI_COLOURS), count, size)


def notes(count: int = 4, size: float = 24) -> tuple[Sprite, ...]:
    """Music notes that rise at both sides."""
    left = rising(note(NOTE_COLOURS[0]), (count + 1) // 2, size, 8, 30, 120, 10)
    return left + rising(note(NOTE_COLOURS[1]), count // 2, size, 132, 152, 140, 20)


def jumping(
    picture: Picture,
    x: float,
    y: float,
    count: int = 6,
    size: float = 18,
    reach: float = 44,
    height: float = 62,
) -> tuple[Sprite, ...]:
    """Things that jump out of a point in turn, fly in an arc and fall back behind it."""

    def one(index: int) -> Sprite:
        phase = index / count
        side = reach * (2 * scatter(index, 0.31) - 1)
        up = height * (0.75 + 0.25 * scatter(index, 0.7))

        def part(time: float) -> float:
            return (2 * time + phase) % 1

        return Sprite(
            picture,
            x=lambda time: x + side * part(time),
            y=lambda time: y - up * 4 * part(time) * (1 - part(time)),
            size=size,
            turn=lambda time: 240 * part(time) * (1 if side > 0 else -1),
        )

    return tuple(one(index) for index in range(count))


def shake_arcs(x: float, y: float, reach: float, start: float = 0.1, end: float = 0.8) -> tuple[Sprite, ...]:
    """Arcs at both sides of a thing while it shakes."""
    size = keys((start, 0), (start + 0.08, 36), (end - 0.08, 36), (end, 0))
    return Sprite(ARC, x=x + reach, y=y, size=size), Sprite(ARC, x=x - reach, y=y, size=size, flip=True)


def nod_arcs(x: float, y: float, reach: float, start: float = 0.1, end: float = 0.8) -> tuple[Sprite, ...]:
    """Arcs above and below a thing while it nods."""
    size = keys((start, 0), (start + 0.08, 36), (end - 0.08, 36), (end, 0))
    return Sprite(ARC, x=x, y=y + reach, size=size, turn=90), Sprite(
        ARC, x=x, y=y - reach, size=size, turn=-90
    )


def eyes(
    left: tuple[float, float], right: tuple[float, float], size: float, across: Channel, down: Channel
) -> tuple[Sprite, ...]:
    """Two painted eyes whose pupils look across and down (-1 to 1): for faces that cannot roll their own."""
    reach = size * 0.22

    def pupil(x: float, y: float) -> Sprite:
        return Sprite(
            PUPIL,
            x=lambda time: x + reach * value(across, time),
            y=lambda time: y + reach * value(down, time),
            size=size * 0.5,
        )

    whites = tuple(Sprite(EYE, x=x, y=y, size=size) for x, y in (left, right))
    return *whites, pupil(*left), pupil(*right)


def mirrored(sprite: Sprite) -> tuple[Sprite, Sprite]:
    """Return a sprite and its mirror image about the middle of the canvas, with opposite moves."""
    twin = replace(
        sprite,
        x=lambda time: SIDE - value(sprite.x, time),
        turn=lambda time: -value(sprite.turn, time),
        flip=not sprite.flip,
        pivot=(1 - sprite.pivot[0], sprite.pivot[1]),
    )
    return sprite, twin
