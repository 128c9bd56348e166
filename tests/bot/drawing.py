"""GIFs for packs of one's own: any number, none of which looks like another."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw

EDGE = 64
CELL = 8


def draw(path: Path, seed: int) -> Path:
    """Write a calm animation: coloured cells that stay, and a grey square that wanders over them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = random.Random(seed)
    ground = Image.new("RGB", (EDGE, EDGE))
    pen = ImageDraw.Draw(ground)
    for x in range(0, EDGE, CELL):
        for y in range(0, EDGE, CELL):
            colour = tuple(colours.randrange(256) for _ in range(3))
            pen.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=colour)
    frames = []
    for step in range(4):
        frame = ground.copy()
        ImageDraw.Draw(frame).rectangle((2 + step, 2, 6 + step, 6), fill=(128, 128, 128))
        frames.append(frame)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200, loop=0)
    return path
