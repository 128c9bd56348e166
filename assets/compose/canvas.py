"""Placing a picture on a small canvas: scaled, squashed, turned and with its features shifted."""

import math
from dataclasses import dataclass

from PIL import Image

SIDE = 160
"""Width and height of a canvas in pixels."""

_OVERSIZE = 1.4
_MESH = 12
_RIM = 0.88


@dataclass(frozen=True)
class Placement:
    """Where and how a picture lies on the canvas, in canvas pixels and degrees (clockwise).

    `x`, `y` is the middle of the picture before it is turned or squashed about its pivot, which is
    given in parts of the picture's width and height.
    """

    x: float
    y: float
    width: float
    height: float
    turn: float = 0.0
    stretch: float = 1.0
    squash: float = 1.0
    pivot: tuple[float, float] = (0.5, 0.5)


def shrink(picture: Image.Image, size: float) -> Image.Image:
    """Reduce a picture to what a longest side of `size` pixels needs, so that placing it does not alias."""
    goal = max(size, 1.0) * _OVERSIZE
    part = min(goal / max(picture.size), 1.0)
    if part == 1.0:
        return picture
    return picture.resize(
        (max(1, round(picture.width * part)), max(1, round(picture.height * part))), Image.Resampling.LANCZOS
    )


def look(picture: Image.Image, yaw: float, pitch: float) -> Image.Image:
    """Shift the features of a round face sideways and down, in parts of its size, and keep its outline.

    The middle moves most and the rim not at all, which reads as a turning head.
    """
    if not yaw and not pitch:
        return picture
    width, height = picture.size

    def source(column: int, row: int) -> tuple[float, float]:
        across, down = column / _MESH, row / _MESH
        depth = max(0.0, 1 - ((across * 2 - 1) ** 2 + (down * 2 - 1) ** 2) / _RIM)
        return (across - yaw * depth) * width, (down - pitch * depth) * height

    mesh = []
    for row in range(_MESH):
        for column in range(_MESH):
            box = (
                column * width // _MESH,
                row * height // _MESH,
                (column + 1) * width // _MESH,
                (row + 1) * height // _MESH,
            )
            corners = ((column, row), (column, row + 1), (column + 1, row + 1), (column + 1, row))
            mesh.append((box, tuple(part for corner in corners for part in source(*corner))))
    return picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)


def place(canvas: Image.Image, picture: Image.Image, where: Placement) -> None:
    """Draw a picture over the canvas, with sub-pixel precision."""
    width, height = where.width * where.stretch, where.height * where.squash
    if width < 1 or height < 1:
        return
    across, down = where.pivot
    middle_x = where.x + (across - 0.5) * where.width
    middle_y = where.y + (down - 0.5) * where.height
    cosine, sine = math.cos(math.radians(where.turn)), math.sin(math.radians(where.turn))
    corners = [
        (middle_x + cosine * u - sine * v, middle_y + sine * u + cosine * v)
        for u in (-across * width, (1 - across) * width)
        for v in (-down * height, (1 - down) * height)
    ]
    left = max(0, math.floor(min(x for x, _ in corners)) - 1)
    top = max(0, math.floor(min(y for _, y in corners)) - 1)
    right = min(canvas.width, math.ceil(max(x for x, _ in corners)) + 1)
    bottom = min(canvas.height, math.ceil(max(y for _, y in corners)) + 1)
    if left >= right or top >= bottom:
        return
    scale_x, scale_y = picture.width / width, picture.height / height
    from_x, from_y = left - middle_x, top - middle_y
    inverse = (
        cosine * scale_x,
        sine * scale_x,
        (cosine * from_x + sine * from_y) * scale_x + across * picture.width,
        -sine * scale_y,
        cosine * scale_y,
        (cosine * from_y - sine * from_x) * scale_y + down * picture.height,
    )
    moved = picture.transform(
        (right - left, bottom - top), Image.Transform.AFFINE, inverse, Image.Resampling.BICUBIC
    )
    canvas.alpha_composite(moved, (left, top))
