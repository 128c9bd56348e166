import base64
from pathlib import Path

import pytest
from PIL import Image

from bot.cli._preview import choose_way, half_blocks, iterm_escape, kitty_escape, middle_frame
from tests import tiny


@pytest.mark.parametrize(
    ("environment", "colours", "way"),
    [
        ({}, None, None),
        ({"KITTY_WINDOW_ID": "1"}, None, None),
        ({}, "standard", None),
        ({}, "truecolor", "blocks"),
        ({}, "256", "blocks"),
        ({"KITTY_WINDOW_ID": "1"}, "truecolor", "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "truecolor", "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "256", "iterm"),
        ({"TERM_PROGRAM": "WezTerm"}, "truecolor", "iterm"),
        ({"KITTY_WINDOW_ID": "1", "TMUX": "/tmp/x"}, "truecolor", "blocks"),
    ],
)
def test_each_terminal_gets_what_it_can_show(
    environment: dict[str, str], colours: str | None, way: str | None
) -> None:
    assert choose_way(environment, colours) == way


def test_half_blocks_show_two_pixels_a_character_and_leave_transparency_open() -> None:
    image = Image.new("RGBA", (2, 4), (0, 0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.putpixel((0, 1), (0, 0, 255, 255))
    image.putpixel((1, 3), (0, 255, 0, 255))
    text = half_blocks(image, columns=4 // 1)
    assert text.plain == "▀ \n ▄"
    first, last = text.spans[0], text.spans[-1]
    assert str(first.style) == "#ff0000 on #0000ff"
    assert str(last.style) == "#00ff00"


def test_the_middle_frame_is_cropped_to_what_shows(tmp_path: Path) -> None:
    tiny.draw_gif(tmp_path / "a.gif", (250, 0, 0))
    frame = middle_frame(tmp_path / "a.gif")
    assert frame.size == (21, 24)
    assert frame.getpixel((10, 10)) == (250, 0, 0, 255)


def test_an_invisible_picture_is_no_trouble(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.gif")
    assert half_blocks(middle_frame(tmp_path / "a.gif")).plain.strip() == ""


def test_kitty_gets_a_png_in_chunks() -> None:
    image = Image.effect_noise((120, 120), 90).convert("RGBA")
    pieces = kitty_escape(image).strip().split("\x1b\\")[:-1]
    assert len(pieces) > 1
    controls, payloads = zip(*(piece.removeprefix("\x1b_G").split(";") for piece in pieces), strict=True)
    assert controls[0].startswith("a=T,f=100,")
    assert [control[-3:] for control in controls] == ["m=1"] * (len(pieces) - 1) + ["m=0"]
    assert base64.b64decode("".join(payloads)).startswith(b"\x89PNG")


def test_iterm_gets_the_moving_gif(tmp_path: Path) -> None:
    tiny.draw_gif(tmp_path / "a.gif", (250, 0, 0))
    escape = iterm_escape(tmp_path / "a.gif")
    payload = escape.rstrip("\n\x07").partition(":")[2]
    assert base64.b64decode(payload) == (tmp_path / "a.gif").read_bytes()
