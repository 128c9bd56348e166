"""A GIF in the terminal: as a real picture where the terminal can, else in coloured half-blocks."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.color import Color
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from PIL import Image

Way = Literal["kitty", "iterm", "blocks"]
COLUMNS = 22  # of the picture; a character is about twice as high as wide
KITTY_CHUNK = 4096  # payload bytes an escape may carry
OPAQUE = 128


def choose_way(environment: Mapping[str, str], color_system: str | None) -> Way | None:
    """Tell how this terminal shows a picture, None for not at all.

    Args:
        environment: variables of the process.
        color_system: what rich found out, None where output is no terminal or has no colour.
    """
    if color_system is None:
        return None
    program = environment.get("TERM_PROGRAM", "")
    is_multiplexed = bool(environment.get("TMUX") or environment.get("STY"))  # swallows picture escapes
    if not is_multiplexed:
        if "KITTY_WINDOW_ID" in environment or program == "ghostty":
            return "kitty"
        if program in ("iTerm.app", "WezTerm") or environment.get("LC_TERMINAL") == "iTerm2":
            return "iterm"
    return "blocks" if color_system in ("truecolor", "256") else None


def middle_frame(path: Path) -> Image.Image:
    """Decode the middle frame of a GIF, cropped to what is not transparent, as RGBA."""
    from inference.frames import read_frames

    frame = read_frames(path, 1)[0]
    return frame.crop(frame.getchannel("A").getbbox() or (0, 0, *frame.size))


def half_blocks(image: Image.Image, columns: int = COLUMNS) -> Text:
    """Draw an RGBA picture with two pixels a character; transparent pixels show the terminal."""
    from PIL import Image

    scale = columns / max(image.size)
    width = max(1, round(image.width * scale))
    height = max(2, round(image.height * scale / 2) * 2)
    pixels = image.resize((width, height), Image.Resampling.LANCZOS).load()
    assert pixels is not None
    lines = []
    for y in range(0, height, 2):
        line = Text()
        for x in range(width):
            line.append(*_cell(_colour(pixels[x, y]), _colour(pixels[x, y + 1])))
        lines.append(line)
    return Text("\n").join(lines)


def _colour(pixel: object) -> Color | None:
    assert isinstance(pixel, tuple)
    red, green, blue, alpha = pixel
    return Color.from_rgb(red, green, blue) if alpha >= OPAQUE else None


def _cell(upper: Color | None, lower: Color | None) -> tuple[str, Style]:
    if upper is None:
        return (" ", Style()) if lower is None else ("▄", Style(color=lower))
    return "▀", Style(color=upper, bgcolor=lower)


def kitty_escape(image: Image.Image, columns: int = COLUMNS) -> str:
    """Encode a still picture for terminals that speak kitty's graphics protocol."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "".join(_kitty_chunks(base64.b64encode(buffer.getvalue()).decode(), columns)) + "\n"


def _kitty_chunks(payload: str, columns: int) -> Iterator[str]:
    for start in range(0, len(payload), KITTY_CHUNK):
        control = f"a=T,f=100,c={columns}," if start == 0 else ""
        more = int(start + KITTY_CHUNK < len(payload))
        yield f"\x1b_G{control}m={more};{payload[start : start + KITTY_CHUNK]}\x1b\\"


def iterm_escape(path: Path, columns: int = COLUMNS) -> str:
    """Encode the GIF itself, which then moves, for iTerm2 and those that speak its protocol."""
    content = path.read_bytes()
    payload = base64.b64encode(content).decode()
    return f"\x1b]1337;File=inline=1;size={len(content)};width={columns}:{payload}\x07\n"
