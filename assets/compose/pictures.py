"""Small pictures that the emoji set lacks or draws too dark for a dark theme: confetti, notes, words."""

import math
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

from assets.compose.scene import Painted

_DRAFT = 512
_FINAL = 128

CONFETTI_COLOURS = ("#ff4d6d", "#ffb703", "#3fc1ff", "#6ee06a", "#b86bff")
NOTE_COLOURS = ("#3fc1ff", "#ff6fb5", "#ffb703")

Paint = Callable[[ImageDraw.ImageDraw], None]


def _painted(name: str, paint: Paint) -> Painted:
    def draw() -> Image.Image:
        draft = Image.new("RGBA", (_DRAFT, _DRAFT))
        paint(ImageDraw.Draw(draft))
        return draft.resize((_FINAL, _FINAL), Image.Resampling.LANCZOS)

    return Painted(name, draw)


def lettering(text: str, colour: str, outline: str = "#ffffff") -> Painted:
    """Return a short word in bold letters with an outline, cut to its width."""

    def draw() -> Image.Image:
        font = ImageFont.load_default(200)
        left, top, right, bottom = font.getbbox(text, stroke_width=18)
        draft = Image.new("RGBA", (math.ceil(right - left), math.ceil(bottom - top)))
        pen = ImageDraw.Draw(draft)
        pen.text((-left, -top), text, font=font, fill=outline, stroke_width=18, stroke_fill=outline)
        pen.text((-left, -top), text, font=font, fill=colour, stroke_width=6, stroke_fill=colour)
        return draft

    return Painted(f"lettering {text}", draw)


def confetti(colour: str) -> Painted:
    """Return one slip of coloured paper."""
    return _painted("confetti", lambda pen: pen.rounded_rectangle((100, 170, 412, 342), 40, fill=colour))


def note(colour: str) -> Painted:
    """Return a coloured music note."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.ellipse((70, 330, 260, 480), fill=colour)
        pen.rectangle((212, 60, 260, 405), fill=colour)
        pen.polygon([(212, 40), (440, 150), (440, 260), (212, 150)], fill=colour)

    return _painted("note", paint)


def spark(colour: str = "#ffd43b") -> Painted:
    """Return a star with four points."""
    points = [
        (256 + reach * math.cos(math.pi * step / 4), 256 + reach * math.sin(math.pi * step / 4))
        for step, reach in enumerate((250, 70) * 4)
    ]
    return _painted("spark", lambda pen: pen.polygon(points, fill=colour))


def _paint_kernel(pen: ImageDraw.ImageDraw) -> None:
    lobes = ((170, 190, 130), (330, 170, 120), (350, 330, 125), (190, 350, 120), (256, 256, 120))
    for grow, colour in ((24, "#e0a83a"), (0, "#fff3d1")):
        for x, y, radius in lobes:
            size = radius + grow
            pen.ellipse((x - size, y - size, x + size, y + size), fill=colour)
    pen.ellipse((210, 230, 300, 310), fill="#ffd76b")


def _paint_splat(pen: ImageDraw.ImageDraw) -> None:
    for x, y, radius in (
        (256, 256, 180),
        (90, 230, 80),
        (420, 210, 84),
        (150, 400, 90),
        (370, 400, 92),
        (260, 90, 80),
    ):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill="#f4efe6")
    pen.ellipse((170, 150, 350, 330), fill="#ffb703")
    pen.ellipse((200, 175, 260, 225), fill="#ffe08a")


def _paint_lines(pen: ImageDraw.ImageDraw) -> None:
    for row, (left, right) in enumerate(((150, 480), (20, 400), (150, 480))):
        y = 110 + row * 140
        pen.rounded_rectangle((left, y, right, y + 36), 18, fill="#8ecbff")


def _paint_arc(pen: ImageDraw.ImageDraw) -> None:
    for radius in (230, 150):
        pen.arc((256 - radius, 256 - radius, 256 + radius, 256 + radius), -40, 40, fill="#5aa9ff", width=36)


def _paint_drop(pen: ImageDraw.ImageDraw) -> None:
    pen.polygon([(256, 20), (390, 300), (122, 300)], fill="#4aa8ff")
    pen.ellipse((112, 210, 400, 490), fill="#4aa8ff")
    pen.ellipse((180, 290, 250, 380), fill="#b5dcff")


def _paint_eye(pen: ImageDraw.ImageDraw) -> None:
    pen.ellipse((20, 20, 492, 492), fill="#ffffff", outline="#3b2a4a", width=26)


KERNEL = _painted("kernel", _paint_kernel)
"""A piece of popcorn."""
SPLAT = _painted("splat", _paint_splat)
"""A broken egg seen from above."""
LINES = _painted("lines", _paint_lines)
"""Three speed lines, for a thing that moves sideways."""
ARC = _painted("arc", _paint_arc)
"""Two arcs at the right of a thing that shakes or swings."""
DROP = _painted("drop", _paint_drop)
"""A drop of water: rain, sweat or a tear."""
EYE = _painted("eye", _paint_eye)
"""The white of an eye."""
PUPIL = _painted("pupil", lambda pen: pen.ellipse((20, 20, 492, 492), fill="#3b2a4a"))
"""The black of an eye."""
STICK = _painted("stick", lambda pen: pen.rounded_rectangle((242, 10, 270, 502), 14, fill="#a9714b"))
"""An upright pole."""
