"""What a composed animation is: sprites with moving channels, drawn frame by frame."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from assets.compose.canvas import SIDE, Placement, look, place, shrink
from assets.compose.motion import Channel, value

Load = Callable[[str], list[Image.Image]]
"""Give the frames (RGBA) of the emoji picture with these code points, such as `1f3a4`."""

_PROBES = 24


@dataclass(frozen=True)
class Painted:
    """A picture drawn by the project itself, where the emoji set has none."""

    name: str
    paint: Callable[[], Image.Image]


@dataclass(frozen=True)
class Animation:
    """Frames (RGBA, 160 x 160) that loop, each shown for `duration_ms`."""

    frames: list[Image.Image]
    duration_ms: int


@dataclass(frozen=True)
class Sprite:
    """A picture and how it moves; canvas pixels, degrees clockwise, times in parts of the loop.

    `size` is the width; `play` is the position in the source animation (0 to 1); `yaw` and `pitch` shift
    a face's features in parts of its size; `crop` is a part of the source (left, top, right, bottom).
    """

    source: str | Painted
    x: Channel = SIDE / 2
    y: Channel = SIDE / 2
    size: Channel = 100.0
    turn: Channel = 0.0
    play: Channel = 0.0
    stretch: Channel = 1.0
    squash: Channel = 1.0
    yaw: Channel = 0.0
    pitch: Channel = 0.0
    flip: bool = False
    pivot: tuple[float, float] = (0.5, 0.5)
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    def widest(self) -> float:
        """Return the largest width over the loop, in pixels."""
        return max(value(self.size, step / _PROBES) for step in range(_PROBES))


class _Reel:
    """The prepared frames of one sprite: cropped, flipped and reduced, each made once."""

    def __init__(self, sprite: Sprite, load: Load) -> None:
        source = sprite.source
        self._sprite = sprite
        self._frames = load(source) if isinstance(source, str) else [source.paint()]
        self._ready: dict[int, Image.Image] = {}
        self._widest = sprite.widest()

    def picture(self, position: float) -> Image.Image:
        index = min(int(position * len(self._frames)), len(self._frames) - 1)
        if index not in self._ready:
            self._ready[index] = self._prepare(self._frames[index])
        return self._ready[index]

    def _prepare(self, frame: Image.Image) -> Image.Image:
        left, top, right, bottom = self._sprite.crop
        width, height = frame.size
        part = frame.convert("RGBA").crop(
            (round(left * width), round(top * height), round(right * width), round(bottom * height))
        )
        if self._sprite.flip:
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return shrink(part, self._widest * max(1.0, part.height / part.width))

    def draw(self, canvas: Image.Image, time: float) -> None:
        sprite = self._sprite
        width = value(sprite.size, time)
        if width < 1:
            return
        picture = look(
            self.picture(value(sprite.play, time)), value(sprite.yaw, time), value(sprite.pitch, time)
        )
        where = Placement(
            x=value(sprite.x, time),
            y=value(sprite.y, time),
            width=width,
            height=width * picture.height / picture.width,
            turn=value(sprite.turn, time),
            stretch=value(sprite.stretch, time),
            squash=value(sprite.squash, time),
            pivot=sprite.pivot,
        )
        place(canvas, picture, where)


@dataclass(frozen=True)
class Scene:
    """Sprites drawn one over the other. Calling it with a loader renders one loop.

    The loop is cut at `poster`, a telling moment of it: the first frame is what a still preview shows.
    """

    sprites: tuple[Sprite, ...]
    frames: int = 32
    duration_ms: int = 60
    poster: float = 0.5

    def __call__(self, load: Load) -> Animation:
        """Render every frame of the loop."""
        return Animation(self.render(load, range(self.frames)), self.duration_ms)

    def render(self, load: Load, steps: range) -> list[Image.Image]:
        """Render some frames of the loop only."""
        reels = [_Reel(sprite, load) for sprite in self.sprites]
        pictures = []
        for step in steps:
            canvas = Image.new("RGBA", (SIDE, SIDE))
            for reel in reels:
                reel.draw(canvas, (step / self.frames + self.poster) % 1)
            pictures.append(canvas)
        return pictures


@dataclass(frozen=True)
class Composition:
    """A composed reaction: what it is called, where it belongs and how it is drawn.

    The first of at most three categories is the primary one. The alt text says what moves and what it means.
    """

    slug: str
    title: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    alt_text: str
    render: Scene

    @property
    def code_points(self) -> tuple[str, ...]:
        """The emoji pictures used, each once, hindmost first."""
        return tuple(dict.fromkeys(one.source for one in self.render.sprites if isinstance(one.source, str)))


def reaction(
    slug: str,
    title: str,
    categories: str,
    tags: str,
    alt_text: str,
    *parts: Sprite | tuple[Sprite, ...],
    frames: int = 32,
    duration_ms: int = 60,
    poster: float = 0.5,
) -> Composition:
    """Build a composition: categories by spaces, tags by commas, then sprites and groups, hindmost first."""
    words = tuple(tag.strip() for tag in tags.split(","))
    sprites = tuple(one for part in parts for one in ((part,) if isinstance(part, Sprite) else part))
    drawn = Scene(sprites, frames, duration_ms, poster)
    return Composition(slug, title, tuple(categories.split()), words, alt_text, drawn)
